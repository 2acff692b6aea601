"""Refusals: noted in a transaction of their own, bounded by rate, never in the way of the answer (BOUNDARY §5)."""

from datetime import datetime
from uuid import UUID

from guildhall.core.actor import Actor


async def refused(actor: Actor, *, code: str, path: str, now: datetime, tenant_id: UUID | None = None) -> None:
    """Note that a gate refused `actor` with `code` at `path` (no query string), about `tenant_id` where it named one.

    The own side's chain gets it, and the tenant's where the partner has or had a link to it. At most one entry
    per person, code, tenant and minute and a few dozen per person and minute in each process. Never raises.
    """
    raise NotImplementedError
