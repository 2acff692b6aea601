"""The SQL of the revenue report: one statement over invoices, payments and subscriptions, by currency throughout."""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import COVERED, report, scope

PERMISSION = "partner.reports.revenue.read"
COLUMNS = {
    "tenants": "bigint",
    "included": "bigint",
    "tenant_id": "uuid",
    "tenant_name": "text",
    "currency": "text",
    "starts": "date",
    "invoiced": "numeric",
    "paid": "numeric",
    "outstanding": "numeric",
    "mrr": "numeric",
    "previous_invoiced": "numeric",
    "previous_paid": "numeric",
    "invoices": "bigint",
    "place": "bigint",
}
_AMOUNTS = ("invoiced", "paid", "outstanding")
_MONTH = "date_trunc('month', {0})::date"
_INVOICED = (
    f"SELECT i.tenant_id, i.currency, {_MONTH.format('i.issued_on')} AS starts, i.issued_on >= :first AS now,"
    " sum(i.amount) AS invoiced, 0 AS paid,"
    " coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE i.status IN ('finalized', 'overdue')), 0) AS outstanding,"
    " count(*) AS invoices FROM scope JOIN tenancy.invoice AS i USING (tenant_id)"
    " WHERE i.issued_on BETWEEN :earliest AND :last"
    " AND i.status NOT IN ('draft', 'cancelled') GROUP BY 1, 2, 3, 4"
)
_PAID = (
    f"SELECT p.tenant_id, p.currency, {_MONTH.format('p.paid_on')}, p.paid_on >= :first, 0, sum(p.amount), 0, 0"
    " FROM scope JOIN tenancy.payment AS p USING (tenant_id) WHERE p.paid_on BETWEEN :earliest AND :last"
    " GROUP BY 1, 2, 3, 4"
)
_NOW = {name: f"sum({name}) FILTER (WHERE now)" for name in (*_AMOUNTS, "invoices")}
_BEFORE = {f"previous_{name}": f"sum({name}) FILTER (WHERE NOT now)" for name in ("invoiced", "paid")}
_ALL = {**_NOW, **_BEFORE}
_ORDER = "ORDER BY lower(tenant_name), tenant_id"
_WHOLE = ", ".join(f"{said} AS {name}" for name, said in _ALL.items())
_SHELVES = {
    "each": f"{_INVOICED} UNION ALL {_PAID}",
    "sold": "SELECT s.tenant_id, s.currency, s.mrr FROM scope JOIN portal.subscription AS s USING (tenant_id)"
    " WHERE s.partner_id = :partner_id AND s.status = 'active'",
    "billed": f"SELECT tenant_id, currency, {_WHOLE} FROM each GROUP BY 1, 2",
    "whole": f"SELECT tenant_id, currency, mrr, {', '.join(_ALL)}"
    " FROM billed FULL JOIN sold USING (tenant_id, currency)",
    "placed": f"SELECT tenant_id, tenant_name, row_number() OVER ({_ORDER}) AS place FROM scope"
    f" {_ORDER} LIMIT :limit OFFSET :offset",
}
_FIGURES = ("mrr", *_ALL)
_PARTS = {
    "covered": COVERED,
    "summary": (
        {"currency": "currency", **{name: f"sum({name})" for name in _FIGURES}},
        "FROM whole GROUP BY currency",
    ),
    "month": (
        {"currency": "currency", "starts": "starts", **{name: f"sum({name})" for name in _NOW}},
        "FROM each WHERE now GROUP BY currency, starts",
    ),
    "tenant": (
        {
            **{name: f"p.{name}" for name in ("tenant_id", "tenant_name", "place")},
            **{name: f"w.{name}" for name in ("currency", *_FIGURES)},
        },
        "FROM placed AS p LEFT JOIN whole AS w USING (tenant_id)",
    ),
}


@lru_cache(maxsize=2)
def statement(*, named: bool) -> Fixed:
    """Return the statement: rows of `part` and COLUMNS, tenants in order of their place."""
    return report(scope(PERMISSION, named=named) | _SHELVES, _PARTS, COLUMNS, order="place, currency, starts")
