"""First looks: one entry per person, tenant, area and hour, and no statement for the looks after it (BOUNDARY §5)."""

from datetime import datetime
from uuid import UUID

from guildhall.core.actor import Actor

ENTERED = ""


async def looked(actor: Actor, *, tenant_id: UUID, now: datetime, area: str = ENTERED) -> None:
    """Note that a partner's person looks at `area` of a tenant (billing, support, …), or enters it (no area).

    Looking at an area is entering too. Call it after the gates and before the request's own transaction: it
    commits in one of its own, and costs nothing when this process has noted the same look in this hour.
    """
    raise NotImplementedError
