"""Opening, answering and changing tickets, for a partner's and a customer's people (PRODUCT §6, §8)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import insert, select, text
from sqlalchemy import update as write
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db, once
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, TenantAccessDenied
from guildhall.core.ids import new_id
from guildhall.domain.access.scope import live, named_tenants
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.files.uploads import Upload
from guildhall.domain.support import attaching, commenting, drafts, rules
from guildhall.domain.support.drafts import Answer, Change, Draft
from guildhall.domain.support.tickets import Ticket, assignees, get, leave, opened
from guildhall.domain.tenancy.tables import subscriber, ticket

__all__ = ["Answer", "Change", "Draft", "open_ticket", "update"]

_ONE_ACT = text("SELECT set_config('app.act_id', :act, true)")
_REFUSED = "42501"  # insufficient_privilege: what row-level security answers to a write


async def open_ticket(
    actor: Actor,
    *,
    tenant_id: UUID,
    draft: Draft,
    sent: Sequence[Upload] = (),
    form: UUID | None = None,
    now: datetime,
) -> Ticket:
    """Open a ticket in a tenant, with the files `sent`; its SLA clock starts at `now`.

    The same `form` saying the same opens one ticket, however often it comes. Raises what gates 2 to 4 refuse, and
    Invalid by field.
    """
    permission = leave(actor, "create")
    drafts.check(draft)
    kept = await _kept(actor, tenant_id, permission, sent, now) if sent else []
    new = new_id() if form is None else once.id_from(actor, form, msgspec.json.encode((tenant_id, draft)))
    async with db.transaction(actor) as connection:
        await _enter(connection, actor, tenant_id, permission)
        if form is not None and await _is_open(connection, new):
            return await _read_back(connection, actor, new, now=now)
        await _known_subscriber(connection, tenant_id, draft.subscriber_id)
        due = rules.due_at(now, priority=draft.priority, agreed_hours=await _agreed_hours(connection, tenant_id))
        await _insert(connection, actor, new, tenant_id, draft, due=due, now=now)
        made = await _read_back(connection, actor, new, now=now)
        await attaching.attach(connection, actor, made, kept, is_internal=False, now=now)
        said = {"priority": draft.priority} | ({"files": len(kept)} if kept else {})
        await _note(connection, actor, made, Action.TICKET_OPENED, said)
    return made


async def _kept(
    actor: Actor, tenant_id: UUID, permission: str, sent: Sequence[Upload], now: datetime
) -> list[attaching.Kept]:
    """Put the files of a ticket that is to be opened into the store, once the gates and the files let them in."""
    sound = await attaching.checked(sent)
    async with db.transaction(actor) as connection:
        await _enter(connection, actor, tenant_id, permission)
    return await attaching.kept_in(actor, tenant_id, sound, now=now)


async def _is_open(connection: AsyncConnection, new: UUID) -> bool:
    """Return whether the same form has opened its ticket already, waiting for one that is at it."""
    await once.alone(connection, new)
    return await connection.scalar(select(ticket.c.id).where(ticket.c.id == new)) is not None


async def update(
    actor: Actor,
    *,
    ticket_id: UUID,
    change: Change,
    sent: Sequence[Upload] = (),
    if_version: int | None = None,
    act_id: UUID | None = None,
    now: datetime,
) -> Ticket:
    """Change a ticket, answer it, or both, in one act; return it as it then stands.

    `sent` are files of the comment. `act_id` is shared by the tickets that somebody changes at once, so that whoever
    gets them is told once.

    A comment needs the permission `.comment`, every other field `.update` (BOUNDARY §3). What is as wanted already
    stays untouched and unrecorded. Raises NotFound (TICKET_NOT_FOUND), Forbidden, PreconditionFailed where
    `if_version` is not the ticket's version, Conflict for a step that its status does not allow, Invalid by field
    (a comment's field is `comment.content`, that of its files `files`).
    """
    permissions = _needed(actor, change)
    drafts.check_change(change, internal=actor.role is DbRole.PARTNER)
    kept = await attaching.keep(actor, ticket_id, sent, now=now) if change.comment is not None else []
    async with db.transaction(actor) as connection:
        if act_id is not None:
            await connection.execute(_ONE_ACT, {"act": str(act_id)})
        current = await get(connection, actor, ticket_id, now=now)
        await opened(connection, actor, current.tenant_id, permissions)
        if if_version is not None and if_version != current.version:
            raise PreconditionFailed
        values = await _values(connection, actor, current, change, now=now)
        changes = _changes(current, values)
        said = (
            None
            if change.comment is None
            else await commenting.write(connection, actor, current, change.comment, kept, now=now)
        )
        if said is not None and not said.is_internal:
            changes["comment"] = said.noted
            values |= commenting.answered(actor, current, now=now)
        if changes:
            await _write(connection, current, values, if_version=if_version, now=now)
        written = await get(connection, actor, ticket_id, now=now)
        if changes:
            action = Action.TICKET_COMMENTED if set(changes) == {"comment"} else Action.TICKET_CHANGED
            await _note(connection, actor, written, action, changes)
        if said is not None and said.is_internal:
            await commenting.note_internal(connection, actor, written, said)
    return written


def _needed(actor: Actor, change: Change) -> list[str]:
    """Return the permissions that a change takes; raises Forbidden, and Invalid where nothing is to be changed."""
    if not change.fields and change.comment is None:
        raise Invalid(errors={"status": "Say what to change"})
    if "assigned_to" in change.fields and actor.role is not DbRole.PARTNER:
        raise Forbidden("Only those who work on tickets give them to somebody")
    verbs = ["update"] * bool(change.fields) + ["comment"] * (change.comment is not None)
    return [leave(actor, verb) for verb in verbs]


async def _enter(connection: AsyncConnection, actor: Actor, tenant_id: UUID, permission: str) -> None:
    """Pass gates 3 and 4 of the tenant in which something is to be written, or raise their refusal."""
    if actor.role is DbRole.PARTNER:
        await named_tenants(connection, actor, tenant_ids=[tenant_id], needs=permission)
    elif tenant_id != actor.tenant_id:
        raise TenantAccessDenied


async def _known_subscriber(connection: AsyncConnection, tenant_id: UUID, subscriber_id: UUID | None) -> None:
    """Raise Invalid where a subscriber is named that is not the tenant's, or not the actor's to see."""
    if subscriber_id is None:
        return
    known = select(subscriber.c.id).where(subscriber.c.id == subscriber_id, subscriber.c.tenant_id == tenant_id)
    if await connection.scalar(known) is None:
        raise Invalid(errors={"subscriber_id": "Choose a subscriber of this customer"})


async def _agreed_hours(connection: AsyncConnection, tenant_id: UUID) -> float | None:
    """Return the shortest response time that the live links agreed, of those the actor's side may see.

    So a partner is bound by its own link, and a customer's ticket by the tightest of its partners' links.
    """
    rows = await connection.execute(select(link.c.sla_config).where(link.c.tenant_id == tenant_id, live()))
    return rules.response_hours(rows.scalars())


async def _insert(
    connection: AsyncConnection,
    actor: Actor,
    new: UUID,
    tenant_id: UUID,
    draft: Draft,
    *,
    due: datetime,
    now: datetime,
) -> None:
    """Write a new ticket; what row-level security refuses is refused as gate 3 would."""
    statement = insert(ticket).values(
        id=new,
        tenant_id=tenant_id,
        subscriber_id=draft.subscriber_id,
        subject=draft.subject.strip(),
        description=draft.description,
        priority=draft.priority,
        category=draft.category,
        tags=list(dict.fromkeys(tag.strip() for tag in draft.tags)),
        notify_customer=draft.notify_customer,
        created_by_kind=actor.kind,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        created_by_partner_id=actor.partner_id,
        created_by_partner_name=actor.partner_name,
        sla_breach_at=due,
        created_at=now,
        updated_at=now,
    )
    try:
        await connection.execute(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == _REFUSED:
            raise TenantAccessDenied from None
        raise


async def _read_back(connection: AsyncConnection, actor: Actor, new: UUID, *, now: datetime) -> Ticket:
    """Return the ticket just opened; who may not read it here may not open it either."""
    try:
        return await get(connection, actor, new, now=now)
    except NotFound:
        raise Forbidden("Who opens tickets here must be able to read them") from None


async def _values(
    connection: AsyncConnection, actor: Actor, current: Ticket, change: Change, *, now: datetime
) -> dict[str, Any]:
    """Return the columns that change, of those the person names, and what follows for the clock."""
    values: dict[str, Any] = {}
    if change.status not in {UNSET, current.status}:
        values |= _step(current, str(change.status), now=now)
    if change.priority not in {UNSET, current.priority}:
        values["priority"] = change.priority
    if change.assigned_to not in {UNSET, current.assigned_to_id}:
        values |= await _assignment(connection, actor, current, change.assigned_to or None)
    if values and current.is_sla_breached and current.sla_breached_at is None:
        values["sla_breached_at"] = current.sla_breach_at
    if not current.is_sla_breached and ("priority" in values or values.get("status") == "open"):
        agreed = await _agreed_hours(connection, current.tenant_id)
        values |= _clock(current, values, agreed, now=now)
    return values


def _step(current: Ticket, wanted: str, *, now: datetime) -> dict[str, Any]:
    """Return the columns of a step of the status; raises Conflict where it is not allowed."""
    if not rules.may_become(current.status, wanted):
        raise Conflict(
            "A ticket that is %(ticket_state)s cannot become %(ticket_target)s",
            values={"ticket_state": current.status, "ticket_target": wanted},
        )
    if wanted in rules.DONE:
        return {"status": wanted, "resolved_at": current.resolved_at or now}
    return {"status": wanted, "resolved_at": None}


async def _assignment(
    connection: AsyncConnection, actor: Actor, current: Ticket, person_id: UUID | None
) -> dict[str, Any]:
    """Return the columns of a new assignment; raises Invalid for somebody who may not have the ticket."""
    if person_id is None:
        return {"assigned_to_id": None, "assigned_to_name": None}
    found = await assignees(connection, actor, tenant_id=current.tenant_id, person_id=person_id)
    if not found:
        raise Invalid(errors={"assigned_to": "Choose somebody of your team who works on this customer's tickets"})
    return {"assigned_to_id": found[0].id, "assigned_to_name": found[0].name}


def _clock(current: Ticket, values: dict[str, Any], agreed: float | None, *, now: datetime) -> dict[str, Any]:
    """Return when the clock runs out after a change; reopening a ticket starts it anew."""
    priority, due = current.priority, current.sla_breach_at
    start = current.clock_from or rules.started_at(current.created_at, due, priority=priority, agreed_hours=agreed)
    anew = {}
    if current.status in rules.DONE and values.get("status") == "open":
        start, anew = now, {"clock_from": now}
    return {"sla_breach_at": rules.due_at(start, priority=values.get("priority", priority), agreed_hours=agreed)} | anew


def _changes(current: Ticket, values: dict[str, Any]) -> dict[str, Any]:
    """Return what the trail says of a change: old and new value of each field that a person named."""
    named = {"status": "status", "priority": "priority", "assigned_to_name": "assigned_to"}
    return {said: [getattr(current, name), values[name]] for name, said in named.items() if name in values}


async def _write(
    connection: AsyncConnection, current: Ticket, values: dict[str, Any], *, if_version: int | None, now: datetime
) -> None:
    """Write the columns unless somebody changed the ticket since it was read."""
    written = await connection.execute(
        write(ticket)
        .where(ticket.c.id == current.id, ticket.c.version == current.version)
        .values(**values, version=current.version + 1, updated_at=now)
        .returning(ticket.c.id)
    )
    if written.first() is None:
        if if_version is not None:
            raise PreconditionFailed
        raise Conflict("Somebody changed this ticket meanwhile; look at it again")


async def _note(
    connection: AsyncConnection, actor: Actor, about: Ticket, action: Action, changes: dict[str, Any]
) -> None:
    """Write an act into the tenant's trail and the partner's: the actor's own, or the one that opened the ticket."""
    await record(
        connection,
        actor,
        action=action,
        target=Target("ticket", about.id),
        partner_id=actor.partner_id or about.created_by_partner_id,
        tenant_id=about.tenant_id,
        changes={"number": about.number, **changes},
    )
