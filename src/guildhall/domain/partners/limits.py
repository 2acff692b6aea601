"""How many customers and people a partner may have: asked at approval, changed by staff, held by the database.

Who is over a lower limit stays; nobody comes on top (links.sql, team.sql).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.tables import partner

MOST = 1_000_000


def errors(**limits: int | None) -> dict[str, str]:
    """Return what is wrong with limits, by name: each is a whole number from 1 on, or None for no limit."""
    wrong = "Write a whole number from 1 on, or leave it empty for no limit"
    return {name: wrong for name, limit in limits.items() if limit is not None and not 1 <= limit <= MOST}


async def change(actor: Actor, *, partner_id: UUID, customers: int | None, people: int | None, now: datetime) -> None:
    """Give a partner these limits, None for none; they bind from the next link and the next invitation on.

    Needs a fresh second factor. Raises Invalid by field, NotFound, Conflict where nothing would change.
    """
    if not actor.may("staff.partners.manage"):
        raise Forbidden
    wanted = {"customer_limit": customers, "people_limit": people}
    if wrong := errors(**wanted):
        raise Invalid(errors=wrong)
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        columns = [partner.c[name] for name in wanted]
        chosen = select(*columns).where(partner.c.id == partner_id).with_for_update()
        before = (await connection.execute(chosen)).mappings().first()
        if before is None:
            raise NotFound(code="PARTNER_NOT_FOUND")
        changes = {name: [before[name], value] for name, value in wanted.items() if before[name] != value}
        if not changes:
            raise Conflict("Nothing was changed")
        await connection.execute(
            update(partner).where(partner.c.id == partner_id).values(**wanted, updated_at=func.now())
        )
        target = Target("partner", partner_id)
        await record(
            connection, actor, action=Action.PARTNER_CHANGED, target=target, partner_id=partner_id, changes=changes
        )
