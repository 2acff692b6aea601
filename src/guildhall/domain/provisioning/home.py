"""The tenant that is a partner's own organisation: staff name it, and accounts are kept in it (PRODUCT §1)."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.access.states import OPEN, STANDING
from guildhall.domain.access.tables import partner_account, partner_tenant_link
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.partners.tables import partner
from guildhall.domain.tenancy.tables import tenant

MANAGE = "staff.partners.manage"


async def of(connection: AsyncConnection, partner_id: UUID) -> tuple[UUID, str] | None:
    """Return id and name of a partner's home tenant, None where it has none."""
    joined = partner.join(tenant, tenant.c.id == partner.c.home_tenant_id)
    rows = await connection.execute(
        select(tenant.c.id, tenant.c.name).select_from(joined).where(partner.c.id == partner_id)
    )
    found = rows.first()
    return None if found is None else (found.id, found.name)


async def settle(actor: Actor, *, partner_id: UUID, domain: str, now: datetime) -> None:
    """Make the customer with this domain a partner's home tenant. Needs a fresh second factor.

    Raises Invalid (`domain`), NotFound, and Conflict where nothing would change, a link to the tenant stands or is
    asked for, or accounts in the present home tenant are active.
    """
    if not actor.may(MANAGE):
        raise Forbidden
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        locked = select(partner.c.home_tenant_id, partner.c.name).where(partner.c.id == partner_id).with_for_update()
        current = (await connection.execute(locked)).first()
        if current is None:
            raise NotFound(code="PARTNER_NOT_FOUND")
        home = await _tenant(connection, domain)
        if home[0] == current.home_tenant_id:
            raise Conflict("Nothing was changed")
        await _may_be(connection, partner_id, home[0])
        before = await of(connection, partner_id)
        write = update(partner).where(partner.c.id == partner_id)
        await connection.execute(write.values(home_tenant_id=home[0], updated_at=func.now()))
        await _note(connection, actor, (partner_id, current.name), before, home)


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    whose: tuple[UUID, str],
    before: tuple[UUID, str] | None,
    home: tuple[UUID, str],
) -> None:
    """Tell the partner which tenant was and is its home, and each of the two tenants of itself alone."""
    target, (partner_id, name) = Target("partner", whose[0]), whose
    left = [before] if before else []
    await hold(connection, partners=[partner_id], tenants=[each[0] for each in (*left, home)], vendor=True)
    names: dict[str, Any] = {"home_tenant": [before[1] if before else None, home[1]]}
    changed = partial(record, connection, actor, action=Action.PARTNER_CHANGED, target=target)
    await changed(partner_id=partner_id, changes=names)
    for tenant_id, _ in left:
        await changed(tenant_id=tenant_id, changes={"home_of": [name, None]})
    await changed(tenant_id=home[0], changes={"home_of": [None, name]})


async def _tenant(connection: AsyncConnection, domain: str) -> tuple[UUID, str]:
    """Return id and name of the customer with this domain; raises Invalid where there is none."""
    wanted = domain.strip().lower()
    row = (await connection.execute(select(tenant.c.id, tenant.c.name).where(tenant.c.domain == wanted))).first()
    if not wanted or row is None:
        raise Invalid(errors={"domain": "No customer has this domain"})
    return row.id, row.name


async def _may_be(connection: AsyncConnection, partner_id: UUID, tenant_id: UUID) -> None:
    """Raise Conflict where a tenant cannot become a partner's home tenant now."""
    link = partner_tenant_link.c
    linked = select(link.id).where(link.partner_id == partner_id, link.tenant_id == tenant_id)
    if (await connection.execute(linked.where(link.status.in_({*STANDING, *OPEN})))).first():
        raise Conflict("A partner's home tenant cannot be linked to it")
    kept = select(partner_account.c.id).where(partner_account.c.partner_id == partner_id)
    if (await connection.execute(kept.where(partner_account.c.status == "active"))).first():
        raise Conflict("End the accounts in the present home tenant first")
