"""Cursors: where a list goes on, by key and not by counting (API.md, “Paging”).

A cursor is base64url JSON and opaque to callers. It grants nothing: a changed one only names another place in
the same list of what its holder may see.
"""

import base64
import binascii
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from guildhall.core.errors import Invalid

LONGEST = 1500  # characters; a name of 200 letters of four octets each needs 1,300
ENDLESS = 8999  # the year that stands for no end, where a list puts those without one last
_YEARS = range(1900, ENDLESS + 1)  # of what lists hold; the database and its driver stop somewhat beyond
_NUMBERS = 10**18
Place = TypeVar("Place", bound=msgspec.Struct)
Value = TypeVar("Value", datetime, Decimal)


def encode(place: msgspec.Struct) -> str:
    """Return the cursor that stands for `place`, a struct of plain values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def decode(cursor: str, shape: type[Place]) -> Place:
    """Return the place that `cursor` stands for; raises Invalid for anything that `encode` did not make."""
    if len(cursor) > LONGEST:
        raise wrong()
    try:
        octets = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(octets, type=shape)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise wrong() from None
    if not all(map(_in_a_list, msgspec.structs.astuple(place))):
        raise wrong()
    return place


def moment(text: str) -> datetime:
    """Return a moment that a place holds as text; raises Invalid for what no list holds."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise wrong() from None
    return _held(found)


def amount(text: str) -> Decimal:
    """Return an amount that a place holds as text; raises Invalid for what no list holds."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise wrong() from None
    return _held(found)


def _held(value: Value) -> Value:
    """Return what a list may hold; raises Invalid for anything else."""
    if not _in_a_list(value):
        raise wrong()
    return value


def _in_a_list(value: Any) -> bool:
    """Return whether a list may hold a value: a moment has a zone and a year of ours, a number an end."""
    if isinstance(value, datetime):
        return value.tzinfo is not None and value.year in _YEARS
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value) < _NUMBERS
    return not isinstance(value, int) or abs(value) < _NUMBERS


def wrong() -> Invalid:
    """Return the refusal of a cursor that does not belong to this list."""
    return Invalid(errors={"cursor": "This cursor does not belong to this list. Start again without it."})
