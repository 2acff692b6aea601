"""The house's tools are scripts, not a package: tests of them find them here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))
