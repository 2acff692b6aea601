"""What a principal does with colleagues: roles and limits, deactivate and reactivate (PRODUCT §3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import limits as limiting_people
from guildhall.domain.people import principals, team
from guildhall.domain.people.limits import Limits
from guildhall.domain.people.places import within_limit
from guildhall.domain.people.tables import partner_user
from guildhall.domain.people.team import Colleague
from guildhall.domain.team import invitations, leading, limiting

LONGEST_REASON = 2000
_END = text("SELECT portal.end_colleague(:user_id)")


async def set_access(actor: Actor, *, user_id: UUID, roles: Sequence[str], limits: Limits, now: datetime) -> None:
    """Give a colleague these roles and limits, from the next request on. Needs a fresh second factor.

    Raises Invalid by field; Conflict for the own person, for the last principal, and where nothing would change.
    """
    leading.may_lead(actor, now=now)
    roles, limits = list(dict.fromkeys(roles)), limiting.tidy(limits)
    async with db.transaction(actor) as connection:
        standing = await leading.leading(connection, actor, other=user_id)
        colleague = await team.get(connection, actor, user_id=user_id)
        _may_change(actor, colleague, roles)
        named = await limiting.checked(connection, actor, limits)
        if principals.PRINCIPAL not in roles or limits.scope != "all":
            principals.one_stays(standing, without=user_id)
        before = await limiting_people.of(connection, user_id)
        changes = await _changes(connection, actor, colleague, before, roles, limits, named)
        if not changes:
            raise Conflict("Nothing was changed")
        await connection.execute(
            update(partner_user).where(partner_user.c.id == user_id).values(roles=roles, updated_at=func.now())
        )
        await limiting_people.write(connection, user_id, limits)
        await record(
            connection,
            actor,
            action=Action.PERSON_ACCESS_CHANGED,
            target=Target("partner_user", user_id),
            partner_id=actor.partner_id,
            changes=changes,
        )


def _may_change(actor: Actor, colleague: Colleague, roles: Sequence[str]) -> None:
    """Raise for roles that the actor may not give, and for a person who is deactivated."""
    if colleague.status != "active":
        raise Conflict("This person is deactivated")
    wrong = invitations.role_error(actor, roles) or invitations.role_error(actor, colleague.roles)
    if wrong:
        raise Invalid(errors={"roles": wrong})


async def _changes(
    connection: AsyncConnection,
    actor: Actor,
    colleague: Colleague,
    before: Limits,
    roles: Sequence[str],
    limits: Limits,
    named: dict[str, list[str]],
) -> dict[str, Any]:
    """Return what an act changes: each value before and after, in names."""
    changes: dict[str, Any] = {}
    if set(roles) != set(colleague.roles):
        changes["roles"] = [colleague.roles, list(roles)]
    if limits.scope != before.scope:
        changes["tenant_scope"] = [before.scope, limits.scope]
    if set(limits.tenant_ids) != set(before.tenant_ids):
        known = await limiting.known(connection, actor, before.tenant_ids)
        changes["tenants"] = [sorted(known.values()), named["tenants"]]
    if set(limits.group_ids) != set(before.group_ids):
        changes["groups"] = [await limiting.group_names(connection, before.group_ids), named["groups"]]
    return changes


async def deactivate(actor: Actor, *, user_id: UUID, reason: str, now: datetime) -> None:
    """Shut a colleague out from the next request on; every session ends. Needs a reason and a fresh second factor."""
    await _set_active(actor, user_id=user_id, active=False, reason=reason, now=now)


async def reactivate(actor: Actor, *, user_id: UUID, reason: str, now: datetime) -> None:
    """Let a colleague in again, with the roles and limits of before."""
    await _set_active(actor, user_id=user_id, active=True, reason=reason, now=now)


async def _set_active(actor: Actor, *, user_id: UUID, active: bool, reason: str, now: datetime) -> None:
    leading.may_lead(actor, now=now)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    status = "active" if active else "deactivated"
    async with db.transaction(actor) as connection:
        standing = await leading.leading(connection, actor, other=user_id)
        colleague = await team.get(connection, actor, user_id=user_id)
        wrong = invitations.role_error(actor, colleague.roles)
        if wrong:
            raise Conflict(wrong)
        if not active:
            principals.one_stays(standing, without=user_id)
        write = update(partner_user).where(partner_user.c.id == user_id, partner_user.c.status != status)
        with within_limit():
            changed = await connection.execute(
                write.values(status=status, updated_at=func.now()).returning(partner_user.c.id)
            )
        if changed.first() is None:
            raise Conflict("The person is in this state already")
        if not active:
            await connection.execute(_END, {"user_id": user_id})
            await invitations.end_links(connection, user_id)
        await record(
            connection,
            actor,
            action=Action.PERSON_REACTIVATED if active else Action.PERSON_DEACTIVATED,
            target=Target("partner_user", user_id),
            partner_id=actor.partner_id,
            reason=reason.strip(),
        )
