"""Make sure that the tests find the programs they drive: a Chromium, and curl and jq for the guide of the API.

Chromium is the system's, else Debian's package, else Playwright's own. The others are the system's or Debian's.
"""

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OTHERS = ("curl", "jq")


def main() -> int:
    """Return 0 once all are there; install what is missing, or say what to install."""
    missing = [name for name in OTHERS if not shutil.which(name)]
    browser = any(shutil.which(name) for name in BROWSERS)
    if (missing or not browser) and shutil.which("apt-get") and os.geteuid() == 0:
        return _from_debian([*missing, *([] if browser else ["chromium"])])
    if missing:
        sys.stderr.write(f"The tests need {' and '.join(missing)}; install it with your system's packages.\n")
    if not browser:
        return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode
    return 0


def _from_debian(packages: list[str]) -> int:
    """Install Debian's packages."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=environment, check=True)  # noqa: S607
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    return subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
