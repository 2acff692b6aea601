"""Make sure that the browser tests find a Chromium: the system's, else Debian's package, else Playwright's own."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    """Return 0 once there is a browser; install one where there is none."""
    if any(shutil.which(name) for name in NAMES):
        return 0
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=True)  # noqa: S607
        command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium"]
        return subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL).returncode
    return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
