"""Lists of tickets: inside one tenant, over all of a partner, for a customer and for staff (PRODUCT §8)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor, db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Choices, Invalid
from guildhall.core.text import containing, storable
from guildhall.domain.support.board_sql import COUNT_LIMIT, COUNTED, Shape, statement
from guildhall.domain.support.tickets import STORED, TicketItem, clock, leave
from guildhall.domain.tenancy.tables import PRIORITIES, TICKET_STATUSES

SortBy = Literal["created_at", "updated_at", "priority", "status", "sla_breach_at"]
LONGEST_PAGE = 100
_LONGEST_SEARCH = 200
_DIGITS = 15  # what a ticket's number may have, inside a bigint
_CHOICES = {"status": Choices("ticket", TICKET_STATUSES), "priority": Choices("priority", PRIORITIES)}


class Filter(Struct, frozen=True, kw_only=True):
    """Which tickets to list. Empty tuples and None do not filter.

    `tenant_ids` are tenants that passed the gates (`access.scope.named_tenants`); empty is every tenant that the
    actor reaches. `search` looks in the subject, and for a number in the ticket's number. `created_to` is
    exclusive. `cursor` is a page's `next_cursor`; it replaces `offset`.
    """

    tenant_ids: tuple[UUID, ...] = ()
    status: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    assigned_to: UUID | None = None
    unassigned: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    search: str = ""
    breached: bool | None = None
    due_soon: bool = False
    sort_by: SortBy = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Aggregates(Struct, frozen=True, kw_only=True):
    """Figures over the whole filter, its statuses left out so that they can label the tabs by status.

    `avg_resolution_hours` is None where nothing was resolved yet.
    """

    open: int
    pending: int
    resolved: int
    closed: int
    sla_breach: int
    avg_resolution_hours: float | None


class TicketPage(Struct, frozen=True, kw_only=True):
    """One page of tickets.

    `total` is None on pages asked for by cursor, and where more than 10,000 match a filter that no rollup covers:
    then `total_at_least` is 10,000. `aggregates` is None in the same two cases, and both without `figures`.
    """

    items: list[TicketItem]
    total: int | None
    total_at_least: int | None
    aggregates: Aggregates | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last ticket's value in it."""

    sort_by: SortBy
    sort_order: Literal["asc", "desc"]
    value: datetime | int
    id: UUID


class Asked(Struct, frozen=True):
    """What is asked of the database: the statement's shape, and its values."""

    shape: Shape
    values: dict[str, Any]


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, now: datetime, figures: bool = True
) -> TicketPage:
    """Return one page of the tickets that the actor may list, in one statement; without `figures` only the tickets.

    Raises Forbidden without the permission to list; Invalid for values that no ticket can have, and for a cursor
    of another list.
    """
    ask = asked(actor, wanted, now=now, figures=figures)
    rows = await db.rows(connection, statement(ask.shape), ask.values)
    return _page(actor, wanted, rows, counted=counted(rows) if ask.shape.figures else None, now=now)


def asked(actor: Actor, wanted: Filter, *, now: datetime, figures: bool = True) -> Asked:
    """Return what a filter asks of the database; raises what `listed` raises."""
    leave(actor, "list")
    _check(wanted)
    values = dict(_values(wanted)) | {"now": now, "partner_id": actor.partner_id}
    values |= {"own_tenant_id": actor.tenant_id, "tenant_ids": list(wanted.tenant_ids)}
    after = _after(wanted)
    if after is not None:
        values |= {"after": after.value, "after_id": after.id}
    shape = Shape(
        role=actor.role,
        named=bool(wanted.tenant_ids),
        filters=tuple(name for name, _ in _values(wanted) if name != "number"),
        sort_by=wanted.sort_by,
        sort_order=wanted.sort_order,
        limit=wanted.limit,
        offset=0 if after else wanted.offset,
        resumed=after is not None,
        figures=figures and after is None,
    )
    return Asked(shape, values)


def _check(wanted: Filter) -> None:
    """Raise Invalid where a value of the filter cannot be one."""
    errors: dict[str, str] = {
        name: choices for name, choices in _CHOICES.items() if not set(getattr(wanted, name)) <= set(choices.codes)
    }
    if not storable("".join((wanted.search, *wanted.category))) or len(wanted.search) > _LONGEST_SEARCH:
        errors["search"] = "This cannot be searched for"
    if not 1 <= wanted.limit <= LONGEST_PAGE:
        errors["limit"] = f"Ask for 1 to {LONGEST_PAGE}"
    if wanted.offset < 0:
        errors["offset"] = "Start at 0 or later"
    if errors:
        raise Invalid(errors=errors)


def _values(wanted: Filter) -> Iterator[tuple[str, Any]]:
    """Yield the filter's conditions by the names of their SQL, each with its value."""
    for name in ("status", "priority", "category"):
        if getattr(wanted, name):
            yield name, list(getattr(wanted, name))
    for name in ("assigned_to", "created_from", "created_to"):
        if getattr(wanted, name) is not None:
            yield name, getattr(wanted, name)
    if wanted.search:
        digits = wanted.search.removeprefix("#")
        yield "search", containing(wanted.search)
        yield "number", int(digits) if digits.isdecimal() and len(digits) <= _DIGITS else None
    if wanted.breached is not None:
        yield "breached" if wanted.breached else "not_breached", True
    for name in ("unassigned", "due_soon"):
        if getattr(wanted, name):
            yield name, True


def _after(wanted: Filter) -> Place | None:
    """Return where the page starts, from its cursor; raises Invalid for a cursor of another list."""
    if not wanted.cursor:
        return None
    place = cursor.decode(wanted.cursor, Place)
    counted = wanted.sort_by in {"priority", "status"}
    asked = (wanted.sort_by, wanted.sort_order)
    if (place.sort_by, place.sort_order) != asked or isinstance(place.value, int) != counted:
        raise cursor.wrong()
    return place


def _page(
    actor: Actor, wanted: Filter, rows: Sequence[Sequence[Any]], *, counted: Mapping[str, Any] | None, now: datetime
) -> TicketPage:
    """Return the rows as a page: of limit + 1 the last one only says that there are more."""
    found = items(actor, rows, now=now)
    more = len(found) > wanted.limit
    total, at_least = _total(wanted, counted)
    return TicketPage(
        items=found[: wanted.limit],
        total=total,
        total_at_least=at_least,
        aggregates=aggregates(counted),
        next_cursor=_next(wanted, rows[wanted.limit - 1]) if more else None,
    )


def items(actor: Actor, rows: Sequence[Sequence[Any]], *, now: datetime) -> list[TicketItem]:
    """Return the tickets of a statement's rows; there are none in the only row of figures without tickets."""
    names = {DbRole.PARTNER: actor.partner_name, DbRole.CUSTOMER: actor.tenant_name}
    own, name = names.get(actor.role) or "", len(STORED) + 1
    return [_item(row, row[name] or own, now=now) for row in rows if row[0] is not None]


def counted(rows: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
    """Return the figures of a statement's rows, which all of them hold."""
    return dict(zip(COUNTED, rows[0][len(STORED) + 2 :], strict=True))


def _item(row: Sequence[Any], tenant_name: str, *, now: datetime) -> TicketItem:
    stored = dict(zip(STORED, row, strict=False))
    return TicketItem(**stored, tenant_name=tenant_name, **clock(stored, now=now))


def _next(wanted: Filter, last: Sequence[Any]) -> str:
    """Return the cursor of the page after `last`."""
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, last[len(STORED)], last[0]))


def _total(wanted: Filter, figures: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Return how many match, or at least how many."""
    if figures is None:
        return None, None
    if figures["total"] is None:
        return sum(figures[status] for status in wanted.status or TICKET_STATUSES), None
    return (None, COUNT_LIMIT) if figures["total"] > COUNT_LIMIT else (figures["total"], None)


def aggregates(figures: Mapping[str, Any] | None) -> Aggregates | None:
    """Return the figures as aggregates; None where there are none, or more than were counted."""
    if figures is None or (figures["counted"] or 0) > COUNT_LIMIT:
        return None
    hours = figures["done_seconds"] / figures["done"] / 3600 if figures["done"] else None
    return Aggregates(
        **{status: figures[status] for status in TICKET_STATUSES},
        sla_breach=figures["breached"],
        avg_resolution_hours=None if hours is None else round(hours, 2),
    )
