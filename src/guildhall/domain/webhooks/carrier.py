"""What a delivery needs from outside: somebody who resolves, connects and posts. The process that delivers opens it."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

MOST_SECONDS = 10.0
MOST_KEPT = 2048  # octets of an answer's body


class Unsent(Exception):  # noqa: N818 - the port's word for it
    """The request was not answered; the text says why, in words for whoever looks after the endpoint."""


class Reply(Struct, frozen=True):
    """What an endpoint answered: its status, and the beginning of its body."""

    status: int
    body: bytes


class Carrier(Protocol):
    """Takes one request to its address."""

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post `body` once, without following anything, and return the answer; raise Unsent where there is none."""


_open: list[Carrier] = []


def open_carrier(carrier: Carrier) -> None:
    """Let this process deliver webhooks."""
    _open[:] = [carrier]


def carrier() -> Carrier:
    """Return the carrier of this process; raises LookupError where it delivers nothing."""
    if not _open:
        raise LookupError("This process delivers no webhooks")
    return _open[0]
