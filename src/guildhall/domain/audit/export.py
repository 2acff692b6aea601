"""A chain as JSON lines with everything that proves it, closed by its signed head (docs/audit-format.md)."""

from collections.abc import AsyncIterator
from datetime import datetime

from guildhall.core.actor import Actor
from guildhall.domain.audit.reading import Chain


async def export(actor: Actor, *, now: datetime, chain: Chain | None = None) -> AsyncIterator[bytes]:
    """Note the export in the trail, then return the lines of `chain` (default: the actor's own), oldest first.

    Await it before the answer begins: it raises Forbidden without `*.audit.export`. The iterator reads page by
    page in transactions of its own, so that a slow reader holds no connection.
    """
    raise NotImplementedError
