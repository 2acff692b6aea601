"""Giving many tickets to somebody, or bringing them to a status, over all customers (PRODUCT §8).

First a plan that names every ticket and says of each what would come of it; then one act after the other, each with
its own permission, its own version and its own entry in the trail.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import UNSET, Struct
from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound, PreconditionFailed, Refusal
from guildhall.core.ids import new_id
from guildhall.domain.access.scope import opening as links_opening
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.people.limits import within
from guildhall.domain.people.tables import partner_user
from guildhall.domain.support import handling, rules, tickets
from guildhall.domain.support.drafts import Change, check_change
from guildhall.domain.support.tickets import Assignee, TicketItem

MOST = 100  # tickets in one go
# Why a ticket is left out: the link does not allow it, the step is none, the person does not reach the customer,
# it is so already, somebody changed it meanwhile, it is not there (any more).
Reason = Literal["link", "step", "reach", "same", "changed", "absent"]


class Planned(Struct, frozen=True, kw_only=True):
    """What would come of one ticket; `reason` is None where it would be changed."""

    ticket: TicketItem
    reason: Reason | None


class Plan(Struct, frozen=True, kw_only=True):
    """What would come of a selection; `absent` of its tickets are not the actor's to see."""

    items: list[Planned]
    person: Assignee | None
    absent: int


class Done(Struct, frozen=True, kw_only=True):
    """What came of one ticket; `reason` is None where it was changed."""

    ticket_id: UUID
    reason: Reason | None


async def planned(
    connection: AsyncConnection, actor: Actor, *, ticket_ids: Collection[UUID], change: Change, now: datetime
) -> Plan:
    """Return what a change of these tickets would do, by customer and number; nothing is written.

    Raises Forbidden without the permission to change tickets, Invalid for too many of them, for no change, and for
    somebody who takes no tickets.
    """
    tickets.leave(actor, "update")
    _check(ticket_ids, change)
    person = await _person(connection, actor, change)
    found = await tickets.several(connection, actor, list(ticket_ids), now=now)
    opened = await opening(connection, actor, {item.tenant_id for item in found})
    reached = await _reached(connection, person, opened)
    items = [Planned(ticket=item, reason=_reason(item, change, opened, reached)) for item in found]
    return Plan(items=items, person=person, absent=len(set(ticket_ids)) - len(found))


async def carry_out(actor: Actor, *, versions: Sequence[tuple[UUID, int]], change: Change, now: datetime) -> list[Done]:
    """Change the tickets one by one, each as `handling.update` does, unless it is not at its version any more.

    One that cannot be changed leaves the others alone. Raises Forbidden and Invalid as `planned` does.
    """
    tickets.leave(actor, "update")
    _check(versions, change)
    act_id = new_id() if len(versions) > 1 else None
    return [
        Done(ticket_id=ticket_id, reason=await _changed(actor, ticket_id, version, change, act_id=act_id, now=now))
        for ticket_id, version in versions
    ]


async def _changed(
    actor: Actor, ticket_id: UUID, version: int, change: Change, *, act_id: UUID | None, now: datetime
) -> Reason | None:
    """Change one ticket; return why it was not."""
    try:
        written = await handling.update(
            actor, ticket_id=ticket_id, change=change, if_version=version, act_id=act_id, now=now
        )
    except Refusal as refusal:
        return _meaning(refusal)
    return "same" if written.version == version else None


def _meaning(refusal: Refusal) -> Reason:
    """Return what the refusal of one ticket means."""
    if isinstance(refusal, PreconditionFailed):
        return "changed"
    if isinstance(refusal, NotFound):
        return "absent"
    if isinstance(refusal, Conflict):
        return "step"
    return "reach" if isinstance(refusal, Invalid) else "link"


def _check(chosen: Collection[object], change: Change) -> None:
    """Raise Invalid where nothing or too much was chosen, or nothing is to be changed."""
    if not chosen:
        raise Invalid("Choose at least one ticket")
    if len(chosen) > MOST:
        raise Invalid("Choose at most 100 tickets at once")
    if not change.fields:
        raise Invalid("Say what to change")
    check_change(change, internal=True)


async def _person(connection: AsyncConnection, actor: Actor, change: Change) -> Assignee | None:
    """Return who is to get the tickets; raises Invalid for somebody who takes none."""
    if change.assigned_to in {UNSET, None}:
        return None
    found = await tickets.assignees(connection, actor, person_id=change.assigned_to or None)
    if not found:
        raise Invalid(errors={"assigned_to": "Choose somebody of your team who works on tickets"})
    return found[0]


async def opening(connection: AsyncConnection, actor: Actor, tenants: Collection[UUID]) -> set[UUID]:
    """Return those of `tenants` whose link lets their tickets be changed: one look at the links for each."""
    each = func.unnest(literal(list(tenants), ARRAY(Uuid))).table_valued("id").render_derived()
    linked = links_opening(actor.partner_id, tickets.leave(actor, "update")).where(link.c.tenant_id == each.c.id)
    chosen = select(each.c.id).where(linked.limit(1).scalar_subquery().is_not(None))
    return set((await connection.execute(chosen)).scalars())


async def _reached(connection: AsyncConnection, person: Assignee | None, tenants: Collection[UUID]) -> set[UUID]:
    """Return those of `tenants` that the person's limits include; all of them where it is nobody."""
    if person is None:
        return set(tenants)
    each = func.unnest(literal(list(tenants), ARRAY(Uuid))).table_valued("id").render_derived()
    chosen = select(each.c.id).select_from(each.join(partner_user, partner_user.c.id == person.id))
    return set((await connection.execute(chosen.where(within(each.c.id)))).scalars())


def _reason(item: TicketItem, change: Change, opened: set[UUID], reached: set[UUID]) -> Reason | None:
    """Return why a ticket would be left out."""
    if item.tenant_id not in opened:
        return "link"
    status = item.status if change.status is UNSET else change.status
    person = item.assigned_to_id if change.assigned_to is UNSET else change.assigned_to
    if (status, person) == (item.status, item.assigned_to_id):
        return "same"
    if status != item.status and not rules.may_become(item.status, status):
        return "step"
    return None if item.tenant_id in reached or person is None else "reach"
