"""Inviting colleagues: a letter with a one-time link; sent again, or taken back, until the person has come."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.i18n import N_
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.partners import email_policy
from guildhall.domain.people import limits as limiting_people
from guildhall.domain.people import one_time, team
from guildhall.domain.people.invites import person_errors
from guildhall.domain.people.limits import Limits
from guildhall.domain.people.one_time_tables import partner_one_time
from guildhall.domain.people.places import within_limit
from guildhall.domain.people.tables import partner_user
from guildhall.domain.people.team import Colleague
from guildhall.domain.rbac.registry import PARTNER_ROLES, grantable
from guildhall.domain.team import leading, limiting

WAITING = ("invited", "lapsed")


async def invite(
    actor: Actor, *, email: str, name: str, roles: Sequence[str], limits: Limits, now: datetime
) -> Colleague:
    """Make a colleague with these roles and limits, and send a link that is valid for 7 days.

    Raises Invalid by field: for somebody of the own team by saying so, for an address that is taken elsewhere by not
    saying where; Conflict where the partner has as many people as it may. A withdrawn invitation may be sent anew.
    """
    partner_id = leading.may_lead(actor, now=now)
    address, called, limits = email.strip().lower(), name.strip(), limiting.tidy(limits)
    check(actor, address, called, roles)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor)
        named = await limiting.checked(connection, actor, limits)
        user_id = await _made(connection, actor, partner_id, address, called, roles, limits)
        await limiting_people.write(connection, user_id, limits)
        colleague = await team.get(connection, actor, user_id=user_id)
        await _send(connection, actor, colleague, now=now)
        await record(
            connection,
            actor,
            action=Action.PERSON_INVITED,
            target=Target("partner_user", user_id),
            partner_id=partner_id,
            changes={"roles": [[], list(roles)]} | limiting.told(limits, named),
        )
        return colleague


def check(actor: Actor, address: str, name: str, roles: Sequence[str]) -> None:
    """Raise Invalid by field for what cannot be a colleague, and for roles that the actor may not give."""
    errors = person_errors(address, name)
    if "email" not in errors and email_policy.kind_of(address.rpartition("@")[2]) == "disposable":
        errors["email"] = email_policy.DISPOSABLE
    wrong = role_error(actor, roles)
    if wrong:
        errors["roles"] = wrong
    if errors:
        raise Invalid(errors=errors)


def role_error(actor: Actor, roles: Sequence[str]) -> str:
    """Return what is wrong with `roles` as given by the actor, or nothing."""
    if not roles:
        return "Choose at least one role"
    if set(roles) - set(PARTNER_ROLES):
        return "Choose among the roles of the list"
    if set(roles) - set(grantable(actor.roles)):
        return "You cannot give a role above your own"
    return ""


async def _made(
    connection: AsyncConnection,
    actor: Actor,
    partner_id: UUID,
    address: str,
    name: str,
    roles: Sequence[str],
    limits: Limits,
) -> UUID:
    """Return the id of the person who was made, or whose withdrawn invitation stands again.

    Raises Invalid where the address is taken, Conflict where the partner has as many people as it may.
    """
    values = {"name": name, "roles": list(dict.fromkeys(roles)), "tenant_scope": limits.scope}
    own = partner_user.c.email == address, partner_user.c.partner_id == partner_id
    again = (
        update(partner_user)
        .where(*own, partner_user.c.status == "deactivated", partner_user.c.last_active_at.is_(None))
        .values(**values, status="active", updated_at=func.now())
        .returning(partner_user.c.id)
    )
    new = {"id": new_id(), "email": address, "language": actor.language, "timezone": actor.timezone}
    made = (
        upsert(partner_user)
        .values(**values, **new, partner_id=partner_id)
        .on_conflict_do_nothing(index_elements=[partner_user.c.email])
        .returning(partner_user.c.id)
    )
    with within_limit():
        user_id: UUID | None = await connection.scalar(again) or await connection.scalar(made)
    if user_id is None:
        if await connection.scalar(select(partner_user.c.id).where(*own)):
            raise Invalid(errors={"email": "This person is in your team already"})
        raise Invalid(errors={"email": "This address cannot be invited. Use another one, or write to the vendor."})
    return user_id


async def send_again(actor: Actor, *, user_id: UUID, now: datetime) -> Colleague:
    """Send a fresh link to somebody who has not come yet; the one of before dies."""
    leading.may_lead(actor, now=now)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor, other=user_id)
        colleague = await team.get(connection, actor, user_id=user_id)
        if colleague.state not in WAITING:
            raise Conflict("This person is not waiting for an invitation")
        await _send(connection, actor, colleague, now=now)
        await _note(connection, actor, Action.PERSON_INVITED_AGAIN, user_id)
        return colleague


async def withdraw(actor: Actor, *, user_id: UUID, now: datetime) -> Colleague:
    """Take an invitation back: its link dies, and the person is deactivated before having come."""
    leading.may_lead(actor, now=now)
    async with db.transaction(actor) as connection:
        await leading.leading(connection, actor, other=user_id)
        colleague = await team.get(connection, actor, user_id=user_id)
        withdrawn = await connection.execute(
            update(partner_user)
            .where(
                partner_user.c.id == user_id,
                partner_user.c.status == "active",
                partner_user.c.last_active_at.is_(None),
            )
            .values(status="deactivated", updated_at=func.now())
            .returning(partner_user.c.id)
        )
        if withdrawn.first() is None:
            raise Conflict("This person is not waiting for an invitation")
        await end_links(connection, user_id)
        await _note(connection, actor, Action.PERSON_UNINVITED, user_id)
        return colleague


async def end_links(connection: AsyncConnection, user_id: UUID) -> None:
    """End every link that was sent to a colleague and not used."""
    await connection.execute(
        update(partner_one_time)
        .where(
            partner_one_time.c.user_id == user_id,
            partner_one_time.c.purpose != "reset",
            partner_one_time.c.used_at.is_(None),
            partner_one_time.c.expires_at > func.now(),
        )
        .values(expires_at=func.now())
    )


async def _send(connection: AsyncConnection, actor: Actor, colleague: Colleague, *, now: datetime) -> None:
    """Post the letter with a fresh link."""
    token = await one_time.issue(
        connection, actor, surface=Surface.CONSOLE, user_id=colleague.id, purpose="join", now=now
    )
    await post(connection, letter(colleague, inviter=actor.name, partner=actor.partner_name or "", token=token))


def letter(colleague: Colleague, *, inviter: str, partner: str, token: str) -> Letter:
    """Return the letter that invites a colleague."""
    return Letter(
        kind="person.invited",
        to=colleague.email,
        name=colleague.name,
        language=colleague.language,
        subject=N_("%(inviter)s invites you to the team of %(partner)s"),
        paragraphs=(
            N_("%(inviter)s has made you a member of the team of %(partner)s in the partner portal."),
            N_("Open the link to choose how you sign in. It works once, within 7 days."),
            N_("If you did not expect this, leave the letter alone; nothing happens."),
        ),
        values={"inviter": inviter, "partner": partner},
        link=("partners", f"/welcome/{token}"),
        button=N_("Join the team"),
    )


async def _note(connection: AsyncConnection, actor: Actor, action: Action, user_id: UUID) -> None:
    """Write an act without changed values into the partner's trail."""
    target = Target("partner_user", user_id)
    await record(connection, actor, action=action, target=target, partner_id=actor.partner_id)
