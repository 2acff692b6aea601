"""What software of every kind has, a partner's or the platform's: a name, an end, networks, and what became of it."""

from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, func

SOON = timedelta(days=14)
# Whether software with the networks of a row `s` is used from within them, by `usable_address`; none means anywhere.
WITHIN = (
    "(cardinality(s.networks) = 0 OR coalesce("
    "CAST(CAST(:address AS text) AS inet) <<= ANY (CAST(s.networks AS inet[])), false)) AS within"
)


class Software(Struct, frozen=True, kw_only=True):
    """One client of the API. `state` is active, expiring, expired or revoked, and for partners' also stopped."""

    id: UUID
    name: str
    purpose: str
    state: str
    networks: list[str]
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str
    revoked_because: str
    last_used_at: datetime | None
    last_used_from: str
    created_by: str
    created_at: datetime

    @property
    def standing(self) -> bool:
        """Return whether it was not revoked: it works, or can be made to work again."""
        return self.state != "revoked"

    @property
    def lasts(self) -> datetime:
        """Return the last second in which it works: an end at midnight belongs to the day before."""
        return self.expires_at - timedelta(seconds=1)


def usable_address(address: str) -> str | None:
    """Return an address as the database compares it with networks; None where it is none, which is in no network."""
    try:
        return str(ip_address(address)).partition("%")[0]
    except ValueError:
        return None


def revoked(client: Table) -> tuple[ColumnElement[bool], Any]:
    """Return when software of the table `client` is in the state of that name, as a part of a case expression."""
    return client.c.revoked_at.is_not(None), "revoked"


def expired(client: Table) -> tuple[ColumnElement[bool], Any]:
    """Return when software is past its end."""
    return client.c.expires_at <= func.now(), "expired"


def expiring(client: Table) -> tuple[ColumnElement[bool], Any]:
    """Return when the end of software is near."""
    return client.c.expires_at <= func.now() + SOON, "expiring"
