"""What staff do with links: create one for a beta partner, with a reason, and revoke (PRODUCT §5)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.access.links import must
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.terms import Terms, exact
from guildhall.domain.access.writes import broken_rule, expire_if_overdue, note_step, step
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners.tables import partner
from guildhall.domain.tenancy.tables import tenant


async def create_beta(actor: Actor, *, partner_id: UUID, tenant_id: UUID, terms: Terms, now: datetime) -> UUID:
    """Create an active link directly; the tenant is told and can revoke. Returns the link's id.

    Raises Invalid where partner, tenant or reason is missing, Conflict where a rule of links forbids it.
    """
    must(actor, "staff.links.create")
    require_fresh(actor, now=now)
    if not terms.reason.strip():
        raise Invalid(errors={"reason": "Say why this link starts without the customer's approval"})
    async with db.transaction(actor) as connection:
        whose = select(partner).where(partner.c.id == partner_id).with_for_update(read=True, key_share=True)
        asking = (await connection.execute(whose)).first()
        target = (await connection.execute(select(tenant).where(tenant.c.id == tenant_id))).first()
        if asking is None or target is None or asking.status != "active":
            raise Invalid(errors={"partner_id" if target is not None else "tenant_id": "Choose one of the list"})
        new = await give(connection, actor, asking, target, terms, now=now)
        await note_given(connection, actor, new, asking, target, terms)
    return new


async def give(
    connection: AsyncConnection, actor: Actor, to: Row[Any], about: Row[Any], terms: Terms, *, now: datetime
) -> UUID:
    """Write an active link of the partner `to` with the tenant `about`, which is told; return its id.

    The caller has locked the partner, so that its home tenant stays, and records the link with `note_given`. Raises
    Invalid for terms that cannot be, Conflict where a rule of links forbids it.
    """
    columns, new = exact(terms, now=now), new_id()
    statement = insert(link).values(
        id=new,
        partner_id=to.id,
        partner_name=to.name,
        tenant_id=about.id,
        tenant_name=about.name,
        tenant_domain=about.domain,
        partner_home_tenant_id=to.home_tenant_id,
        relationship_type=terms.relationship_type,
        starts_at=now,
        status="active",
        reason=terms.reason,
        created_by=actor.name,
        updated_by=actor.name,
        decided_at=now,
        **columns,
    )
    try:
        await connection.execute(statement)
    except IntegrityError as error:
        raise broken_rule(error) from None
    return new


async def note_given(
    connection: AsyncConnection, actor: Actor, link_id: UUID, to: Row[Any], about: Row[Any], terms: Terms
) -> None:
    """Record a link that was given, in the trails of partner, tenant and vendor."""
    await record(
        connection,
        actor,
        action=Action.LINK_CREATED,
        target=Target("link", link_id),
        partner_id=to.id,
        tenant_id=about.id,
        changes={"access_role": terms.access_role, "operating_model": terms.operating_model},
        reason=terms.reason,
    )


async def revoke(actor: Actor, *, link_id: UUID, reason: str, now: datetime) -> None:
    """End a link for the vendor, with a reason that both sides read. Needs a fresh second factor."""
    must(actor, "staff.links.revoke")
    require_fresh(actor, now=now)
    if not reason.strip():
        raise Invalid(errors={"reason": "Both sides read the reason: write one"})
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="revoked", values={"decided_at": func.now()})
        await note_step(connection, actor, row, Action.LINK_REVOKED, reason=reason)
