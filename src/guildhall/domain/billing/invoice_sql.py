"""The SQL of invoices over many tenants, put together from fixed pieces and kept by its shape.

Whoever reaches few tenants gets the newest invoices of each by the tenant's own index; whoever reaches many walks all
invoices in order and keeps the own ones. Sums over everything come from rollups, or of many tenants from what triggers
added up of them (`domain/reports/sums.sql`), sums over a filter from the invoices. Sums are always by currency.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Date, Integer, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from guildhall.core.sql import Fixed, bound
from guildhall.domain.access.tables import SHOWN_BY
from guildhall.domain.tenancy.tables import INVOICE_STATUSES

STORED = (
    "id",
    "tenant_id",
    "number",
    "status",
    "currency",
    "amount",
    "amount_paid",
    "issued_on",
    "due_on",
    "paid_on",
    "created_at",
    "updated_at",
)
COLUMNS = ("part", *STORED, "place", "tenant_name", "listed", "outstanding")
OWED = "i.status IN ('finalized', 'overdue')"
BILLED = "i.status <> 'cancelled'"  # drafts are never in question here
WIDE = 200  # tenants from which on the walk over all invoices is the shorter way
SHOWN = "i.status <> 'draft'"
FILTERS: Mapping[str, str] = {
    "from_date": "i.issued_on >= :from_date",
    "to_date": "i.issued_on <= :to_date",
    "status": "i.status = ANY (:status)",
    "currency": "i.currency = :currency",
    "min_amount": "i.amount >= :min_amount",
    "max_amount": "i.amount <= :max_amount",
    "search": "(i.number ILIKE :search OR i.tenant_id = ANY"
    " (ARRAY(SELECT tenant_id FROM scope WHERE tenant_name ILIKE :search)))",
    "due_from": "i.due_on >= :due_from",
    "due_to": "i.due_on <= :due_to",
    "owed": OWED,
}
_RANKS = ", ".join(f"'{status}'" for status in INVOICE_STATUSES)
SORTS: Mapping[str, tuple[str, TypeEngine[Any]]] = {
    "invoice_date": ("i.issued_on", Date()),
    "due_date": ("i.due_on", Date()),
    "amount": ("i.amount", Numeric()),
    "status": (f"array_position(ARRAY[{_RANKS}], i.status)", Integer()),
}
TYPES: Mapping[str, TypeEngine[Any]] = {
    **{name: Date() for name in ("from_date", "to_date", "due_from", "due_to", "today")},
    **{name: Numeric() for name in ("min_amount", "max_amount")},
    **{name: Uuid() for name in ("partner_id", "after_id", "invoice_id")},
    **{name: Text() for name in ("search", "currency", "permission")},
    "status": ARRAY(Text),
    "tenant_ids": ARRAY(Uuid),
}
# The tenants whose live link holds the permission; the policy of links holds the person's own limits.
LIVE = (
    "FROM portal.partner_tenant_link AS l WHERE l.partner_id = :partner_id AND l.status = 'active'"
    " AND portal.is_live(l.status, l.starts_at, l.ends_at)"
)
_SHOWN_BY = {
    permission: SHOWN_BY[permission] for permission in ("partner.billing.invoices.read", "partner.billing.summary.read")
}
_OPENS = " ".join(f"WHEN '{permission}' THEN l.{name}" for permission, name in _SHOWN_BY.items())
_NAMED = " ".join(f"WHEN '{permission}' THEN '{name}'" for permission, name in _SHOWN_BY.items())
_SCOPE = f"SELECT l.tenant_id, l.tenant_name {LIVE} AND CASE :permission {_OPENS} END"
# Of one invoice, by one look at the links: for the few that are met where an index has the order.
_LINKED = f"(SELECT CASE :permission {_OPENS} END {LIVE} AND l.tenant_id = i.tenant_id LIMIT 1) IS TRUE"
_LINKED_NAME = f"(SELECT l.tenant_name {LIVE} AND l.tenant_id = page.tenant_id LIMIT 1)"
_INDEXED = frozenset({"invoice_date"})  # orders that an index of all invoices has
# Of the partner's roster: how many live links there are, whether each holds the permission, and whether the sums that
# triggers keep tell of just those that do.
_ROSTER = (
    "SELECT r.tenants, p.name = ANY (r.everywhere) AS everybody, replace(p.name, 'shows_', '') = ANY (r.sums) AS summed"
    f" FROM portal.roster_now() AS r CROSS JOIN (SELECT CASE :permission {_NAMED} END AS name) AS p"
)
_KEPT = (
    "SELECT r.currency, sum(r.listed) AS listed, sum(r.invoiced) AS total, sum(r.received) AS paid,"
    " sum(r.outstanding) AS outstanding FROM portal.revenue_sum AS r WHERE r.partner_id = :partner_id"
    " AND (SELECT summed FROM roster) GROUP BY 1 HAVING sum(r.listed) > 0"
)
_MANY = "(SELECT many FROM reached)"


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; values are parameters.

    `resumed` pages follow a cursor and have no sums; `covered` ones say how many customers are in them.
    """

    named: bool
    filters: tuple[str, ...]
    sort_by: str = "invoice_date"
    sort_order: str = "desc"
    limit: int = 50
    offset: int = 0
    resumed: bool = False
    covered: bool = False


def scope(*, named: bool) -> str:
    """Return the common table `scope`: tenants and their names, all or those named."""
    return f"scope AS MATERIALIZED ({_SCOPE}{' AND l.tenant_id = ANY (:tenant_ids)' if named else ''})"


def accounts(*, named: bool) -> str:
    """Return the invoices of the partner's accounts in its home tenant, which is never a linked one."""
    only = " AND i.tenant_id = ANY (:tenant_ids)" if named else ""
    return f"FROM tenancy.invoice AS i WHERE i.subscriber_id = ANY (ARRAY(SELECT portal.account_subscribers())){only}"


def conditions(filters: tuple[str, ...]) -> str:
    """Return the conditions of `filters`, and the one that always holds, to follow a WHERE."""
    return "".join(f" AND {condition}" for condition in (SHOWN, *(FILTERS[name] for name in filters)))


@lru_cache(maxsize=512)
def page(shape: Shape) -> Fixed:
    """Return the statement of one page with what belongs to it: rows of COLUMNS by `part`.

    `item`: the invoices in order, and one more. `sum`, unless resumed: the sums over the filter, one for each currency,
    in the places of the amounts. `covered`, where asked for: how many live links hold the permission and how many the
    person reaches, in the places of `listed` and `outstanding`.
    """
    _, kind = SORTS[shape.sort_by]
    items = (
        f"SELECT 'item' AS part, page.*, {_LINKED_NAME} AS tenant_name, 0::bigint AS listed, 0::numeric AS outstanding"
        " FROM page"
    )
    parts = [items]
    if not shape.resumed:
        parts.append(
            "SELECT 'sum', NULL, NULL, NULL, NULL, currency, sum(total), sum(paid), NULL, NULL, NULL, NULL, NULL, NULL,"
            f" NULL, sum(listed)::bigint, sum(outstanding) FROM ({_sums(shape)}) AS s GROUP BY currency"
            " HAVING sum(listed) > 0"
        )
    if shape.covered:
        parts.append(
            f"SELECT 'covered', {'NULL, ' * (len(STORED) + 2)}CASE WHEN (SELECT everybody FROM roster)"
            " THEN (SELECT tenants FROM roster) ELSE (SELECT count(*) FROM live WHERE opens) END,"
            " coalesce((SELECT tenants FROM roster), (SELECT count(*) FROM live))"
        )
    sql = (
        f"WITH {_tenants(shape)}, page AS ({_page(shape)}) SELECT * FROM ({' UNION ALL '.join(parts)}) AS p"
        f" ORDER BY part, place {shape.sort_order}, id {shape.sort_order}, currency"
    )
    return bound(sql, {**TYPES, "after": kind})


def _tenants(shape: Shape) -> str:
    """Return the common tables of tenants; what nothing asks for is not read.

    `scope` are those of the list; where coverage is asked for, of all that are `live`. `reached` says whether they are
    many, `roster` what is known of all beforehand, and `kept` holds the sums of all.
    """
    narrowed = " AND tenant_id = ANY (:tenant_ids)" if shape.named else ""
    tenants = scope(named=shape.named)
    if shape.covered:
        tenants = (
            f"live AS MATERIALIZED (SELECT l.tenant_id, l.tenant_name, CASE :permission {_OPENS} END AS opens {LIVE}),"
            f" scope AS NOT MATERIALIZED (SELECT tenant_id, tenant_name FROM live WHERE opens{narrowed})"
        )
    first = f"SELECT FROM scope LIMIT {WIDE + 1}"
    return (
        f"{tenants}, reached AS MATERIALIZED (SELECT count(*) > {WIDE} AS many FROM ({first}) AS first),"
        f" roster AS MATERIALIZED ({_ROSTER}), kept AS MATERIALIZED ({_KEPT})"
    )


def _page(shape: Shape) -> str:
    """Return the query for the page's invoices and one more: the columns STORED and the value in the order, `place`."""
    sort, direction = SORTS[shape.sort_by][0], shape.sort_order
    columns = ", ".join(f"i.{name}" for name in STORED) + f", {sort} AS place"
    after = f" AND ({sort}, i.id) {'<' if direction == 'desc' else '>'} (:after, :after_id)" if shape.resumed else ""
    where = conditions(shape.filters) + after
    end = f"ORDER BY {sort} {direction}, i.id {direction} LIMIT {shape.offset + shape.limit + 1}"
    heads = f"SELECT {columns} FROM tenancy.invoice AS i WHERE i.tenant_id = s.tenant_id{where} {end}"
    ways = [f"SELECT h.* FROM scope AS s CROSS JOIN LATERAL ({heads}) AS h WHERE NOT {_MANY}"]
    own = "(i.tenant_id IN (SELECT tenant_id FROM scope)) IS TRUE"
    if shape.sort_by in _INDEXED and not shape.named:
        own = _LINKED
    ways.append(f"(SELECT {columns} FROM tenancy.invoice AS i WHERE {own} AND {_MANY}{where} {end})")
    ways.append(f"(SELECT {columns} {accounts(named=shape.named)}{where} {end})")
    return (
        f"SELECT * FROM ({' UNION ALL '.join(ways)}) AS f ORDER BY place {direction}, id {direction}"
        f" LIMIT {shape.limit + 1} OFFSET {shape.offset}"
    )


_SUMS = (
    f"count(*) AS listed, coalesce(sum(i.amount) FILTER (WHERE {BILLED}), 0) AS total,"
    f" coalesce(sum(i.amount_paid) FILTER (WHERE {BILLED}), 0) AS paid,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {OWED}), 0) AS outstanding"
)


def _sums(shape: Shape) -> str:
    """Return the query for the sums over a filter, of linked tenants and of accounts, by currency."""
    filters, told = conditions(shape.filters), not shape.filters and not shape.named
    unsummed = " WHERE NOT (SELECT EXISTS (SELECT 1 FROM kept))" if told else ""
    linked = f"tenant_id = ANY (ARRAY(SELECT tenant_id FROM scope{unsummed}))"
    if shape.filters:
        own = f"SELECT i.currency, {_SUMS} FROM tenancy.invoice AS i WHERE i.{linked}{filters}"
    else:
        own = (
            "SELECT r.currency, sum(r.listed) AS listed, sum(r.billed) AS total, sum(r.paid) AS paid,"
            f" sum(r.outstanding) AS outstanding FROM tenancy.billing_rollup AS r WHERE r.{linked}"
        )
    home = f"SELECT i.currency, {_SUMS} {accounts(named=shape.named)}{filters}"
    kept = " UNION ALL SELECT * FROM kept" if told else ""
    return f"{own} GROUP BY currency UNION ALL {home} GROUP BY currency{kept}"
