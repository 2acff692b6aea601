"""What staff do with people of partners and of customers: deactivate and reactivate, with a reason (PRODUCT §11)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.people import principals
from guildhall.domain.people.places import within_limit
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_session, customer_user, partner_session, partner_user

Side = Literal["partner", "customer"]
LONGEST_REASON = 2000
_TABLES: dict[Side, tuple[Any, Any]] = {
    "partner": (partner_user, partner_session),
    "customer": (customer_user, customer_session),
}


async def set_active(actor: Actor, *, side: Side, user_id: UUID, active: bool, reason: str, now: datetime) -> None:
    """Deactivate a person (every session ends at once) or reactivate one. Needs a fresh second factor.

    Raises Invalid without a reason, Conflict where it is so already or the person is the last active principal.
    """
    if not actor.may("staff.people.manage"):
        raise Forbidden
    require_fresh(actor, now=now)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    person, session = _TABLES[side]
    async with db.transaction(actor) as connection:
        row = await _locked(connection, person, user_id)
        if side == "partner" and not active:
            principals.one_stays(await principals.held(connection, row["partner_id"]), without=user_id)
        status = "active" if active else "deactivated"
        write = update(person).where(person.c.id == user_id, person.c.status != status)
        with within_limit():
            changed = await connection.execute(
                write.values(status=status, updated_at=func.now()).returning(person.c.id)
            )
        if changed.first() is None:
            raise Conflict("The person is in this state already")
        if not active:
            ended = update(session).where(session.c.user_id == user_id, session.c.ended_at.is_(None))
            await connection.execute(ended.values(ended_at=func.now()))
        await _note(connection, actor, side, row, active=active, reason=reason)


async def _locked(connection: AsyncConnection, person: Any, user_id: UUID) -> RowMapping:
    """Return the person's row; raises NotFound where there is none."""
    columns = [person.c.id, *([person.c.partner_id, person.c.roles] if "partner_id" in person.c else [])]
    row = (await connection.execute(select(*columns).where(person.c.id == user_id))).mappings().first()
    if row is None:
        raise NotFound
    return row


async def _note(
    connection: AsyncConnection, actor: Actor, side: Side, row: RowMapping, *, active: bool, reason: str
) -> None:
    """Write the act into the trail of the partner, or of every tenant that the person belongs to."""
    action = Action.PERSON_REACTIVATED if active else Action.PERSON_DEACTIVATED
    target = Target(f"{side}_user", row["id"])
    if side == "partner":
        await record(connection, actor, action=action, target=target, partner_id=row["partner_id"], reason=reason)
        return
    of = select(membership.c.tenant_id).where(membership.c.user_id == row["id"])
    tenants = sorted((await connection.execute(of)).scalars())
    await hold(connection, partners=[], tenants=tenants, vendor=True)
    for tenant_id in tenants or [None]:
        await record(connection, actor, action=action, target=target, tenant_id=tenant_id, reason=reason)
