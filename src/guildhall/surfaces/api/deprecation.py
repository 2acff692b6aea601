"""An operation that will go: since when it is deprecated, when it goes, and how its answers say so (API.md)."""

from datetime import datetime, timedelta
from email.utils import format_datetime

from msgspec import Struct

from guildhall.surfaces.api.problems import DOCS

NOTICE = timedelta(days=182)


class Deprecation(Struct, frozen=True, kw_only=True):
    """An operation is deprecated from `since` on and gone from `sunset` on, both in UTC, six months later at least.

    `instead` says in a sentence what to call; ValueError where the notice is too short.
    """

    since: datetime
    sunset: datetime
    instead: str

    def __post_init__(self) -> None:
        """Hold the notice."""
        if self.sunset - self.since < NOTICE:
            raise ValueError("An operation goes six months after it is deprecated, at the earliest")

    @property
    def sentence(self) -> str:
        """Return what the document says of it."""
        return f"Deprecated since {self.since:%Y-%m-%d}, gone from {self.sunset:%Y-%m-%d} on. {self.instead}"

    def headers(self, operation: str) -> list[tuple[bytes, bytes]]:
        """Return what every answer of the operation says (RFC 9745, RFC 8594), with a link to the reference."""
        said = {
            "deprecation": f"@{int(self.since.timestamp())}",
            "sunset": format_datetime(self.sunset, usegmt=True),
            "link": f'<{DOCS}#{operation}>; rel="deprecation"; type="text/html"',
        }
        return [(name.encode(), value.encode()) for name, value in said.items()]
