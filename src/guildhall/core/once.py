"""Forms that open one thing only, however often they arrive: a double click, a reload after a lost answer.

A form carries an id from when it was shown. What it opens gets an id that follows from that one, from the person
and from what was said; so the same form said twice is the same row, and one that was changed in between is not.
"""

import hashlib
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto
from guildhall.core.actor import Actor

_RANDOM = (1 << 76) - 1 & ~(0b11 << 62)  # the bits of a version 7 UUID that tell no time
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def id_from(actor: Actor, form: UUID, said: bytes) -> UUID:
    """Return the id of what `actor` opens with the form that was shown as `form`, saying `said`.

    Nobody can aim at an id: it needs the installation's secret.
    """
    digest = hashlib.sha256(said).hexdigest()
    random = int(crypto.mac("form", f"{actor.user_id} {actor.tenant_id} {form} {digest}"), 16)
    return UUID(int=form.int & ~_RANDOM | random & _RANDOM)


async def alone(connection: AsyncConnection, new: UUID) -> None:
    """Wait until nobody else is about to open `new`; holds until the transaction ends."""
    await connection.execute(_LOCK, {"name": str(new)})
