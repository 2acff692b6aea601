"""Subscribers of a tenant: one of them read, activated, suspended (PRODUCT §6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, NotFound
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.tenancy.tables import SubscriberStatus, subscriber

MISSING = "SUBSCRIBER_NOT_FOUND"
READ = "partner.provisioning.subscribers.read"
Act = Literal["activate", "suspend"]


class Subscriber(Struct, frozen=True, kw_only=True):
    """An individual customer of a tenant. `status` is active, suspended or cancelled."""

    id: UUID
    name: str
    email: str
    status: SubscriberStatus
    plan: str
    created_at: datetime
    updated_at: datetime


class _Step(Struct, frozen=True):
    """One act: what it needs, from which status it leads to which, and its verb in the trail."""

    needs: str
    source: str
    target: str
    verb: Action


STEPS: Mapping[Act, _Step] = {
    "activate": _Step("partner.provisioning.subscribers.activate", "suspended", "active", Action.SUBSCRIBER_ACTIVATED),
    "suspend": _Step("partner.provisioning.subscribers.suspend", "active", "suspended", Action.SUBSCRIBER_SUSPENDED),
}


async def get(connection: AsyncConnection, actor: Actor, subscriber_id: UUID, *, tenant_id: UUID) -> Subscriber:
    """Return one subscriber of a tenant; raises Forbidden, NotFound (also for one of another tenant)."""
    if not actor.may(READ):
        raise Forbidden
    columns = [subscriber.c[name] for name in Subscriber.__struct_fields__]
    chosen = select(*columns).where(subscriber.c.id == subscriber_id, subscriber.c.tenant_id == tenant_id)
    row = (await connection.execute(chosen)).mappings().first()
    if row is None:
        raise NotFound(code=MISSING)
    return Subscriber(**row)


async def step(actor: Actor, *, tenant_id: UUID, subscriber_id: UUID, act: Act) -> Subscriber:
    """Activate or suspend a subscriber, in the write itself, and return it; the customer is told by a notice.

    Raises Forbidden and the refusals of gates 3 and 4, NotFound, Conflict where its status does not allow it.
    """
    one = STEPS[act]
    if not actor.may(one.needs):
        raise Forbidden
    async with db.transaction(actor) as connection:
        await named_tenants(connection, actor, tenant_ids=[tenant_id], needs=one.needs)
        before = await get(connection, actor, subscriber_id, tenant_id=tenant_id)
        written = await connection.execute(
            update(subscriber)
            .where(subscriber.c.id == subscriber_id, subscriber.c.status == one.source)
            .values(status=one.target, updated_at=func.now())
            .returning(subscriber.c.id)
        )
        if written.first() is None:
            raise Conflict("Only an active subscriber is suspended, and only a suspended one activated")
        after = await get(connection, actor, subscriber_id, tenant_id=tenant_id)
        await record(
            connection,
            actor,
            action=one.verb,
            target=Target("subscriber", subscriber_id),
            partner_id=actor.partner_id,
            tenant_id=tenant_id,
            changes={"subscriber": before.name, "status": [one.source, one.target]},
        )
    return after
