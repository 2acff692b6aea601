"""Recovery of somebody who lost password, phone and codes: somebody else starts it, the person does it (PRODUCT §3).

A principal starts it for a colleague, an approver for a colleague who belongs to no other customer, staff for people of
partners and customers. For the last principal of a partner nobody of the partner is left to ask, so two of staff are
needed: one asks, another confirms. A constraint holds that too, and the database issues no such link without it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import RowMapping, Table, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Kind, Surface
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import one_time, security_letters
from guildhall.domain.people.one_time_tables import partner_recovery as recovery
from guildhall.domain.people.security_letters import Reader
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user, partner_user

LONGEST_REASON = 2000
NEEDS = {
    Kind.PARTNER_USER: "partner.team.manage",
    Kind.CUSTOMER_USER: "customer.people.manage",
    Kind.STAFF_USER: "staff.people.manage",
}
_LAST = text("SELECT portal.is_last_principal(:person)")
_ONLY_HERE = text("SELECT tenancy.may_recover(:person)")
_PEOPLE: dict[Surface, tuple[Table, str]] = {
    Surface.CONSOLE: (partner_user, "partners"),
    Surface.CUSTOMER: (customer_user, "customers"),
}

_OPEN = (recovery.c.confirmed_at.is_(None), recovery.c.withdrawn_at.is_(None))


class Waiting(Struct, frozen=True, kw_only=True):
    """A recovery that one of staff asked for and another has to confirm."""

    id: UUID
    reason: str
    asked_by_id: UUID
    asked_by_name: str
    created_at: datetime


async def start(actor: Actor, *, surface: Surface, user_id: UUID, reason: str, now: datetime) -> bool:
    """Send somebody a link that sets password and second factor anew; return whether it was sent.

    `surface` is where the person signs in. For the last principal of a partner the request waits for another of
    staff, and nothing is sent. Needs a fresh second factor. Raises Invalid without a reason, NotFound for anybody
    whom the actor does not look after, Conflict for oneself and where nothing can be recovered.
    """
    _allowed(actor, surface, now)
    _reasoned(reason)
    if user_id == actor.user_id:
        raise Conflict("Your own sign-in is changed under your account")
    async with db.transaction(actor) as connection:
        person = await _person(connection, actor, surface, user_id)
        if actor.kind is Kind.STAFF_USER and surface is Surface.CONSOLE and await last_principal(connection, user_id):
            await _ask(connection, actor, person, reason)
            return False
        await _send(connection, actor, surface, person, reason=reason, now=now)
    return True


async def confirm(actor: Actor, *, user_id: UUID, reason: str, now: datetime) -> None:
    """Confirm what another of staff asked for, and send the link to the last principal.

    Needs a fresh second factor. Raises Invalid without a reason, Conflict where nothing waits or the actor asked.
    """
    _allowed(actor, Surface.CONSOLE, now)
    _reasoned(reason)
    async with db.transaction(actor) as connection:
        person = await _person(connection, actor, Surface.CONSOLE, user_id)
        confirmed = await connection.execute(
            update(recovery)
            .where(recovery.c.user_id == user_id, *_OPEN, recovery.c.asked_by_id != actor.user_id)
            .values(confirmed_by_id=actor.user_id, confirmed_by_name=actor.name, confirmed_at=func.now())
            .returning(recovery.c.id)
        )
        if confirmed.first() is None:
            raise Conflict("Nothing waits here, or you asked for it: another of staff confirms")
        await _send(connection, actor, Surface.CONSOLE, person, reason=reason, now=now)


async def withdraw(actor: Actor, *, user_id: UUID, reason: str) -> None:
    """Take a request back before it is confirmed; raises Conflict where none waits."""
    if actor.kind is not Kind.STAFF_USER or not actor.may(NEEDS[Kind.STAFF_USER]):
        raise Forbidden
    _reasoned(reason)
    async with db.transaction(actor) as connection:
        person = await _person(connection, actor, Surface.CONSOLE, user_id)
        taken = await connection.execute(
            update(recovery)
            .where(recovery.c.user_id == user_id, *_OPEN)
            .values(withdrawn_at=func.now())
            .returning(recovery.c.id)
        )
        if taken.first() is None:
            raise Conflict("Nothing waits here any more")
        await _note(connection, actor, Action.RECOVERY_WITHDRAWN, person, reason)


async def named(connection: AsyncConnection, actor: Actor, *, user_id: UUID, surface: Surface | None = None) -> str:
    """Return the name of somebody whom the actor looks after on `surface` (the own one); raises NotFound otherwise."""
    table, _ = _PEOPLE[surface or actor.surface]
    query = select(table.c.name).where(table.c.id == user_id)
    name: str | None = await connection.scalar(query)
    if name is None:
        raise NotFound
    return name


async def all_waiting(connection: AsyncConnection) -> list[tuple[UUID, str]]:
    """Return whom a recovery waits for: ids and names, the oldest request first."""
    rows = await connection.execute(
        select(partner_user.c.id, partner_user.c.name)
        .join(recovery, recovery.c.user_id == partner_user.c.id)
        .where(*_OPEN)
        .order_by(recovery.c.created_at)
    )
    return [(row.id, row.name) for row in rows]


async def waiting(connection: AsyncConnection, *, user_id: UUID) -> Waiting | None:
    """Return the recovery of a person that waits for another of staff."""
    columns = [recovery.c[name] for name in Waiting.__struct_fields__]
    row = (await connection.execute(select(*columns).where(recovery.c.user_id == user_id, *_OPEN))).mappings().first()
    return Waiting(**row) if row else None


def _allowed(actor: Actor, surface: Surface, now: datetime) -> None:
    """Raise Forbidden unless the actor looks after people of that surface, StepUpRequired without a fresh factor."""
    own = {Kind.PARTNER_USER: Surface.CONSOLE, Kind.CUSTOMER_USER: Surface.CUSTOMER}.get(actor.kind, surface)
    if surface not in _PEOPLE or surface is not own or not actor.may(NEEDS.get(actor.kind, "")):
        raise Forbidden
    require_fresh(actor, now=now)


def _reasoned(reason: str) -> None:
    """Raise Invalid unless a reason was given."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(errors={"reason": "Say why, in at most 2000 characters"})


async def _person(connection: AsyncConnection, actor: Actor, surface: Surface, user_id: UUID) -> RowMapping:
    """Return the person's row; raises NotFound for anybody else's, Conflict for who was not there yet."""
    table, _ = _PEOPLE[surface]
    columns: list[Any] = [table.c[name] for name in ("id", "name", "email", "language", "status", "last_active_at")]
    query = select(*columns, *([table.c.partner_id, table.c.roles] if surface is Surface.CONSOLE else []))
    query = query.where(table.c.id == user_id)
    if actor.kind is Kind.PARTNER_USER:
        query = query.where(partner_user.c.partner_id == actor.partner_id)
    if surface is Surface.CUSTOMER:
        query = query.add_columns(membership.c.tenant_id).join(membership, membership.c.user_id == customer_user.c.id)
        query = query.where(membership.c.status == "active").order_by(membership.c.created_at).limit(1)
        if actor.kind is Kind.CUSTOMER_USER:
            query = query.where(membership.c.tenant_id == actor.tenant_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound
    if row["status"] != "active":
        raise Conflict("This person is deactivated")
    if row["last_active_at"] is None:
        raise Conflict("This person never signed in: send the invitation again")
    if actor.kind is Kind.CUSTOMER_USER and not await connection.scalar(_ONLY_HERE, {"person": user_id}):
        raise Conflict("Only the vendor can recover this account: write to your contact there")
    return row


async def last_principal(connection: AsyncConnection, user_id: UUID) -> bool:
    """Return whether the person is the only active principal of the partner who ever came in. For staff."""
    return bool(await connection.scalar(_LAST, {"person": user_id}))


async def _ask(connection: AsyncConnection, actor: Actor, person: RowMapping, reason: str) -> None:
    """Keep the request of one of staff for another; raises Conflict where one waits already."""
    row = {"id": new_id(), "user_id": person["id"], "reason": reason.strip()}
    try:
        await connection.execute(insert(recovery).values(**row, asked_by_id=actor.user_id, asked_by_name=actor.name))
    except IntegrityError:
        raise Conflict("A recovery waits already for another of staff to confirm it") from None
    await _note(connection, actor, Action.RECOVERY_ASKED, person, reason)


async def _send(
    connection: AsyncConnection, actor: Actor, surface: Surface, person: RowMapping, *, reason: str, now: datetime
) -> None:
    """Issue the link, post it to the person, record the act."""
    token = await one_time.issue(
        connection,
        actor,
        surface=surface,
        user_id=person["id"],
        purpose="recover",
        now=now,
        tenant_id=person.get("tenant_id"),
    )
    _, label = _PEOPLE[surface]
    reader = Reader(email=person["email"], name=person["name"], language=person["language"], label=label)
    await post(connection, security_letters.recovery(reader, token, by=actor.name))
    await _note(connection, actor, Action.RECOVERY_STARTED, person, reason)


async def _note(connection: AsyncConnection, actor: Actor, action: Action, person: RowMapping, reason: str) -> None:
    """Write the act into the chain of the person's partner or customer."""
    kind = Kind.PARTNER_USER if "partner_id" in person else Kind.CUSTOMER_USER
    await record(
        connection,
        actor,
        action=action,
        target=Target(str(kind), person["id"]),
        partner_id=person.get("partner_id"),
        tenant_id=person.get("tenant_id"),
        reason=reason.strip(),
    )
