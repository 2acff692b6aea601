"""An approver's own people: invited by letter, shut out and let in again, in this tenant only (PRODUCT §12).

Known from another customer or not, everybody is invited by the same act, letter and link, and looks the same until that
person came: an invitation tells nothing about an address.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Forbidden, Invalid
from guildhall.core.freshness import require_fresh
from guildhall.core.i18n import N_
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.partners import email_policy
from guildhall.domain.people import invites, members, one_time
from guildhall.domain.people.approvers import NEEDS, still_approver
from guildhall.domain.people.members import Member
from guildhall.domain.people.one_time_tables import customer_one_time
from guildhall.domain.people.tables import customer_membership as membership

LONGEST_REASON = 2000
WAITING = ("invited", "lapsed")
_PERSON = text("SELECT tenancy.invited_person(:address, :name, :language, :timezone)")
_END = text("SELECT tenancy.end_member(:user_id)")


def _may(actor: Actor, now: datetime) -> None:
    """Raise Forbidden for anybody but an approver, StepUpRequired without a fresh second factor."""
    if not actor.may(NEEDS):
        raise Forbidden
    require_fresh(actor, now=now)


async def invite(actor: Actor, *, email: str, name: str, role: str, now: datetime) -> Member:
    """Invite a person into the actor's tenant in this role; raises Invalid by field."""
    _may(actor, now)
    address, called = email.strip().lower(), name.strip()
    invites.check(address, called, role)
    async with db.transaction(actor) as connection:
        await still_approver(connection, actor)
        await email_policy.allow(connection, address)
        values = {"address": address, "name": called, "language": actor.language, "timezone": actor.timezone}
        user_id: UUID = (await connection.execute(_PERSON, values)).scalar_one()
        await _belongs(connection, actor, user_id, role=role, name=called)
        member = await members.get(connection, actor, user_id=user_id)
        await _send(connection, actor, member, now=now)
        await _note(connection, actor, Action.PERSON_INVITED, user_id, {"role": role})
        return member


async def _belongs(connection: AsyncConnection, actor: Actor, user_id: UUID, *, role: str, name: str) -> None:
    """Make the person a member, or let a withdrawn invitation stand again; raises Invalid for who was one before."""
    own = membership.c.user_id == user_id, membership.c.tenant_id == actor.tenant_id
    again = (
        update(membership)
        .where(*own, membership.c.status == "deactivated", membership.c.accepted_at.is_(None))
        .values(status="active", role=role, invited_name=name)
        .returning(membership.c.user_id)
    )
    known = await connection.scalar(select(membership.c.status).where(*own))
    if known is None:
        made = insert(membership).values(user_id=user_id, tenant_id=actor.tenant_id, role=role, invited_name=name)
        await connection.execute(made)
    elif known == "active":
        raise Invalid(errors={"email": "This person is among your people already"})
    elif await connection.scalar(again) is None:
        raise Invalid(errors={"email": "This person is deactivated; reactivate first"})


async def send_again(actor: Actor, *, user_id: UUID, now: datetime) -> Member:
    """Send a fresh letter to somebody who has not come yet; the link of before dies."""
    _may(actor, now)
    async with db.transaction(actor) as connection:
        await still_approver(connection, actor)
        member = await members.get(connection, actor, user_id=user_id)
        if member.state not in WAITING:
            raise Conflict("This person is not waiting for an invitation")
        await _send(connection, actor, member, now=now)
        await _note(connection, actor, Action.PERSON_INVITED_AGAIN, user_id)
        return member


async def withdraw(actor: Actor, *, user_id: UUID, now: datetime) -> None:
    """Take an invitation back before the person has come: the link dies."""
    _may(actor, now)
    async with db.transaction(actor) as connection:
        await still_approver(connection, actor)
        member = await members.get(connection, actor, user_id=user_id)
        if member.state not in WAITING or user_id == actor.user_id:
            raise Conflict("This person is not waiting for an invitation")
        await _set_status(connection, actor, user_id, "deactivated")
        await _note(connection, actor, Action.PERSON_UNINVITED, user_id)


async def set_active(actor: Actor, *, user_id: UUID, active: bool, reason: str, now: datetime) -> None:
    """Shut a colleague out of this tenant from the next request on, or let one in again.

    Nobody does it to the own person, and whoever acts is an approver still when it is written: so one always stays.
    """
    _may(actor, now)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    if user_id == actor.user_id:
        raise Conflict("You cannot change your own access; ask another approver")
    async with db.transaction(actor) as connection:
        await still_approver(connection, actor)
        await members.get(connection, actor, user_id=user_id)
        await _set_status(connection, actor, user_id, "active" if active else "deactivated")
        action = Action.PERSON_REACTIVATED if active else Action.PERSON_DEACTIVATED
        await _note(connection, actor, action, user_id, reason=reason.strip())


async def _set_status(connection: AsyncConnection, actor: Actor, user_id: UUID, status: str) -> None:
    """Write the status in this tenant; who is shut out loses sessions and links here. Raises Conflict for no change."""
    changed = await connection.execute(
        update(membership)
        .where(
            membership.c.user_id == user_id,
            membership.c.tenant_id == actor.tenant_id,
            membership.c.status != status,
        )
        .values(status=status)
        .returning(membership.c.user_id)
    )
    if changed.first() is None:
        raise Conflict("The person is in this state already")
    if status == "active":
        return
    await connection.execute(_END, {"user_id": user_id})
    await connection.execute(
        update(customer_one_time)
        .where(
            customer_one_time.c.user_id == user_id,
            customer_one_time.c.tenant_id == actor.tenant_id,
            customer_one_time.c.purpose == "join",
            customer_one_time.c.used_at.is_(None),
            customer_one_time.c.expires_at > func.now(),
        )
        .values(expires_at=func.now())
    )


async def _send(connection: AsyncConnection, actor: Actor, member: Member, *, now: datetime) -> None:
    """Post the letter with a one-time link; it sets nothing for somebody who can sign in already."""
    token = await one_time.issue(
        connection,
        actor,
        surface=Surface.CUSTOMER,
        user_id=member.id,
        purpose="join",
        now=now,
        tenant_id=actor.tenant_id,
    )
    await post(connection, letter(member, actor, token))


def letter(member: Member, actor: Actor, token: str) -> Letter:
    """Return the letter that invites, in the language of whoever invites: nothing else is known of the reader."""
    return Letter(
        kind="person.invited",
        to=member.email,
        name=member.name,
        language=actor.language,
        subject=N_("%(inviter)s invites you to the customer portal of %(tenant)s"),
        paragraphs=(
            N_("There you see which partners have access to %(tenant)s, and what they do."),
            N_("Open the link to choose how you sign in. It works once, within 7 days."),
            N_("If you have an account here already, sign in as before and choose %(tenant)s at the top of the page."),
            N_("If you did not expect this, leave the letter alone; nothing happens."),
        ),
        values={"inviter": actor.name, "tenant": actor.tenant_name or ""},
        link=("customers", f"/welcome/{token}"),
        button=N_("Join"),
    )


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    action: Action,
    user_id: UUID,
    changes: dict[str, str] | None = None,
    reason: str = "",
) -> None:
    """Write an act into the tenant's trail."""
    target = Target("customer_user", user_id)
    await record(
        connection, actor, action=action, target=target, tenant_id=actor.tenant_id, changes=changes, reason=reason
    )
