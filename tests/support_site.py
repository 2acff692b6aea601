"""The running demo, as journeys in the browser see it."""

import time

import pyotp

from guildhall.core import clock
from guildhall.worlds import demo


class Site:
    """The running demo: addresses, and one-time codes that nobody has used."""

    def __init__(self, port: int, database: str) -> None:
        self.port, self.database = port, database
        self._steps: dict[str, int] = {}

    def url(self, label: str, path: str = "/") -> str:
        """Return the address of a page on the surface `label`."""
        return f"http://{label}.localhost:{self.port}{path}"

    def code(self, email: str) -> str:
        """Return a code that works now and was not used before; waits for one where two were used already."""
        while True:
            current = int(clock.now().timestamp()) // 30
            step = max(current, self._steps.get(email, 0) + 1)
            if step <= current + 1:
                break
            time.sleep(1)
        self._steps[email] = step
        return pyotp.TOTP(demo.totp_secret(email)).at(step * 30)
