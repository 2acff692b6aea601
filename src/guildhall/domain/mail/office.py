"""What a letter needs beside its words: the vendor's look, a sender, and somebody who carries it away.

The process that delivers opens its office once, at start; carriers are adapters.
"""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Literal, Protocol

from msgspec import Struct

Carried = Literal["sent", "kept"]


class Refused(Exception):  # noqa: N818 - the post's word for it
    """The server will never take this letter; the text is what it said."""


class Undelivered(Exception):  # noqa: N818
    """The letter could not be handed over now; the text says why. A later try may fare better."""


class Carrier(Protocol):
    """Takes finished letters away."""

    async def carry(self, message: EmailMessage) -> Carried:
        """Hand `message` over and return what became of it; raise Refused or Undelivered."""


class Look(Struct, frozen=True):
    """Whose letters these are: the vendor's name, its colour as `#rrggbb`, and the origin of a surface's label."""

    brand: str
    colour: str
    origin: Callable[[str], str]


class Office(Struct, frozen=True):
    """One installation's mail: its look, the address that letters come from, and their carrier."""

    look: Look
    sender: str
    carrier: Carrier


_open: list[Office] = []


def open_office(office: Office) -> None:
    """Let this process deliver."""
    _open[:] = [office]


def office() -> Office:
    """Return the office of this process; raises LookupError where it delivers nothing."""
    if not _open:
        raise LookupError("This process delivers no mail")
    return _open[0]
