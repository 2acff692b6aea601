"""The lists on a tenant's pages: its invoices, its subscribers, its usage by day (PRODUCT §6)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Select, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.core.money import money
from guildhall.core.text import storable
from guildhall.domain.access.gates import Standing, inside
from guildhall.domain.provisioning.subscribers import Subscriber
from guildhall.domain.reports.customer import InvoiceLine
from guildhall.domain.tenancy.tables import invoice, subscriber, ticket, usage_daily

_MONEY = "partner.money.read"
_OWED = ("finalized", "overdue")
_INVOICE_SORTS: Mapping[str, ColumnElement[Any]] = {
    "issued_on": invoice.c.issued_on,
    "due_on": invoice.c.due_on,
    "amount": invoice.c.amount,
}
_SUBSCRIBER_SORTS: Mapping[str, ColumnElement[Any]] = {
    "name": subscriber.c.name,
    "created_at": subscriber.c.created_at,
}


class Filter(Struct, frozen=True, kw_only=True):
    """Which rows of one tenant to list; `search` looks in number, or name and address; `status` are exact.

    `subscriber_id` keeps to the invoices of one subscriber. `sort_by` is issued_on, due_on or amount for invoices, name
    or created_at for subscribers, whose `cursor` is a page's `next_cursor` and replaces `offset`.
    """

    search: str = ""
    status: tuple[str, ...] = ()
    subscriber_id: UUID | None = None
    sort_by: str
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class SubscriberPage(Struct, frozen=True, kw_only=True):
    """One page of a tenant's subscribers; `total` is None on pages asked for by cursor."""

    items: list[Subscriber]
    total: int | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last subscriber's value in it as text."""

    sort_by: str
    sort_order: Literal["asc", "desc"]
    value: str
    id: UUID


class TicketLine(Struct, frozen=True, kw_only=True):
    """A ticket about a subscriber."""

    id: UUID
    number: int
    subject: str
    status: str
    priority: str
    created_at: datetime


class UsageDay(Struct, frozen=True):
    """What one metric measured on one day."""

    metric: str
    day: date
    quantity: Decimal


def must_open(actor: Actor, standing: Standing, permission: str) -> None:
    """Raise the refusal of gates 2 to 5 where `permission` is not open to the actor in this tenant."""
    refusal = inside(standing, needs=permission, named="path") if actor.may(permission) else Forbidden()
    if refusal is not None:
        raise refusal


async def invoices(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, standing: Standing, today: date
) -> tuple[list[InvoiceLine], int]:
    """Return one page of a tenant's invoices, and how many there are; drafts are the tenant's own.

    Raises Forbidden without partner.billing.invoices.read here, or for a sort by an amount that is hidden.
    """
    must_open(actor, standing, "partner.billing.invoices.read")
    if wanted.sort_by == "amount" and not actor.may(_MONEY):
        raise Forbidden
    where = [invoice.c.tenant_id == standing.tenant_id, invoice.c.status != "draft"]
    if wanted.status:
        where.append(invoice.c.status.in_(wanted.status))
    if wanted.search:
        where.append(invoice.c.number.icontains(wanted.search, autoescape=True))
    if wanted.subscriber_id:
        where.append(invoice.c.subscriber_id == wanted.subscriber_id)
    chosen = select(invoice).where(*where)
    rows = await connection.execute(_paged(chosen, _INVOICE_SORTS[wanted.sort_by], invoice.c.id, wanted))
    total = await connection.scalar(select(func.count()).select_from(invoice).where(*where))
    return [_line(actor, row, today) for row in rows.mappings()], total or 0


def _line(actor: Actor, row: Mapping[Any, Any], today: date) -> InvoiceLine:
    """Return an invoice as the actor may see it: without amounts for the money-blind."""
    owed = row["amount"] - row["amount_paid"] if row["status"] in _OWED else Decimal()
    shown = actor.may(_MONEY)
    return InvoiceLine(
        amount=money(row["amount"], row["currency"]) if shown else None,
        outstanding=money(owed, row["currency"]) if shown else None,
        days_overdue=max(0, (today - row["due_on"]).days) if row["status"] in _OWED else 0,
        **{name: row[name] for name in ("id", "number", "status", "issued_on", "due_on", "paid_on")},
    )


async def subscribers(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, standing: Standing
) -> SubscriberPage:
    """Return one page of a tenant's subscribers, and where the next one starts.

    Raises Forbidden without partner.provisioning.subscribers.list here, Invalid for a cursor of another list.
    """
    must_open(actor, standing, "partner.provisioning.subscribers.list")
    where = [subscriber.c.tenant_id == standing.tenant_id]
    if wanted.status:
        where.append(subscriber.c.status.in_(wanted.status))
    if wanted.search:
        columns = (subscriber.c.name, subscriber.c.email)
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    order, after = _SUBSCRIBER_SORTS[wanted.sort_by], _after(wanted)
    chosen = select(*(subscriber.c[name] for name in Subscriber.__struct_fields__)).where(*where, *after)
    further = msgspec.structs.replace(wanted, limit=wanted.limit + 1, offset=0 if after else wanted.offset)
    found = [
        Subscriber(**row)
        for row in (await connection.execute(_paged(chosen, order, subscriber.c.id, further))).mappings()
    ]
    counting = select(func.count()).select_from(subscriber).where(*where)
    return SubscriberPage(
        items=found[: wanted.limit],
        total=None if after else await connection.scalar(counting),
        next_cursor=_next(wanted, found[wanted.limit - 1]) if len(found) > wanted.limit else None,
    )


def _after(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the condition of what comes after the cursor, none without one; raises Invalid for another list's."""
    if not wanted.cursor:
        return []
    place, order = cursor.decode(wanted.cursor, Place), _SUBSCRIBER_SORTS[wanted.sort_by]
    if (place.sort_by, place.sort_order) != (wanted.sort_by, wanted.sort_order):
        raise cursor.wrong()
    here, there = tuple_(order, subscriber.c.id), tuple_(literal(_value(place)), literal(place.id))
    return [here < there if wanted.sort_order == "desc" else here > there]


def _value(place: Place) -> datetime | str:
    """Return the value at which a page ended; raises Invalid for what no subscriber can have."""
    if not storable(place.value):
        raise cursor.wrong()
    return cursor.moment(place.value) if place.sort_by == "created_at" else place.value


def _next(wanted: Filter, last: Subscriber) -> str:
    """Return the cursor of the page after `last`."""
    value = last.created_at.isoformat() if wanted.sort_by == "created_at" else last.name
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, value, last.id))


async def subscriber_tickets(
    connection: AsyncConnection, actor: Actor, subscriber_id: UUID, *, standing: Standing, limit: int
) -> list[TicketLine]:
    """Return the newest tickets about a subscriber; raises Forbidden without partner.support.tickets.list here."""
    must_open(actor, standing, "partner.support.tickets.list")
    chosen = (
        select(*(ticket.c[name] for name in TicketLine.__struct_fields__))
        .where(ticket.c.tenant_id == standing.tenant_id, ticket.c.subscriber_id == subscriber_id)
        .order_by(ticket.c.created_at.desc(), ticket.c.id.desc())
        .limit(limit)
    )
    return [TicketLine(**row) for row in (await connection.execute(chosen)).mappings()]


def _paged(chosen: Select[Any], order: ColumnElement[Any], tie: ColumnElement[Any], wanted: Filter) -> Select[Any]:
    """Return `chosen` in the order and on the page that the filter asks for."""
    down = wanted.sort_order == "desc"
    ordered = chosen.order_by(order.desc() if down else order.asc(), tie.desc() if down else tie.asc())
    return ordered.limit(wanted.limit).offset(wanted.offset)


async def usage_days(
    connection: AsyncConnection, actor: Actor, *, standing: Standing, today: date, days: int = 90
) -> list[UsageDay]:
    """Return what was measured on each of the last `days` days, by metric and day.

    Raises Forbidden without partner.reports.usage.read here.
    """
    must_open(actor, standing, "partner.reports.usage.read")
    rows = await connection.execute(
        select(usage_daily.c.metric, usage_daily.c.day, usage_daily.c.quantity)
        .where(usage_daily.c.tenant_id == standing.tenant_id, usage_daily.c.day > today - timedelta(days=days))
        .order_by(usage_daily.c.metric, usage_daily.c.day)
    )
    return [UsageDay(*row) for row in rows]
