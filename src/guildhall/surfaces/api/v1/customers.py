"""Customers: the tenants that the partner may act in now, with their figures."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from guildhall.core import db
from guildhall.core.money import Money
from guildhall.domain.access.tables import OperatingModel
from guildhall.domain.reports import customer, portfolio
from guildhall.domain.reports.customer import Contact, Posture, Subscription
from guildhall.domain.reports.portfolio import Billing, Customer, Relationship
from guildhall.domain.tenancy.tables import TenantStatus
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Offset, Search, SortOrder
from guildhall.surfaces.entry import needs

GROUP = "Customers"


class CustomersQuery(Struct, frozen=True):
    """Which customers to list, and in which order."""

    status: Annotated[tuple[TenantStatus, ...], Meta(description="Only customers in these states.")] = ()
    search: Annotated[Search, Meta(description="Part of the name or of the domain.")] = ""
    operating_model: Annotated[
        tuple[OperatingModel, ...], Meta(description="Only links of these operating models.")
    ] = ()
    sort_by: Annotated[
        portfolio.SortBy,
        Meta(
            description="Customers whose value is hidden come last in either order. Balances sort only for those "
            "who may read money."
        ),
    ] = "name"
    sort_order: SortOrder = "asc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class CustomerPage(Struct, frozen=True, kw_only=True):
    """A page of customers. `hidden_count` is how many of the listed hide the value that is sorted by."""

    items: list[Customer]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None
    hidden_count: int | None


LIST = Operation(
    id="listCustomers",
    method="GET",
    path="/partner/customers",
    group=GROUP,
    summary="List customers",
    description="Every tenant with a live link, with figures. A block or figure that the link or your role does not "
    "allow is `null`, never zero. With `X-Active-Tenant-Id` only that tenant.",
    mark=needs("partner.tenants.list"),
    query=CustomersQuery,
    answer=CustomerPage,
)


@serves(LIST)
async def list_customers(call: Call[CustomersQuery, None]) -> CustomerPage:
    """Return one page of the portfolio."""
    asked = call.query
    wanted = portfolio.Filter(
        tenant_id=call.tenant.tenant_id if call.tenant else None,
        status=asked.status,
        search=asked.search,
        operating_model=asked.operating_model,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )
    async with db.transaction(call.actor) as connection:
        page = await portfolio.listed(connection, call.actor, wanted)
    return CustomerPage(
        items=page.items,
        total=page.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
        hidden_count=page.hidden_count,
    )


class CustomerMetrics(Struct, frozen=True, kw_only=True):
    """Figures of one customer; each is null where the link or your role does not allow it, or nothing was measured.

    `outstanding_balance` is in the customer's own currency, `other_balances` what is owed in others. `open_tickets` are
    those open or pending, `sla_breach_count_30d` tickets whose clock ran out in the last 30 days (days below the uptime
    target are in the SLA report), `total_subscribers` all but cancelled ones.
    """

    outstanding_balance: Money | None
    other_balances: list[Money] | None
    open_tickets: int | None
    sla_breach_count_30d: int | None
    total_subscribers: int | None
    users: int | None
    users_max: int | None
    active_subscribers: int | None
    suspended_subscribers: int | None
    uptime_percentage_30d: float | None


class CustomerDetail(Struct, frozen=True, kw_only=True):
    """One customer in full. `effective_permissions` is what you may do there: the link's and your own together.

    `posture` is null where the operating model or your role does not share it, or none was taken yet.
    """

    tenant_id: UUID
    name: str
    slug: str
    domain: str
    status: TenantStatus
    plan_type: str
    relationship: Relationship
    metrics: CustomerMetrics
    billing: Billing | None
    contact: Contact
    address: dict[str, Any]
    region: str
    custom_permissions: dict[str, bool]
    effective_permissions: list[str]
    sla_config: dict[str, Any]
    alert_config: dict[str, Any]
    subscription: Subscription | None
    posture: Posture | None
    created_at: datetime
    updated_at: datetime


GET = Operation(
    id="getCustomer",
    method="GET",
    path="/partner/customers/{tenant_id}",
    group=GROUP,
    summary="Read one customer",
    description="One tenant in full: contact, address, what the link allows, subscription, and posture where shared.",
    mark=needs("partner.tenants.list"),
    answer=CustomerDetail,
    codes=("TENANT_NOT_FOUND", "TENANT_LINK_EXPIRED", "TENANT_LINK_PAUSED", "TENANT_CONTEXT_MISMATCH"),
)


@serves(GET)
async def get_customer(call: Call[None, None]) -> CustomerDetail:
    """Return one tenant in full."""
    async with db.transaction(call.actor) as connection:
        found = await customer.detail(connection, call.actor, standing=call.standing, now=call.now)
    parts = {name: getattr(found, name) for name in CustomerDetail.__struct_fields__ if name != "metrics"}
    figures = msgspec.structs.asdict(found.metrics) | msgspec.structs.asdict(found.more)
    return CustomerDetail(metrics=CustomerMetrics(**figures), **parts)


ENDPOINTS: tuple[Endpoint, ...] = (list_customers, get_customer)
