"""The vendor's own people: a lead invites them, gives roles, shuts them out; the last lead stays (PRODUCT §11)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.i18n import N_
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import one_time
from guildhall.domain.people.invites import person_errors
from guildhall.domain.people.one_time_tables import staff_one_time as link
from guildhall.domain.people.tables import staff_session as session
from guildhall.domain.people.tables import staff_user as person
from guildhall.domain.rbac.registry import STAFF_ROLES

READ, NEEDS = "staff.team.read", "staff.team.manage"
LEAD = "lead"
LONGEST_REASON = 2000
STATES = ("active", "invited", "lapsed", "deactivated")
WAITING = ("invited", "lapsed")
_INVITED_UNTIL = (
    select(func.max(link.c.expires_at))
    .where(link.c.user_id == person.c.id, link.c.purpose.in_(("join", "first")), link.c.used_at.is_(None))
    .correlate(person)
    .scalar_subquery()
)
_STATE = case(
    (person.c.status != "active", person.c.status),
    (person.c.last_active_at.is_not(None), "active"),
    (func.now() < _INVITED_UNTIL, "invited"),
    else_="lapsed",
)
_PEOPLE = select(
    *(person.c[name] for name in ("id", "name", "email", "roles", "status", "language", "last_active_at")),
    _STATE.label("state"),
    case((person.c.last_active_at.is_(None), _INVITED_UNTIL)).label("invited_until"),
)


class StaffMember(Struct, frozen=True, kw_only=True):
    """Somebody of the vendor; `state` is invited or lapsed while the person has not come."""

    id: UUID
    name: str
    email: str
    roles: list[str]
    status: str
    state: str
    language: str
    last_active_at: datetime | None
    invited_until: datetime | None


class Filter(Struct, frozen=True, kw_only=True):
    """Which people to list; `search` looks in name and address, `role` and `status` (of STATES) are exact or empty."""

    search: str = ""
    role: str = ""
    status: str = ""
    limit: int = 50
    offset: int = 0


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[StaffMember], int]:
    """Return one page of the vendor's people, by name, and how many there are."""
    _must(actor, READ)
    where = _conditions(wanted)
    chosen = _PEOPLE.where(*where).order_by(func.lower(person.c.name), person.c.id)
    rows = await connection.execute(chosen.limit(wanted.limit).offset(wanted.offset))
    total = await connection.scalar(select(func.count()).select_from(person).where(*where))
    return [StaffMember(**row) for row in rows.mappings()], total or 0


async def named(connection: AsyncConnection, identity: object) -> dict[str, str]:
    """Return the name of the person whose id a text is, under that text; nothing for anything else."""
    user_id = parse_id(identity) if isinstance(identity, str) else None
    name = await connection.scalar(select(person.c.name).where(person.c.id == user_id)) if user_id else None
    return {str(identity): name} if name else {}


def _conditions(wanted: Filter) -> list[Any]:
    where: list[Any] = []
    if wanted.search:
        where.append(
            or_(*(column.icontains(wanted.search, autoescape=True) for column in (person.c.name, person.c.email)))
        )
    if wanted.role:
        where.append(literal(wanted.role) == func.any(person.c.roles))
    if wanted.status:
        where.append(wanted.status == _STATE)
    return where


async def get(connection: AsyncConnection, actor: Actor, *, user_id: UUID) -> StaffMember:
    """Return one of the vendor's people; raises NotFound where there is none."""
    _must(actor, READ)
    row = (await connection.execute(_PEOPLE.where(person.c.id == user_id))).mappings().first()
    if row is None:
        raise NotFound
    return StaffMember(**row)


def _must(actor: Actor, permission: str) -> None:
    if not actor.may(permission):
        raise Forbidden


def _may_lead(actor: Actor, now: datetime) -> None:
    _must(actor, NEEDS)
    require_fresh(actor, now=now)


async def _leads(connection: AsyncConnection, actor: Actor, other: UUID | None = None) -> None:
    """Lock the active leads in one order; raise Forbidden where the actor is none of them any more.

    Nobody changes the own access, and whoever acts is a lead still: so one always stays, whatever leads do at once.
    """
    if other == actor.user_id:
        raise Conflict("You cannot change your own access; ask another lead")
    leads = (
        select(person.c.id)
        .where(person.c.status == "active", literal(LEAD) == func.any(person.c.roles))
        .order_by(person.c.id)
        .with_for_update()
    )
    if actor.user_id not in set((await connection.execute(leads)).scalars()):
        raise Forbidden


async def invite(actor: Actor, *, email: str, name: str, roles: Sequence[str], now: datetime) -> StaffMember:
    """Make a member of staff and send a link that is valid for 7 days; raises Invalid by field."""
    _may_lead(actor, now)
    address, called = email.strip().lower(), name.strip()
    errors = person_errors(address, called) | _role_errors(roles)
    if errors:
        raise Invalid(errors=errors)
    async with db.transaction(actor) as connection:
        await _leads(connection, actor)
        user_id = await _made(connection, actor, address, called, list(dict.fromkeys(roles)))
        member = await get(connection, actor, user_id=user_id)
        await _send(connection, actor, member, now=now)
        await _note(connection, actor, Action.STAFF_INVITED, user_id, {"roles": [[], list(roles)]})
        return member


async def _made(connection: AsyncConnection, actor: Actor, address: str, name: str, roles: list[str]) -> UUID:
    """Return the id of the person who was made, or whose withdrawn invitation stands again; raises Invalid."""
    again = (
        update(person)
        .where(person.c.email == address, person.c.status == "deactivated", person.c.last_active_at.is_(None))
        .values(name=name, roles=roles, status="active", updated_at=func.now())
        .returning(person.c.id)
    )
    new = upsert(person).values(id=new_id(), email=address, name=name, roles=roles, language=actor.language)
    made = new.on_conflict_do_nothing(index_elements=[person.c.email]).returning(person.c.id)
    user_id: UUID | None = await connection.scalar(again) or await connection.scalar(made)
    if user_id is None:
        raise Invalid(errors={"email": "Somebody with this address is staff already"})
    return user_id


def _role_errors(roles: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with the roles, by field."""
    if not roles:
        return {"roles": "Choose at least one role"}
    return {"roles": "Choose among the roles of the list"} if set(roles) - set(STAFF_ROLES) else {}


async def send_again(actor: Actor, *, user_id: UUID, now: datetime) -> StaffMember:
    """Send a fresh link to somebody who has not come yet; the one of before dies."""
    _may_lead(actor, now)
    async with db.transaction(actor) as connection:
        await _leads(connection, actor, user_id)
        member = await get(connection, actor, user_id=user_id)
        if member.state not in WAITING:
            raise Conflict("This person is not waiting for an invitation")
        await _send(connection, actor, member, now=now)
        await _note(connection, actor, Action.STAFF_INVITED_AGAIN, user_id)
        return member


async def set_roles(actor: Actor, *, user_id: UUID, roles: Sequence[str], now: datetime) -> None:
    """Give a member of staff these roles, from the next request on."""
    _may_lead(actor, now)
    errors = _role_errors(roles)
    if errors:
        raise Invalid(errors=errors)
    chosen = list(dict.fromkeys(roles))
    async with db.transaction(actor) as connection:
        await _leads(connection, actor, user_id)
        member = await get(connection, actor, user_id=user_id)
        if member.status != "active":
            raise Conflict("This person is deactivated")
        if set(member.roles) == set(chosen):
            raise Conflict("Nothing was changed")
        await connection.execute(
            update(person).where(person.c.id == user_id).values(roles=chosen, updated_at=func.now())
        )
        await _note(connection, actor, Action.STAFF_ROLES_CHANGED, user_id, {"roles": [member.roles, chosen]})


async def withdraw(actor: Actor, *, user_id: UUID, now: datetime) -> None:
    """Take an invitation back before the person has come."""
    _may_lead(actor, now)
    async with db.transaction(actor) as connection:
        await _leads(connection, actor, user_id)
        if (await get(connection, actor, user_id=user_id)).state not in WAITING:
            raise Conflict("This person is not waiting for an invitation")
        await _set_status(connection, user_id, "deactivated")
        await _note(connection, actor, Action.STAFF_UNINVITED, user_id)


async def set_active(actor: Actor, *, user_id: UUID, active: bool, reason: str, now: datetime) -> None:
    """Shut a member of staff out from the next request on, or let one in again; with a reason."""
    _may_lead(actor, now)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})
    async with db.transaction(actor) as connection:
        await _leads(connection, actor, user_id)
        await get(connection, actor, user_id=user_id)
        await _set_status(connection, user_id, "active" if active else "deactivated")
        action = Action.STAFF_REACTIVATED if active else Action.STAFF_DEACTIVATED
        await _note(connection, actor, action, user_id, reason=reason.strip())


async def _set_status(connection: AsyncConnection, user_id: UUID, status: str) -> None:
    """Write the status; who is shut out loses sessions and links. Raises Conflict for no change."""
    changed = await connection.execute(
        update(person)
        .where(person.c.id == user_id, person.c.status != status)
        .values(status=status, updated_at=func.now())
        .returning(person.c.id)
    )
    if changed.first() is None:
        raise Conflict("The person is in this state already")
    if status == "active":
        return
    ended = update(session).where(session.c.user_id == user_id, session.c.ended_at.is_(None))
    await connection.execute(ended.values(ended_at=func.now()))
    open_links = (link.c.user_id == user_id, link.c.used_at.is_(None), link.c.expires_at > func.now())
    await connection.execute(update(link).where(*open_links).values(expires_at=func.now()))


async def _send(connection: AsyncConnection, actor: Actor, member: StaffMember, *, now: datetime) -> None:
    """Post the letter with a fresh link."""
    token = await one_time.issue(connection, actor, surface=Surface.STAFF, user_id=member.id, purpose="join", now=now)
    await post(
        connection,
        Letter(
            kind="person.invited",
            to=member.email,
            name=member.name,
            language=member.language,
            subject=N_("%(inviter)s invites you to the staff of the partner portal"),
            paragraphs=(
                N_("Open the link to choose how you sign in. It works once, within 7 days."),
                N_("If you did not expect this, leave the letter alone; nothing happens."),
            ),
            values={"inviter": actor.name},
            link=("staff", f"/welcome/{token}"),
            button=N_("Join the team"),
        ),
    )


async def _note(
    connection: AsyncConnection,
    actor: Actor,
    action: Action,
    user_id: UUID,
    changes: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write an act into the vendor's trail."""
    target = Target("staff_user", user_id)
    await record(connection, actor, action=action, target=target, changes=changes, reason=reason)
