"""Suspending, reinstating and terminating a partner: it binds on its next request (PRODUCT §4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.links import must
from guildhall.domain.access.states import OPEN, STANDING
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.writes import note_step
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.partners.tables import STATUSES, partner

_LONGEST_REASON = 2000


async def set_status(actor: Actor, *, partner_id: UUID, status: str, reason: str, now: datetime) -> int:
    """Bring a partner to `status`; terminating revokes its links and withdraws its requests. Returns how many.

    Needs a fresh second factor. Raises Invalid by field, Conflict where it is so already.
    """
    must(actor, "staff.partners.manage")
    _check(status, reason)
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        before = await connection.scalar(select(partner.c.status).where(partner.c.id == partner_id).with_for_update())
        if before is None:
            raise NotFound(code="PARTNER_NOT_FOUND")
        if before == status:
            raise Conflict("The partner is in this state already")
        await connection.execute(
            update(partner).where(partner.c.id == partner_id).values(status=status, updated_at=func.now())
        )
        ended = await _end_links(connection, actor, partner_id, reason) if status == "terminated" else 0
        await record(
            connection,
            actor,
            action=Action.PARTNER_CHANGED,
            target=Target("partner", partner_id),
            partner_id=partner_id,
            changes={"status": [before, status]},
            reason=reason,
        )
        return ended


def _check(status: str, reason: str) -> None:
    """Raise Invalid by field."""
    errors = {}
    if status not in STATUSES:
        errors["status"] = "Choose one of the list"
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        errors["reason"] = "Say why, in at most 2000 characters"
    if errors:
        raise Invalid(errors=errors)


async def _end_links(connection: AsyncConnection, actor: Actor, partner_id: UUID, reason: str) -> int:
    """Revoke the partner's standing links and withdraw its open requests; both sides' trails say so."""
    rows = []
    for states, to in ((STANDING, "revoked"), (OPEN, "withdrawn")):
        written = await connection.execute(
            update(link)
            .where(link.c.partner_id == partner_id, link.c.status.in_(states))
            .values(
                status=to,
                paused_by=None,
                decided_at=func.now(),
                version=link.c.version + 1,
                updated_by=actor.name,
                updated_at=func.now(),
            )
            .returning(link)
        )
        rows += written.mappings().all()
    await hold(connection, partners=[partner_id], tenants=[row["tenant_id"] for row in rows], vendor=True)
    for row in sorted(rows, key=lambda each: str(each["tenant_id"])):
        action = Action.LINK_REVOKED if row["status"] == "revoked" else Action.LINK_WITHDRAWN
        await note_step(connection, actor, row, action, reason=reason)
    return len(rows)
