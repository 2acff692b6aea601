"""The SQL of the summary of billing: sums by currency, what is owed by age, and one page of tenants in one currency.

Of a partner with many tenants sums and ages come from the sums that triggers keep (`domain/reports/sums.sql`), if the
person at work opens the billing of exactly the tenants in them; then only the page's tenants are looked up, by name.
Else one pass over the invoices gives each tenant's figures, from which all others follow.
"""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct
from sqlalchemy import Integer

from guildhall.core.sql import Fixed, bound
from guildhall.domain.billing.invoice_sql import BILLED, LIVE, OWED, TYPES, accounts, conditions

PAYMENTS = "partner.billing.payments.read"
DRAWN = 10  # the tenants with the largest sums, for a chart
# What is owed by age, in days after the day when it was due: from, to.
AGES = ((None, 0), (1, 30), (31, 60), (61, 90), (91, None))
COLUMNS = (
    *("part", "tenant_id", "tenant_name", "currency", "revenue", "outstanding", "overdue", "billed", "settled", "late"),
    *("paid_on", "paid", "place"),
)


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; values are parameters."""

    named: bool
    filters: tuple[str, ...]
    largest: bool = False
    ranked: bool = False

    @property
    def kept(self) -> bool:
        """Whether sums may serve: they hold every invoice of every tenant, by day, and know no tenant's own."""
        return not self.named and not self.ranked and set(self.filters) <= set(_DAYS)


_LATE = f"{OWED} AND i.due_on < :today"
_AMOUNTS, _COUNTS = ("revenue", "outstanding", "overdue"), ("billed", "settled", "late")
_SUMS = (
    f"coalesce(sum(i.amount) FILTER (WHERE {BILLED}), 0) AS revenue,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {OWED}), 0) AS outstanding,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {_LATE}), 0) AS overdue,"
    f" count(*) FILTER (WHERE {BILLED}) AS billed, count(*) FILTER (WHERE i.status = 'paid') AS settled,"
    f" count(*) FILTER (WHERE {_LATE}) AS late"
)
_KEPT_SUMS = (
    "sum(i.invoiced), sum(i.outstanding), coalesce(sum(i.outstanding) FILTER (WHERE i.due_on < :today), 0),"
    " sum(i.invoices), sum(i.settled), coalesce(sum(i.owed) FILTER (WHERE i.due_on < :today), 0)"
)
_SUMMED = ", ".join(
    (*(f"sum({name}) AS {name}" for name in _AMOUNTS), *(f"sum({name})::bigint AS {name}" for name in _COUNTS))
)
_TOLD = ", ".join((*_AMOUNTS, *_COUNTS))
_AGE = f"width_bucket(:today - i.due_on, ARRAY[{', '.join(str(first) for first, _ in AGES if first)}]) AS age"
# The conditions that sums can meet.
_DAYS = {"from_date": "i.issued_on >= :from_date", "to_date": "i.issued_on <= :to_date"}
_CHOSEN = "(SELECT currency FROM chosen)"
_BY_NAME = "lower(tenant_name), tenant_id"
_FROM_KEPT = "(SELECT EXISTS (SELECT 1 FROM kept))"
_IN_SUMS = "'summary' = ANY (roster.sums)"
_COUNTED = "EXISTS (SELECT 1 FROM roster)"
_LAST_PAYMENT = (
    "SELECT p.paid_on, p.amount FROM tenancy.payment AS p WHERE p.tenant_id = page.tenant_id"
    " AND p.currency = page.currency AND EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
    " WHERE l.partner_id = :partner_id AND l.tenant_id = p.tenant_id AND l.status = 'active'"
    f" AND '{PAYMENTS}' = ANY (l.permissions)) ORDER BY p.paid_on DESC, p.id DESC LIMIT 1"
)


@lru_cache(maxsize=128)
def statement(shape: Shape) -> Fixed:
    """Return the statement of a summary: rows of COLUMNS by `part`.

    `covered`: how many tenants open their billing, how many are reached, both of those named if any are, and whether
    sums served, in the places of the counts. `sum`: one for each currency, with the number of its tenants in the place
    of `paid`, if they were counted. `age`: what is owed in `:currency` or the one of most invoices, its place that of
    AGES. `tenant`: a page in that currency and one more, with the last payment. `largest`: where asked for, those with
    the largest sums.
    """
    shelves = {**_tenants(shape), **_figures(shape), **_page(shape)}
    made = ", ".join(f"{name} AS {sql}" for name, sql in shelves.items())
    sql = f"WITH {made} {' UNION ALL '.join(_parts(shape))} ORDER BY 1, 13"
    return bound(sql, {**TYPES, **{name: Integer() for name in ("limit", "offset")}})


def _tenants(shape: Shape) -> Mapping[str, str]:
    """Return the shelves of tenants: `live` are reached, `scope` open their billing, `own` are added up by rows."""
    narrowed = " AND tenant_id = ANY (:tenant_ids)" if shape.named else ""
    kept = (
        "SELECT r.currency, r.day AS issued_on, r.due_on, r.invoices, r.settled, r.owed, r.invoiced, r.outstanding"
        " FROM roster CROSS JOIN portal.revenue_sum AS r WHERE r.partner_id = :partner_id AND r.listed > 0"
        f" AND {_IN_SUMS if shape.kept else 'false'}"
    )
    return {
        "roster": f"MATERIALIZED (SELECT * FROM portal.roster_now(){' WHERE false' if shape.named else ''})",
        "live": f"MATERIALIZED (SELECT l.tenant_id, l.tenant_name, l.shows_summary AS opens {LIVE})",
        "scope": f"NOT MATERIALIZED (SELECT tenant_id, tenant_name FROM live WHERE opens{narrowed})",
        "kept": f"MATERIALIZED ({kept})",
        "own": f"MATERIALIZED (SELECT ARRAY(SELECT tenant_id FROM scope WHERE NOT {_FROM_KEPT}) AS tenant_ids)",
    }


def _figures(shape: Shape) -> Mapping[str, str]:
    """Return the shelves of figures: `each` tenant's by currency, their `sums`, the currency `chosen`, and `ages`."""
    where, home = conditions(shape.filters), accounts(named=shape.named)
    own = "FROM tenancy.invoice AS i WHERE i.tenant_id = ANY ((SELECT tenant_ids FROM own)::uuid[])"
    days = " AND ".join(("true", *(_DAYS[name] for name in shape.filters if name in _DAYS)))
    owed = f" AND {OWED} AND i.currency = {_CHOSEN}"
    aged = f"SELECT {_AGE}, count(*) AS listed, sum(i.amount - i.amount_paid) AS amount"
    return {
        "each": f"MATERIALIZED (SELECT i.tenant_id, i.currency, {_SUMS} {own}{where} GROUP BY 1, 2"
        f" UNION ALL SELECT i.tenant_id, i.currency, {_SUMS} {home}{where} GROUP BY 1, 2)",
        "sums": f"MATERIALIZED (SELECT currency, {_SUMMED}, count(tenant_id) AS tenants FROM ("
        f"SELECT tenant_id, currency, {_TOLD} FROM each UNION ALL"
        f" SELECT NULL, i.currency, {_KEPT_SUMS} FROM kept AS i WHERE {days} GROUP BY i.currency) AS f GROUP BY 1)",
        "chosen": "MATERIALIZED (SELECT coalesce(CAST(:currency AS text),"
        " (SELECT currency FROM sums ORDER BY billed DESC, currency DESC LIMIT 1)) AS currency)",
        "ages": "MATERIALIZED (SELECT age, sum(listed)::bigint AS listed, sum(amount) AS amount FROM ("
        f"{aged} {own}{owed} GROUP BY 1 UNION ALL {aged} {home}{owed} GROUP BY 1 UNION ALL"
        f" SELECT {_AGE}, sum(i.owed), sum(i.outstanding) FROM kept AS i WHERE i.owed > 0 AND i.currency = {_CHOSEN}"
        " GROUP BY 1) AS a GROUP BY 1)",
    }


def _page(shape: Shape) -> Mapping[str, str]:
    """Return the shelves of tenants in the currency: `told` with their names, and the `page` of them."""
    where, order = conditions(shape.filters), f"revenue DESC, {_BY_NAME}" if shape.ranked else _BY_NAME
    columns = f"tenant_id, tenant_name, currency, {_TOLD}"
    walked = (
        f"SELECT tenant_id, tenant_name, {_CHOSEN} AS currency, {_TOLD} FROM"
        f" (SELECT l.tenant_id, l.tenant_name, lower(l.tenant_name) AS name {LIVE} AND l.shows_summary AND {_FROM_KEPT}"
        " ORDER BY 3, 1) AS s"  # as an index has them; the order that counts is said below
        f" CROSS JOIN LATERAL (SELECT {_SUMS} FROM tenancy.invoice AS i WHERE i.tenant_id = s.tenant_id"
        f" AND i.currency = {_CHOSEN}{where} HAVING count(*) > 0) AS d ORDER BY name, tenant_id"
        " LIMIT :offset + :limit + 1"
    )
    return {
        "told": f"MATERIALIZED (SELECT {columns} FROM each LEFT JOIN scope USING (tenant_id)"
        f" WHERE currency = {_CHOSEN}{f' UNION ALL ({walked})' if shape.kept else ''})",
        "page": f"MATERIALIZED (SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM"
        f" (SELECT * FROM told ORDER BY {order} LIMIT :limit + 1 OFFSET :offset) AS t)",
    }


def _parts(shape: Shape) -> list[str]:
    """Return the parts of the answer, each in the form of COLUMNS."""
    nothing, named = "0::numeric, 0::numeric, 0::numeric", " WHERE tenant_id = ANY (:tenant_ids)" if shape.named else ""
    parts = [
        (
            f"SELECT 'covered', NULL::uuid, NULL, NULL, {nothing},"
            f" CASE WHEN {_COUNTED} THEN (SELECT summary FROM roster) ELSE (SELECT count(*) FROM scope) END,"
            f" CASE WHEN {_COUNTED} THEN (SELECT tenants FROM roster) ELSE (SELECT count(*) FROM live{named}) END,"
            f" {_FROM_KEPT}::integer, NULL::date, 0::numeric, 0::bigint"
        ),
        f"SELECT 'sum', NULL, NULL, currency, {_TOLD}, NULL, tenants, 0 FROM sums",
        "SELECT 'age', NULL, NULL, NULL, 0, amount, 0, listed, 0, 0, NULL, 0, age FROM ages",
        (
            f"SELECT 'tenant', tenant_id, tenant_name, currency, {_TOLD}, p.paid_on, p.amount, place"
            f" FROM page LEFT JOIN LATERAL ({_LAST_PAYMENT}) AS p ON true"
        ),
    ]
    if shape.largest:
        parts.append(
            f"SELECT 'largest', tenant_id, tenant_name, currency, {_TOLD}, NULL, 0,"
            f" row_number() OVER (ORDER BY revenue DESC) FROM (SELECT * FROM told WHERE NOT {_FROM_KEPT}"
            f" ORDER BY revenue DESC LIMIT {DRAWN}) AS t"
        )
    return parts
