"""Who of a customer may approve: an approver makes a viewer an approver, or an approver a viewer (PRODUCT §12)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import members
from guildhall.domain.people.members import Member
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person
from guildhall.domain.rbac.registry import CUSTOMER_ROLES

NEEDS = "customer.people.manage"


def changeable(actor: Actor, member: Member) -> bool:
    """Return whether the actor may change this person's role: an active colleague's, never the own one."""
    return actor.may(NEEDS) and member.id != actor.user_id and member.status == "active"


async def set_role(actor: Actor, *, user_id: UUID, role: str, now: datetime) -> None:
    """Give an active colleague another role, `approver` or `viewer`. Needs a fresh second factor.

    Nobody changes the own role, and whoever acts is an approver still when the change is written. So one always
    stays, whatever approvers do at once. Staff stand outside this: they may deactivate the acting person at the
    same moment, or the last approver at any, and see such a customer among those without an approver.
    Raises NotFound for anybody else, Conflict where there is nothing to change.
    """
    if not actor.may(NEEDS):
        raise Forbidden
    require_fresh(actor, now=now)
    if role not in CUSTOMER_ROLES:
        raise NotFound
    if user_id == actor.user_id:
        raise Conflict("You cannot change your own role; ask another approver")
    async with db.transaction(actor) as connection:
        await still_approver(connection, actor)
        member = await members.get(connection, actor, user_id=user_id)
        if member.status != "active":
            raise Conflict("This person is deactivated")
        changed = await connection.execute(
            update(membership)
            .where(membership.c.tenant_id == actor.tenant_id, membership.c.user_id == user_id)
            .where(membership.c.role != role, membership.c.status == "active")
            .values(role=role)
            .returning(membership.c.user_id)
        )
        if changed.first() is None:
            raise Conflict("The person has this role already")
        await record(
            connection,
            actor,
            action=Action.PERSON_ROLE_CHANGED,
            target=Target("customer_user", user_id),
            tenant_id=actor.tenant_id,
            changes={"role": [member.role, role]},
        )


async def still_approver(connection: AsyncConnection, actor: Actor) -> None:
    """Lock the approvers of the tenant in one order; raise Forbidden where the actor is none of them any more.

    Two who change each other's role at once wait here, and the second finds itself a viewer.
    """
    approving = (
        select(membership.c.user_id)
        .join(person, person.c.id == membership.c.user_id)
        .where(membership.c.tenant_id == actor.tenant_id, membership.c.role == "approver")
        .where(membership.c.status == "active", person.c.status == "active")
        .order_by(membership.c.user_id)
        .with_for_update(of=membership)
    )
    if actor.user_id not in set((await connection.execute(approving)).scalars()):
        raise Forbidden
