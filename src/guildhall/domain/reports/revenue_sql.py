"""The SQL of the revenue report: one statement over invoices, payments and subscriptions, by currency throughout."""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import COVERED, apart, placed_by_name, report, scope

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
_MONTH = "date_trunc('month', day)::date"


_INVOICES = "i.issued_on BETWEEN :earliest AND :last AND i.status NOT IN ('draft', 'cancelled')"
_OWED = "i.status IN ('finalized', 'overdue')"
_PAYMENTS = "p.paid_on BETWEEN :earliest AND :last"
# What the rows of the tenants apart come to by currency and day; without any nothing is begun.
_APART = (
    "SELECT i.currency, i.issued_on AS day, sum(i.amount) AS invoiced, 0 AS paid,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {_OWED}), 0) AS outstanding, count(*) AS invoices"
    " FROM apart JOIN tenancy.invoice AS i USING (tenant_id)"
    f" WHERE EXISTS (SELECT 1 FROM apart) AND {_INVOICES} GROUP BY 1, 2"
    " UNION ALL SELECT p.currency, p.paid_on, 0, sum(p.amount), 0, 0"
    f" FROM apart JOIN tenancy.payment AS p USING (tenant_id) WHERE EXISTS (SELECT 1 FROM apart) AND {_PAYMENTS}"
    " GROUP BY 1, 2"
)
# One tenant after the other, so that no more than one's rows are sorted by currency; days are not kept apart.
_EACH = (
    "SELECT tenant_id, f.* FROM placed AS l CROSS JOIN LATERAL (SELECT i.currency,"
    " sum(i.amount) FILTER (WHERE i.issued_on >= :first) AS invoiced, 0 AS paid,"
    f" sum(i.amount - i.amount_paid) FILTER (WHERE i.issued_on >= :first AND {_OWED}) AS outstanding,"
    " count(*) FILTER (WHERE i.issued_on >= :first) AS invoices,"
    " sum(i.amount) FILTER (WHERE i.issued_on < :first) AS previous_invoiced, 0 AS previous_paid"
    f" FROM tenancy.invoice AS i WHERE i.tenant_id = l.tenant_id AND {_INVOICES} GROUP BY 1) AS f"
    " UNION ALL SELECT tenant_id, f.* FROM placed AS l CROSS JOIN LATERAL (SELECT p.currency,"
    " 0, sum(p.amount) FILTER (WHERE p.paid_on >= :first), 0, 0, 0, sum(p.amount) FILTER (WHERE p.paid_on < :first)"
    f" FROM tenancy.payment AS p WHERE p.tenant_id = l.tenant_id AND {_PAYMENTS} GROUP BY 1) AS f"
)
_NOW = {name: f"sum({name}) FILTER (WHERE day >= :first)" for name in (*_AMOUNTS, "invoices")}
_BEFORE = {f"previous_{name}": f"sum({name}) FILTER (WHERE day < :first)" for name in ("invoiced", "paid")}
_ALL = {**_NOW, **_BEFORE}
_WHOLE = ", ".join(f"{said} AS {name}" for name, said in _ALL.items())
_SUMS = (
    "SELECT r.currency, r.day, r.invoiced, r.paid, r.outstanding, r.invoices FROM portal.revenue_sum AS r"
    " WHERE r.partner_id = :partner_id AND (r.invoices > 0 OR r.payments > 0) AND r.day BETWEEN :earliest AND :last"
)
_SELLS = (
    "SELECT s.tenant_id, s.currency, s.mrr FROM portal.subscription AS s WHERE s.partner_id = :partner_id"
    " AND s.tenant_id = ANY (ARRAY(SELECT tenant_id FROM {source})) AND s.status = 'active'"
)
_SOLD = (
    "SELECT r.currency, r.mrr FROM portal.subscription_sum AS r"
    " WHERE r.partner_id = :partner_id AND r.status = 'active' AND r.number > 0"
)
_SOLD_APART = f"SELECT currency, mrr FROM ({_SELLS.format(source='apart')}) AS s WHERE EXISTS (SELECT 1 FROM apart)"
_SHELVES = {
    "daily": f"SELECT * FROM kept UNION ALL ({_APART})",
    "sells": _SELLS.format(source="placed"),
    "billed": f"SELECT currency, {_WHOLE} FROM daily GROUP BY 1",
    "each": _EACH,
    "whole": f"SELECT tenant_id, currency, mrr, {', '.join(_ALL)}"
    f" FROM (SELECT tenant_id, currency, {', '.join(f'sum({name}) AS {name}' for name in _ALL)}"
    " FROM each GROUP BY 1, 2) AS own FULL JOIN sells USING (tenant_id, currency)",
}
_FIGURES = ("mrr", *_ALL)
_PARTS = {
    "covered": COVERED,
    "summary": ({name: name for name in ("currency", *_FIGURES)}, "FROM billed FULL JOIN sold USING (currency)"),
    "month": (
        {"currency": "currency", "starts": _MONTH, **{name: f"sum({name})" for name in _NOW}},
        f"FROM daily WHERE day >= :first GROUP BY currency, {_MONTH}",
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
    kept = f"{_SOLD} AND false" if named else _SOLD
    sold = f"SELECT currency, sum(mrr) AS mrr FROM ({kept} UNION ALL {_SOLD_APART}) AS s GROUP BY 1"
    return report(
        scope(PERMISSION, named=named)
        | apart("revenue", _SUMS, named=named)
        | {"placed": placed_by_name(PERMISSION, named=named)}
        | _SHELVES
        | {"sold": sold},
        _PARTS,
        COLUMNS,
        order="place, currency, starts",
    )
