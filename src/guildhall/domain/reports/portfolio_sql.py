"""The SQL of the portfolio, put together from fixed pieces and kept by its shape.

The live links first, which are counted by themselves unless a filter or the order asks for their tenants' data; of
those tenants the page; then its figures alone, by their keys. What the person may not see is not asked for, so two
answers cannot differ by it.
"""

from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import DateTime, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from guildhall.core.sql import Fixed, bound
from guildhall.domain.access.links import EXPIRING_DAYS

BREACH_DAYS = 30


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; values are parameters.

    `money`, `billing`, `support`, `subscribers` are what the person may see of a tenant whose link opens it. `brief`
    leaves out what only the whole picture of a tenant holds: its subscription, and the breaches of its clocks.
    """

    filters: tuple[str, ...]
    sort_by: str
    sort_order: str
    limit: int
    offset: int
    resumed: bool
    money: bool
    billing: bool
    support: bool
    subscribers: bool
    brief: bool

    @property
    def by_balance(self) -> bool:
        """Whether the order is by what is owed, which some links hide."""
        return self.sort_by == "outstanding_balance"

    @property
    def searched(self) -> bool:
        """Whether a filter asks for data of the tenants themselves."""
        return not _TENANT_FILTERS.keys().isdisjoint(self.filters)

    @property
    def counted_whole(self) -> bool:
        """Whether counting takes the data of every tenant, so that the whole list is kept for it."""
        return not self.resumed and (self.by_balance or self.searched)

    @property
    def walked(self) -> bool:
        """Whether the page comes out of an index, by the names that the links hold: those of their tenants."""
        return self.sort_by == "name" and not self.searched


# Permissions of the registry, by what they show here.
BILLING = "partner.billing.read"
SUPPORT = "partner.support.tickets.list"
SUBSCRIBERS = "partner.provisioning.subscribers.list"

# Columns of the answer, in order.
PLACED = ("place", "hidden", "link_id", "tenant_id", "name", "slug", "domain", "status", "plan_type", "currency")
PLACED_LAST = ("created_at", "updated_at")
LINKED = ("access_role", "operating_model", "relationship_type", "starts_at", "ends_at")
DERIVED = ("expiring",)
OPENED = ("shows_billing", "shows_tickets", "shows_subscribers")
FIGURES = (
    "billing_cycle",
    "mrr",
    "mrr_currency",
    "renews_on",
    "balance",
    "other_currencies",
    "other_balances",
    "last_issued_on",
    "open_tickets",
    "breaches",
    "subscribers",
)
COUNTED = ("total", "hidden_count", "sortable")
COLUMNS = (*PLACED, *PLACED_LAST, *LINKED, *OPENED, *DERIVED, *FIGURES)

_LIVE = "l.partner_id = :partner_id AND l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
_FAR = "1000000000000000"  # more than a balance can be: puts hidden ones last in either direction
_BALANCE = "CASE WHEN l.shows_billing THEN coalesce(o.outstanding, 0) END"
_SORTS = {"name": "lower(t.name)", "created_at": "t.created_at"}
_LINK_FILTERS = {
    "operating_model": "l.operating_model = ANY (:operating_model)",
    "tenant_id": "l.tenant_id = :tenant_id",
    "plan": "EXISTS (SELECT 1 FROM portal.subscription AS s WHERE s.partner_id = :partner_id"
    " AND s.tenant_id = l.tenant_id AND s.status <> 'cancelled' AND s.plan = ANY (:plan))",
}
_TENANT_FILTERS = {
    "status": "t.status = ANY (:status)",
    "search": "(t.name ILIKE :search OR t.domain ILIKE :search)",
}
_TYPES: dict[str, TypeEngine[Any]] = {
    "status": ARRAY(Text),
    "operating_model": ARRAY(Text),
    "plan": ARRAY(Text),
    "search": Text(),
    "partner_id": Uuid(),
    "tenant_id": Uuid(),
    "after_id": Uuid(),
}
_AFTER: dict[str, TypeEngine[Any]] = {
    "name": Text(),
    "created_at": DateTime(timezone=True),
    "outstanding_balance": Numeric(),
}


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Fixed:
    """Return the statement of `shape`.

    Its rows: COLUMNS, then COUNTED unless it goes on from a cursor. Without any tenant there is one row of nulls
    and counts.
    """
    direction = shape.sort_order
    parts = [f"linked AS {'NOT ' if shape.walked else ''}MATERIALIZED ({_linked(shape)})"]
    if shape.counted_whole:
        parts.append(f"listed AS MATERIALIZED ({_listed(shape)})")
    if shape.walked:
        parts.append(f"walked AS MATERIALIZED ({_walked(shape)})")
    parts.append(f"page AS MATERIALIZED ({_found() if shape.walked else _page(shape)})")
    if not shape.resumed:
        parts.append(f"counts AS ({_counts(shape)})")
    sql = (
        f"WITH {', '.join(parts)} SELECT {', '.join(_columns(shape))}{'' if shape.resumed else ', counts.*'}"
        f" FROM {'page' if shape.resumed else 'counts LEFT JOIN page ON true'} {' '.join(_joins(shape))}"
        f" ORDER BY page.place {direction}, page.tenant_id {direction}"
    )
    return bound(sql, {**_TYPES, "after": _AFTER[shape.sort_by]})


def _linked(shape: Shape) -> str:
    """Return the live links that match, to be counted and, but by name, to be put in order."""
    opens = ", l.shows_billing" if shape.by_balance else ""
    return f"SELECT l.id, l.tenant_id{opens} {_matching(shape)}"


def _matching(shape: Shape) -> str:
    """Return the live links that match."""
    where = "".join(f" AND {_LINK_FILTERS[name]}" for name in shape.filters if name in _LINK_FILTERS)
    return f"FROM portal.partner_tenant_link AS l WHERE {_LIVE}{where}"


_KEPT = ", ".join(f"t.{name}" for name in (*PLACED[4:], *PLACED_LAST))


def _listed(shape: Shape) -> str:
    """Return the list: every live link's tenant that matches, with its value in the order."""
    by_balance = shape.by_balance
    last = f"-{_FAR}" if shape.sort_order == "desc" else _FAR
    place = f"coalesce({_BALANCE}, {last})" if by_balance else _SORTS[shape.sort_by]
    hidden = "NOT l.shows_billing" if by_balance else "false"
    owed = (
        " LEFT JOIN tenancy.billing_rollup AS o ON o.tenant_id = t.id AND o.currency = t.currency" if by_balance else ""
    )
    where = "".join(f" AND {_TENANT_FILTERS[name]}" for name in shape.filters if name in _TENANT_FILTERS)
    return (
        f"SELECT {place} AS place, {hidden} AS hidden, l.id AS link_id, t.id AS tenant_id, {_KEPT}"
        f" FROM linked AS l JOIN tenancy.tenant AS t ON t.id = l.tenant_id{owed} WHERE true{where}"
    )


def _page(shape: Shape) -> str:
    """Return the page of the list, with one row more to see whether it goes on."""
    listed = "listed" if shape.counted_whole else f"({_listed(shape)}) AS listed"
    after = f" WHERE {_after(shape, 'place', 'tenant_id')}" if shape.resumed else ""
    return f"SELECT * FROM {listed}{after} {_cut(shape, 'place', 'tenant_id')}"


def _walked(shape: Shape) -> str:
    """Return the page of links by name, with one more."""
    order = ("lower(l.tenant_name)", "l.tenant_id")
    after = f" AND {_after(shape, *order)}" if shape.resumed else ""
    return f"SELECT {order[0]} AS place, l.id, l.tenant_id {_matching(shape)}{after} {_cut(shape, *order)}"


def _found() -> str:
    """Return the tenants of the links `walked`, in one look: for each the policy of tenants would go through all."""
    return (
        f"SELECT l.place, false AS hidden, l.id AS link_id, t.id AS tenant_id, {_KEPT} FROM walked AS l JOIN (SELECT *"
        " FROM tenancy.tenant WHERE id = ANY (ARRAY(SELECT tenant_id FROM walked)) OFFSET 0) AS t ON t.id = l.tenant_id"
    )


def _after(shape: Shape, place: str, tenant: str) -> str:
    """Return the condition for what comes after the cursor."""
    return f"({place}, {tenant}) {'<' if shape.sort_order == 'desc' else '>'} (:after, :after_id)"


def _cut(shape: Shape, place: str, tenant: str) -> str:
    """Return the order, and its part that is the page with one row more."""
    direction = shape.sort_order
    return f"ORDER BY {place} {direction}, {tenant} {direction} LIMIT {shape.limit + 1} OFFSET {shape.offset}"


def _counts(shape: Shape) -> str:
    """Return how many there are, how many hide the field sorted by, and whether any link at all shows it."""
    if not shape.counted_whole:
        total = "(SELECT count(*) FROM linked)"
        if not shape.filters:
            total = f"coalesce((SELECT tenants FROM portal.roster_now()), {total})"
        return f"SELECT {total} AS total, 0 AS hidden_count, true AS sortable"
    sortable = (
        f"EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l WHERE {_LIVE} AND l.shows_billing"
        " AND l.tenant_id IN (SELECT reached FROM portal.reach('billing') AS reached))"
        if shape.by_balance
        else "true"
    )
    return (
        f"SELECT count(*) AS total, count(*) FILTER (WHERE hidden) AS hidden_count, {sortable} AS sortable FROM listed"
    )


def _columns(shape: Shape) -> list[str]:
    """Return the selected columns, in the order of COLUMNS; what is not asked for is null."""
    figures = dict.fromkeys(FIGURES, "NULL")
    if shape.billing:
        figures |= {"last_issued_on": "b.last_issued_on"}
    if shape.billing and shape.money:
        figures |= {name: f"b.{name}" for name in ("balance", "other_currencies", "other_balances")}
    if shape.billing and not shape.brief:
        figures |= {"billing_cycle": "s.billing_cycle", "renews_on": "s.renews_on"}
        figures |= {"mrr": "s.mrr", "mrr_currency": "s.currency"} if shape.money else {}
    if shape.support:
        figures |= {"open_tickets": "r.open + r.pending"} | ({} if shape.brief else {"breaches": "x.breaches"})
    if shape.subscribers:
        figures |= {"subscribers": "u.active + u.suspended"}
    return [
        *(f"page.{name}" for name in (*PLACED, *PLACED_LAST)),
        *(f"l.{name}" for name in (*LINKED, *OPENED)),
        f"coalesce(l.ends_at <= now() + make_interval(days => {EXPIRING_DAYS}), false) AS expiring",
        *(f"{value} AS {name}" for name, value in figures.items()),
    ]


def _joins(shape: Shape) -> list[str]:
    """Return the joins that bring the figures of the page's tenants."""
    joins = ["LEFT JOIN portal.partner_tenant_link AS l ON l.id = page.link_id"]
    if shape.billing and not shape.brief:
        joins.append(
            "LEFT JOIN portal.subscription AS s ON s.partner_id = :partner_id AND s.tenant_id = page.tenant_id"
            " AND s.status <> 'cancelled'"
        )
    if shape.billing:
        joins.append(f"LEFT JOIN LATERAL ({_BILLED}) AS b ON true")
    if shape.support:
        joins.append("LEFT JOIN tenancy.support_rollup AS r ON r.tenant_id = page.tenant_id")
    if shape.support and not shape.brief:
        joins.append(f"LEFT JOIN LATERAL ({_BREACHED}) AS x ON true")
    if shape.subscribers:
        joins.append("LEFT JOIN tenancy.subscriber_rollup AS u ON u.tenant_id = page.tenant_id")
    return joins


_OTHER = "FILTER (WHERE b.currency <> page.currency AND b.outstanding <> 0)"
_BILLED = (
    "SELECT sum(b.outstanding) FILTER (WHERE b.currency = page.currency) AS balance,"
    f" array_agg(b.currency ORDER BY b.currency) {_OTHER} AS other_currencies,"
    f" array_agg(b.outstanding ORDER BY b.currency) {_OTHER} AS other_balances,"
    " max(b.last_issued_on) AS last_issued_on FROM tenancy.billing_rollup AS b WHERE b.tenant_id = page.tenant_id"
)
_BREACHED = (
    "SELECT count(*) AS breaches FROM tenancy.ticket AS k"
    f" WHERE k.tenant_id = page.tenant_id AND k.sla_breached_at >= now() - make_interval(days => {BREACH_DAYS})"
)
