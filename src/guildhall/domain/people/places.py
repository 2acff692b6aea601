"""A partner has as many people as staff allow it, active or invited (PRODUCT §4).

The database refuses one more, also of two who are invited at once (team.sql); here the refusal is a sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from guildhall.core.errors import Conflict

_RULE = "as many people as staff allowed"


@contextmanager
def within_limit() -> Iterator[None]:
    """Raise Conflict where what is written inside would be one person too many."""
    try:
        yield
    except IntegrityError as refused:
        if _RULE not in str(refused.orig):
            raise
        raise Conflict(
            "This partner has as many people, active or invited, as the vendor allows. Deactivate somebody or withdraw"
            " an invitation first, or ask the vendor for more."
        ) from None
