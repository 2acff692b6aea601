"""Tests of the console find their shared words here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
