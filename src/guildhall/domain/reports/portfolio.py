"""The portfolio: every tenant that a partner may act in now, with its figures (API.md, GET /partner/customers)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import cursor, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Choices, Forbidden, Invalid, NotFound
from guildhall.core.money import Money, money
from guildhall.core.text import containing, storable
from guildhall.domain.access.links import must
from guildhall.domain.access.tables import OPERATING_MODELS, OperatingModel, RelationshipType
from guildhall.domain.billing.tables import BillingCycle
from guildhall.domain.rbac.registry import AccessRole
from guildhall.domain.reports.portfolio_sql import (
    BILLING,
    COLUMNS,
    COUNTED,
    SUBSCRIBERS,
    SUPPORT,
    Shape,
    statement,
)
from guildhall.domain.tenancy.tables import TENANT_STATUSES, TenantStatus

SortBy = Literal["name", "created_at", "outstanding_balance"]
Figures = Literal["all", "brief", "none"]
LONGEST_PAGE = 100
_LONGEST_SEARCH = 200
_CHOICES = {"status": Choices("tenant", TENANT_STATUSES), "operating_model": Choices("model", OPERATING_MODELS)}
_NOTHING = Decimal(0)
_PLAIN = ("tenant_id", "name", "slug", "domain", "status", "plan_type", "created_at", "updated_at")


class Relationship(Struct, frozen=True, kw_only=True):
    """The live link. `status` is `active`, or `expiring` within 30 days of the end; `end_date` None is open-ended."""

    link_id: UUID
    access_role: AccessRole
    operating_model: OperatingModel
    relationship_type: RelationshipType
    status: Literal["active", "expiring"]
    start_date: datetime
    end_date: datetime | None


class Metrics(Struct, frozen=True, kw_only=True):
    """Figures of a tenant; each is None where the link or the person does not allow it.

    `outstanding_balance` is in the tenant's own currency; `other_balances` are what is owed in others. `open_tickets`
    are those open or pending, `sla_breach_count_30d` tickets whose clock ran out in the last 30 days (days below the
    uptime target are in the SLA report), `total_subscribers` all but cancelled ones.
    """

    outstanding_balance: Money | None
    other_balances: list[Money] | None
    open_tickets: int | None
    sla_breach_count_30d: int | None
    total_subscribers: int | None


class Billing(Struct, frozen=True, kw_only=True):
    """The commercial side. `current_mrr` is the subscription's in any state, None without one or without money.read."""

    billing_cycle: BillingCycle | None
    current_mrr: Money | None
    last_invoice_date: date | None
    next_invoice_date: date | None


class Customer(Struct, frozen=True, kw_only=True):
    """One tenant of the portfolio; `billing` is None where the link or the person does not allow it."""

    tenant_id: UUID
    name: str
    slug: str
    domain: str
    status: TenantStatus
    plan_type: str
    relationship: Relationship
    metrics: Metrics
    billing: Billing | None
    created_at: datetime
    updated_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which tenants to list; `search` looks in name and domain, `plan` in the subscription. `cursor` replaces `offset`.

    `tenant_id` narrows to one tenant, which passed the gates.
    """

    tenant_id: UUID | None = None
    status: tuple[str, ...] = ()
    search: str = ""
    operating_model: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    sort_by: SortBy = "name"
    sort_order: Literal["asc", "desc"] = "asc"
    limit: int = 50
    offset: int = 0
    cursor: str = ""


class PortfolioPage(Struct, frozen=True, kw_only=True):
    """One page of the portfolio; `total` is None on pages asked for by cursor.

    `hidden_count` is how many of the listed tenants hide the field sorted by: they come last in either direction.
    It is None on pages asked for by cursor.
    """

    items: list[Customer]
    total: int | None
    hidden_count: int | None
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended: the list's order, and the last tenant's value in it, as text."""

    sort_by: SortBy
    sort_order: Literal["asc", "desc"]
    value: str
    id: UUID


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, figures: Figures = "all"
) -> PortfolioPage:
    """Return one page of the tenants with a live link, in one statement.

    `brief` figures are what is owed and how many tickets and subscribers there are; those not asked for are None.

    Raises Forbidden without partner.tenants.list, or for a sort by a field that the actor may see nowhere; Invalid
    for values that no tenant can have, and for a cursor of another list.
    """
    must(actor, "partner.tenants.list")
    by_balance = wanted.sort_by == "outstanding_balance"
    if by_balance and not (actor.may(BILLING) and actor.may("partner.money.read")):
        raise Forbidden
    _check(wanted)
    rows = await _rows(connection, actor, wanted, figures=figures)
    counts = None if wanted.cursor else dict(zip(COUNTED, rows[0][len(COLUMNS) :], strict=True))
    if counts is not None and not counts["sortable"]:
        raise Forbidden
    found = [dict(zip(COLUMNS, row, strict=False)) for row in rows if row[2] is not None]
    shown, sight = found[: wanted.limit], _sight(actor, figures)
    return PortfolioPage(
        items=[_customer(sight, row) for row in shown],
        total=counts["total"] if counts else None,
        hidden_count=counts["hidden_count"] if counts else None,
        next_cursor=_next(wanted, shown[-1]) if len(found) > len(shown) else None,
    )


async def one(connection: AsyncConnection, actor: Actor, *, tenant_id: UUID) -> Customer:
    """Return the portfolio's row of one tenant; raises NotFound (TENANT_NOT_FOUND) without a live link."""
    found = await listed(connection, actor, Filter(tenant_id=tenant_id, limit=1))
    if not found.items:
        raise NotFound(code="TENANT_NOT_FOUND")
    return found.items[0]


async def _rows(
    connection: AsyncConnection, actor: Actor, wanted: Filter, *, figures: Figures
) -> Sequence[Sequence[Any]]:
    """Run the statement of a page."""
    values: dict[str, Any] = {
        name: list(getattr(wanted, name)) for name in ("status", "operating_model", "plan") if getattr(wanted, name)
    }
    if wanted.search:
        values["search"] = containing(wanted.search)
    if wanted.tenant_id:
        values["tenant_id"] = wanted.tenant_id
    filters = tuple(values)
    values |= {"partner_id": actor.partner_id} | _after(wanted)
    made = statement(_shape(actor, wanted, filters, resumed="after" in values, figures=figures))
    return await db.rows(connection, made, values)


def _shape(actor: Actor, wanted: Filter, filters: tuple[str, ...], *, resumed: bool, figures: Figures) -> Shape:
    """Return the shape of the statement: what is asked, cut to what the person may see anywhere."""
    some = figures != "none"
    return Shape(
        filters=filters,
        sort_by=wanted.sort_by,
        sort_order=wanted.sort_order,
        limit=wanted.limit,
        offset=0 if resumed else wanted.offset,
        resumed=resumed,
        money=some and actor.may("partner.money.read"),
        billing=some and actor.may(BILLING),
        support=some and actor.may(SUPPORT),
        subscribers=some and actor.may(SUBSCRIBERS),
        brief=figures == "brief",
    )


def _check(wanted: Filter) -> None:
    """Raise Invalid where a value of the filter cannot be one."""
    errors: dict[str, str] = {
        name: choices for name, choices in _CHOICES.items() if not set(getattr(wanted, name)) <= set(choices.codes)
    }
    if not storable("".join((wanted.search, *wanted.plan))) or len(wanted.search) > _LONGEST_SEARCH:
        errors["search"] = "This cannot be searched for"
    if not 1 <= wanted.limit <= LONGEST_PAGE:
        errors["limit"] = f"Ask for 1 to {LONGEST_PAGE}"
    if wanted.offset < 0:
        errors["offset"] = "Start at 0 or later"
    if errors:
        raise Invalid(errors=errors)


def _after(wanted: Filter) -> dict[str, Any]:
    """Return where the page starts, from its cursor; raises Invalid for a cursor of another list."""
    if not wanted.cursor:
        return {}
    place = cursor.decode(wanted.cursor, Place)
    if (place.sort_by, place.sort_order) != (wanted.sort_by, wanted.sort_order) or not storable(place.value):
        raise cursor.wrong()
    return {"after": _VALUES[place.sort_by](place.value), "after_id": place.id}


_VALUES: Mapping[str, Callable[[str], Any]] = {
    "name": str,
    "created_at": cursor.moment,
    "outstanding_balance": cursor.amount,
}


def _next(wanted: Filter, last: Mapping[str, Any]) -> str:
    """Return the cursor of the page after `last`."""
    value = last["place"].isoformat() if isinstance(last["place"], datetime) else str(last["place"])
    return cursor.encode(Place(wanted.sort_by, wanted.sort_order, value, last["tenant_id"]))


class _Sight(Struct, frozen=True):
    """Which figures a person may see where the link opens them, settled once for a page."""

    money: bool
    billing: bool
    owed: bool
    helped: bool
    breaches: bool
    served: bool


def _sight(actor: Actor, figures: Figures) -> _Sight:
    some, money_seen, billing = figures != "none", actor.may("partner.money.read"), actor.may(BILLING)
    helped = some and actor.may(SUPPORT)
    return _Sight(
        money=money_seen,
        billing=figures == "all" and billing,
        owed=some and billing and money_seen,
        helped=helped,
        breaches=helped and figures == "all",
        served=some and actor.may(SUBSCRIBERS),
    )


def _customer(sight: _Sight, row: Mapping[str, Any]) -> Customer:
    """Return a row as this person may see it through its link: every block and figure by its own permission."""
    return Customer(
        **{name: row[name] for name in _PLAIN},
        relationship=_relationship(row),
        metrics=_metrics(sight, row),
        billing=_billing(sight, row) if sight.billing and row["shows_billing"] else None,
    )


def _relationship(row: Mapping[str, Any]) -> Relationship:
    return Relationship(
        link_id=row["link_id"],
        access_role=row["access_role"],
        operating_model=row["operating_model"],
        relationship_type=row["relationship_type"],
        status="expiring" if row["expiring"] else "active",
        start_date=row["starts_at"],
        end_date=row["ends_at"],
    )


def _metrics(sight: _Sight, row: Mapping[str, Any]) -> Metrics:
    """Return the figures that were asked for; one that is allowed and has no source yet is zero."""
    owed, helped = sight.owed and row["shows_billing"], row["shows_tickets"]
    others = zip(row["other_balances"] or (), row["other_currencies"] or (), strict=True)
    return Metrics(
        outstanding_balance=money(row["balance"] or _NOTHING, row["currency"]) if owed else None,
        other_balances=[money(*other) for other in others] if owed else None,
        open_tickets=row["open_tickets"] or 0 if sight.helped and helped else None,
        sla_breach_count_30d=row["breaches"] or 0 if sight.breaches and helped else None,
        total_subscribers=row["subscribers"] or 0 if sight.served and row["shows_subscribers"] else None,
    )


def _billing(sight: _Sight, row: Mapping[str, Any]) -> Billing:
    return Billing(
        billing_cycle=row["billing_cycle"],
        current_mrr=money(row["mrr"], row["mrr_currency"]) if sight.money and row["mrr"] is not None else None,
        last_invoice_date=row["last_issued_on"],
        next_invoice_date=row["renews_on"],
    )
