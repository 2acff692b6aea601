"""Cursors: where a list goes on, by key and not by counting (API.md, “Paging”).

A cursor is base64url JSON and opaque to callers. It grants nothing: a changed one only names another place in
the same list of what its holder may see.
"""

import base64
import binascii
from typing import TypeVar

import msgspec

from guildhall.core.errors import Invalid

LONGEST = 1500  # characters; a name of 200 letters of four octets each needs 1,300
Place = TypeVar("Place", bound=msgspec.Struct)


def encode(place: msgspec.Struct) -> str:
    """Return the cursor that stands for `place`, a struct of plain values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def decode(cursor: str, shape: type[Place]) -> Place:
    """Return the place that `cursor` stands for; raises Invalid for anything that `encode` did not make."""
    if len(cursor) > LONGEST:
        raise wrong()
    try:
        octets = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(octets, type=shape)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise wrong() from None


def wrong() -> Invalid:
    """Return the refusal of a cursor that does not belong to this list."""
    return Invalid(errors={"cursor": "This cursor does not belong to this list. Start again without it."})
