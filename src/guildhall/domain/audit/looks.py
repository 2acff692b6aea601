"""First looks: one entry per person, tenant, area and hour, and no statement for the looks after it (BOUNDARY §5)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.audit.tables import audit_view
from guildhall.domain.audit.trail import Action, Target, record

ENTERED = ""
_MOST_REMEMBERED = 100_000
_remembered: set[tuple[UUID | None, UUID, str, datetime]] = set()


async def looked(actor: Actor, *, tenant_id: UUID, now: datetime, area: str = ENTERED) -> None:
    """Note that a partner's person looks at `area` of a tenant (billing, support, …), or enters it (no area).

    Looking at an area is entering too. Call it after the gates and before the request's own transaction: it
    commits in one of its own, and costs nothing when this process has noted the same look in this hour.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = (actor.user_id, tenant_id, area, hour)
    if key in _remembered:
        return
    await _note(actor, tenant_id, area, hour)
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.add(key)


async def _note(actor: Actor, tenant_id: UUID, area: str, hour: datetime) -> None:
    """Write what nobody has written yet of this look: the entering, and the area."""
    rows = [{"user_id": actor.user_id, "tenant_id": tenant_id, "area": seen, "hour": hour} for seen in {ENTERED, area}]
    first = insert(audit_view).values(rows).on_conflict_do_nothing().returning(audit_view.c.area)
    async with db.transaction(actor) as connection:
        for seen in sorted((await connection.execute(first)).scalars()):
            await record(
                connection,
                actor,
                action=Action.TENANT_VIEWED if seen else Action.TENANT_ENTERED,
                target=Target("tenant", tenant_id),
                partner_id=actor.partner_id,
                tenant_id=tenant_id,
                changes={"area": seen} if seen else {},
            )


@periodic("11 * * * *", "audit.forget_looks")
async def forget(actor: Actor) -> None:
    """Drop the marks of hours that are over; the entries stay."""
    over = audit_view.c.hour < func.now() - func.make_interval(0, 0, 0, 1)
    async with db.transaction(actor) as connection:
        await connection.execute(delete(audit_view).where(over))
