"""The SQL of invoices over many tenants, put together from fixed pieces and kept by its shape.

Whoever reaches few tenants gets the newest invoices of each by the tenant's own index; whoever reaches many walks all
invoices in order and keeps the own ones. Sums over everything come from rollups, sums over a filter from the invoices.
Sums are always by currency.
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
_OPENS = " ".join(
    f"WHEN '{permission}' THEN l.{SHOWN_BY[permission]}"
    for permission in ("partner.billing.invoices.read", "partner.billing.summary.read")
)
_SCOPE = f"SELECT l.tenant_id, l.tenant_name {LIVE} AND CASE :permission {_OPENS} END"


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; values are parameters."""

    named: bool
    filters: tuple[str, ...]
    sort_by: str = "invoice_date"
    sort_order: str = "desc"
    limit: int = 50
    offset: int = 0
    resumed: bool = False


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
    """Return the statement of one page: the columns STORED, the value in the order, the tenant's name."""
    sort, kind = SORTS[shape.sort_by]
    direction = shape.sort_order
    columns = ", ".join(f"i.{name}" for name in STORED) + f", {sort} AS place"
    after = f" AND ({sort}, i.id) {'<' if direction == 'desc' else '>'} (:after, :after_id)" if shape.resumed else ""
    where = conditions(shape.filters) + after
    end = f"ORDER BY {sort} {direction}, i.id {direction} LIMIT {shape.offset + shape.limit + 1}"
    many = f"(SELECT count(*) FROM scope) > {WIDE}"
    heads = f"SELECT {columns} FROM tenancy.invoice AS i WHERE i.tenant_id = s.tenant_id{where} {end}"
    ways = [f"SELECT h.* FROM scope AS s CROSS JOIN LATERAL ({heads}) AS h WHERE NOT {many}"]
    walk = f"(i.tenant_id IN (SELECT tenant_id FROM scope)) IS TRUE AND {many}"
    ways.append(f"(SELECT {columns} FROM tenancy.invoice AS i WHERE {walk}{where} {end})")
    ways.append(f"(SELECT {columns} {accounts(named=shape.named)}{where} {end})")
    outer = f"ORDER BY place {direction}, id {direction}"
    found = f"SELECT * FROM ({' UNION ALL '.join(ways)}) AS f {outer} LIMIT {shape.limit + 1} OFFSET {shape.offset}"
    sql = (
        f"WITH {scope(named=shape.named)}, page AS ({found}) SELECT page.*, s.tenant_name"
        f" FROM page LEFT JOIN scope AS s USING (tenant_id) {outer}"
    )
    return bound(sql, {**TYPES, "after": kind})


_SUMS = (
    f"count(*) AS listed, coalesce(sum(i.amount) FILTER (WHERE {BILLED}), 0) AS total,"
    f" coalesce(sum(i.amount_paid) FILTER (WHERE {BILLED}), 0) AS paid,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {OWED}), 0) AS outstanding"
)


@lru_cache(maxsize=256)
def figures(shape: Shape) -> Fixed:
    """Return the statement of the sums over a filter: currency, count, total, paid, outstanding; a row per currency."""
    filters = conditions(shape.filters)
    if shape.filters:
        own = f"SELECT i.currency, {_SUMS} FROM scope JOIN tenancy.invoice AS i USING (tenant_id) WHERE true{filters}"
    else:
        own = (
            "SELECT r.currency, sum(r.listed) AS listed, sum(r.billed) AS total, sum(r.paid) AS paid,"
            " sum(r.outstanding) AS outstanding FROM tenancy.billing_rollup AS r"
            " WHERE r.tenant_id = ANY (ARRAY(SELECT tenant_id FROM scope))"
        )
    home = f"SELECT i.currency, {_SUMS} {accounts(named=shape.named)}{filters}"
    sql = (
        f"WITH {scope(named=shape.named)} SELECT currency, CAST(sum(listed) AS bigint), sum(total), sum(paid),"
        f" sum(outstanding) FROM ({own} GROUP BY currency UNION ALL {home} GROUP BY currency) AS part"
        " GROUP BY currency HAVING sum(listed) > 0 ORDER BY currency"
    )
    return bound(sql, TYPES)


# How many live links the person reaches, and how many of them hold the permission.
COVERAGE = bound(
    f"SELECT count(*) FILTER (WHERE CASE :permission {_OPENS} END), count(*) {LIVE}",
    TYPES,
)
