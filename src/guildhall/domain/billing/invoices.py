"""Invoices over every tenant whose link opens them: a list with sums over its filter, and one invoice in full."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Choices, Forbidden, Invalid, NotFound
from guildhall.core.money import Money, money
from guildhall.core.text import containing, storable
from guildhall.domain.billing.invoice_sql import COLUMNS, STORED, Shape, accounts, page, scope
from guildhall.domain.tenancy.tables import INVOICE_STATUSES

SortBy = Literal["invoice_date", "due_date", "amount", "status"]
READ = "partner.billing.invoices.read"
MONEY = "partner.money.read"
SHOWN_STATUSES = tuple(status for status in INVOICE_STATUSES if status != "draft")  # drafts are the tenant's own
LONGEST_PAGE = 100
_OWED = ("finalized", "overdue")
_LONGEST_SEARCH = 200
_STATUSES = Choices("invoice", SHOWN_STATUSES)


class Filter(Struct, frozen=True, kw_only=True):
    """Which invoices to list. Empty values and None do not filter.

    `tenant_ids` are tenants that passed the gates; empty is every tenant that opens its invoices to the actor. Dates
    are days of issue, `due_…` days when an invoice is due; both ends are inside. Amounts compare with each invoice's
    own, whatever its currency. `owed` leaves finalized and overdue ones. `search` looks in number and tenant's name.
    `cursor` is a page's `next_cursor`; it replaces `offset`.
    """

    tenant_ids: tuple[UUID, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    status: tuple[str, ...] = ()
    currency: str = ""
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    owed: bool = False
    search: str = ""
    sort_by: SortBy = "invoice_date"
    sort_order: Literal["asc", "desc"] = "desc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class Item(Struct, frozen=True, kw_only=True):
    """An invoice of a list. Amounts are None for whoever sees none; `tenant_name` is "" for the home tenant."""

    id: UUID
    tenant_id: UUID
    tenant_name: str
    number: str
    status: str
    currency: str
    amount: Money | None
    amount_paid: Money | None
    outstanding: Money | None
    issued_on: date
    due_on: date
    paid_on: date | None
    days_overdue: int
    created_at: datetime
    updated_at: datetime


class Sums(Struct, frozen=True, kw_only=True):
    """Figures over the whole filter, one sum for each currency; cancelled invoices are not in them."""

    total: list[Money]
    paid: list[Money]
    outstanding: list[Money]


class Coverage(Struct, frozen=True):
    """How many of the customers that the person reaches are in a figure: `opened` of `customers`."""

    opened: int
    customers: int


class InvoicePage(Struct, frozen=True, kw_only=True):
    """One page. `total` and `sums` are None on pages asked for by cursor, `sums` also for whoever sees no amount."""

    items: list[Item]
    total: int | None
    sums: Sums | None
    next_cursor: str | None
    coverage: Coverage | None


class Line(Struct, frozen=True, kw_only=True):
    """One line of an invoice."""

    position: int
    description: str
    quantity: Decimal
    unit_price: Money | None
    amount: Money | None


class Payment(Struct, frozen=True, kw_only=True):
    """Money that came in for an invoice."""

    paid_on: date
    amount: Money | None


class Invoice(Item, frozen=True, kw_only=True):
    """An invoice with its lines in order; `payments` is None where the link does not open payments."""

    lines: list[Line]
    payments: list[Payment] | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last invoice's value in it."""

    sort_by: SortBy
    sort_order: Literal["asc", "desc"]
    value: str
    id: UUID


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, today: date, covered: bool = False
) -> InvoicePage:
    """Return one page of invoices, and where `covered` is asked for how many customers are in it.

    Raises Forbidden without the permission, and for amounts asked by whoever sees none; Invalid for values that no
    invoice can have, and for a cursor of another list.
    """
    if not actor.may(READ):
        raise Forbidden
    check(actor, wanted)
    after = _after(wanted)
    values = filter_values(actor, wanted, permission=READ)
    shape = Shape(
        named=bool(wanted.tenant_ids),
        filters=filters_of(wanted),
        sort_by=wanted.sort_by,
        sort_order=wanted.sort_order,
        limit=wanted.limit,
        offset=0 if after else wanted.offset,
        resumed=after is not None,
        covered=covered,
    )
    resumed = {"after": after[0], "after_id": after[1]} if after else {}
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in await db.rows(connection, page(shape), values | resumed):
        found[row[0]].append(dict(zip(COLUMNS, row, strict=True)))
    return _paged(actor, wanted, found, today)


_Row = Mapping[str, Any]  # by the names of invoice_sql.COLUMNS


def _paged(actor: Actor, wanted: Filter, found: Mapping[str, list[_Row]], today: date) -> InvoicePage:
    """Return the rows of a statement as a page."""
    rows, first = found["item"], not wanted.cursor
    shown = rows[: wanted.limit]
    return InvoicePage(
        items=[_item(actor, row, today) for row in shown],
        total=sum(row["listed"] for row in found["sum"]) if first else None,
        sums=_sums(found["sum"]) if first and actor.may(MONEY) else None,
        next_cursor=_next(wanted, shown[-1]) if len(rows) > len(shown) else None,
        coverage=next((Coverage(row["listed"], int(row["outstanding"])) for row in found["covered"]), None),
    )


def check(actor: Actor, wanted: Filter) -> None:
    """Raise Forbidden where the filter asks about amounts that the actor may not see, Invalid for impossible values."""
    about_money = wanted.sort_by == "amount" or wanted.min_amount is not None or wanted.max_amount is not None
    if about_money and not actor.may(MONEY):
        raise Forbidden
    errors: dict[str, str] = {}
    if not set(wanted.status) <= set(SHOWN_STATUSES):
        errors["status"] = _STATUSES
    if not storable(wanted.search) or len(wanted.search) > _LONGEST_SEARCH:
        errors["search"] = "This cannot be searched for"
    if wanted.from_date and wanted.to_date and wanted.from_date > wanted.to_date:
        errors["to_date"] = "The last day is before the first"
    if not 1 <= wanted.limit <= LONGEST_PAGE:
        errors["limit"] = f"Ask for 1 to {LONGEST_PAGE}"
    if errors:
        raise Invalid(errors=errors)


def filters_of(wanted: Filter) -> tuple[str, ...]:
    """Return the names of the conditions that a filter stands for."""
    return tuple(name for name, _ in _conditions(wanted))


def filter_values(actor: Actor, wanted: Filter, *, permission: str) -> dict[str, Any]:
    """Return what the statements over `wanted` take."""
    values = {"partner_id": actor.partner_id, "permission": permission, "tenant_ids": list(wanted.tenant_ids)}
    return values | dict(_conditions(wanted))


def _conditions(wanted: Filter) -> Iterator[tuple[str, Any]]:
    """Yield the filter's conditions by the names of their SQL, each with its value."""
    for name in ("from_date", "to_date", "due_from", "due_to", "min_amount", "max_amount"):
        if (value := getattr(wanted, name)) is not None:
            yield name, value
    if wanted.status:
        yield "status", list(wanted.status)
    if wanted.currency:
        yield "currency", wanted.currency
    if wanted.owed:
        yield "owed", True
    if wanted.search:
        yield "search", containing(wanted.search)


_VALUE: Mapping[str, Callable[[str], Any]] = {
    "invoice_date": date.fromisoformat,
    "due_date": date.fromisoformat,
    "amount": cursor.amount,
    "status": int,
}


def _after(wanted: Filter) -> tuple[Any, UUID] | None:
    """Return where the page starts, from its cursor; raises Invalid for a cursor of another list."""
    if not wanted.cursor:
        return None
    place = cursor.decode(wanted.cursor, Place)
    if (place.sort_by, place.sort_order) != (wanted.sort_by, wanted.sort_order):
        raise cursor.wrong()
    try:
        value = _VALUE[place.sort_by](place.value)
    except ValueError:
        raise cursor.wrong() from None
    if isinstance(value, int) and not 0 <= value <= len(INVOICE_STATUSES):
        raise cursor.wrong()
    return value, place.id


def _next(wanted: Filter, last: _Row) -> str:
    """Return the cursor of the page after `last`."""
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, str(last["place"]), last["id"]))


def _item(actor: Actor, row: _Row, today: date) -> Item:
    return Item(**_stored(actor, {name: row[name] for name in STORED}, row["tenant_name"], today))


def _stored(actor: Actor, stored: Mapping[str, Any], tenant_name: str | None, today: date) -> dict[str, Any]:
    """Return an invoice's stored columns as the actor may see them, with what follows from them."""
    owed, shown, currency = stored["status"] in _OWED, actor.may(MONEY), stored["currency"]
    amounts = {
        "amount": stored["amount"],
        "amount_paid": stored["amount_paid"],
        "outstanding": stored["amount"] - stored["amount_paid"] if owed else Decimal(),
    }
    return {
        **stored,
        **{name: money(value, currency) if shown else None for name, value in amounts.items()},
        "tenant_name": tenant_name or "",
        "days_overdue": max(0, (today - stored["due_on"]).days) if owed else 0,
    }


def _sums(rows: Sequence[_Row]) -> Sums:
    """Return the sums, one for each currency."""
    places = {"total": "amount", "paid": "amount_paid", "outstanding": "outstanding"}
    return Sums(**{name: [money(row[place], row["currency"]) for row in rows] for name, place in places.items()})


_ONE = text(
    f"WITH {scope(named=False)} SELECT {', '.join(f'f.{name}' for name in STORED)}, s.tenant_name,"
    " (SELECT 'partner.billing.payments.read' = ANY (l.permissions) FROM portal.partner_tenant_link AS l"
    " WHERE l.partner_id = :partner_id AND l.tenant_id = f.tenant_id AND l.status = 'active') AS with_payments"
    " FROM (SELECT i.* FROM tenancy.invoice AS i WHERE i.id = :invoice_id AND i.status <> 'draft'"
    " AND (i.tenant_id IN (SELECT tenant_id FROM scope)) IS TRUE"
    f" UNION ALL SELECT i.* {accounts(named=False)} AND i.id = :invoice_id AND i.status <> 'draft') AS f"
    " LEFT JOIN scope AS s USING (tenant_id)"
)
_LINES = text(
    "SELECT position, description, quantity, unit_price, amount FROM tenancy.invoice_line"
    " WHERE invoice_id = :invoice_id ORDER BY position"
)
_PAYMENTS = text(
    "SELECT paid_on, currency, amount FROM tenancy.payment WHERE invoice_id = :invoice_id ORDER BY paid_on, id"
)


async def get(connection: AsyncConnection, actor: Actor, invoice_id: UUID, *, today: date) -> Invoice:
    """Return one invoice with its lines and payments.

    Raises NotFound (INVOICE_NOT_FOUND) for one that the actor may not see, drafts included, as for one that is absent.
    """
    if not actor.may(READ):
        raise Forbidden
    values = {"partner_id": actor.partner_id, "permission": READ, "invoice_id": invoice_id}
    row = (await connection.execute(_ONE, values)).mappings().first()
    if row is None:
        raise NotFound(code="INVOICE_NOT_FOUND")
    stored = {name: row[name] for name in STORED}
    by_id = {"invoice_id": invoice_id}
    lines = (await connection.execute(_LINES, by_id)).mappings()
    may_see = actor.may("partner.billing.payments.read") and row["with_payments"] is not False
    payments = (await connection.execute(_PAYMENTS, by_id)).mappings() if may_see else None
    return Invoice(
        **_stored(actor, stored, row["tenant_name"], today),
        lines=[_line(actor, line, row["currency"]) for line in lines],
        payments=None if payments is None else [_payment(actor, each) for each in payments],
    )


def _line(actor: Actor, row: Mapping[Any, Any], currency: str) -> Line:
    shown = actor.may(MONEY)
    return Line(
        position=row["position"],
        description=row["description"],
        quantity=row["quantity"],
        unit_price=Money(row["unit_price"], currency) if shown else None,
        amount=money(row["amount"], currency) if shown else None,
    )


def _payment(actor: Actor, row: Mapping[Any, Any]) -> Payment:
    return Payment(paid_on=row["paid_on"], amount=money(row["amount"], row["currency"]) if actor.may(MONEY) else None)
