"""The SQL of the summary of billing: sums by currency, one page of tenants in one currency, and what is owed by age."""

from functools import lru_cache

from sqlalchemy import Integer

from guildhall.core.sql import Fixed, bound
from guildhall.domain.billing.invoice_sql import BILLED, LIVE, OWED, TYPES, accounts, conditions, scope

PAYMENTS = "partner.billing.payments.read"
DRAWN = 10  # the tenants with the largest sums, for a chart
# The parts of what is owed by age, in days after the day when it was due: from, to.
AGES = ((None, 0), (1, 30), (31, 60), (61, 90), (91, None))
COLUMNS = (
    *("part", "tenant_id", "tenant_name", "currency", "revenue", "outstanding", "overdue", "billed", "settled", "late"),
    *("paid_on", "paid"),
)
_LATE = f"{OWED} AND i.due_on < :today"
_SUMS = (
    f"coalesce(sum(i.amount) FILTER (WHERE {BILLED}), 0) AS revenue,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {OWED}), 0) AS outstanding,"
    f" coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {_LATE}), 0) AS overdue,"
    f" count(*) FILTER (WHERE {BILLED}) AS billed, count(*) FILTER (WHERE i.status = 'paid') AS settled,"
    f" count(*) FILTER (WHERE {_LATE}) AS late"
)


_AMOUNTS, _COUNTS = ("revenue", "outstanding", "overdue"), ("billed", "settled", "late")
_SUMMED = ", ".join(
    (*(f"sum({name}) AS {name}" for name in _AMOUNTS), *(f"sum({name})::bigint AS {name}" for name in _COUNTS))
)
_TOLD = ", ".join((*_AMOUNTS, *_COUNTS))
_BY_NAME = "ORDER BY lower(tenant_name), tenant_id"


@lru_cache(maxsize=128)
def statement(filters: tuple[str, ...], *, named: bool, largest: bool) -> Fixed:
    """Return the statement of a summary: rows of COLUMNS by `part`.

    `covered`: how many tenants open their billing, and how many are reached, in the places of `billed` and `settled`.
    `sum`: one for each currency, with the number of its tenants in the place of `paid`. `tenant`: the page, in
    `:currency` or the one of most invoices, with the last payment. `largest`: where asked for, those with the largest
    sums.
    """
    where = conditions(filters)
    own = f"SELECT i.tenant_id, i.currency, {_SUMS} FROM scope JOIN tenancy.invoice AS i USING (tenant_id) WHERE true"
    home = f"SELECT i.tenant_id, i.currency, {_SUMS} {accounts(named=named)}"
    last = (
        "SELECT p.paid_on, p.amount FROM tenancy.payment AS p WHERE p.tenant_id = page.tenant_id"
        " AND p.currency = page.currency AND EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
        " WHERE l.partner_id = :partner_id AND l.tenant_id = p.tenant_id AND l.status = 'active'"
        f" AND '{PAYMENTS}' = ANY (l.permissions)) ORDER BY p.paid_on DESC, p.id DESC LIMIT 1"
    )
    shelves = (
        f"f AS MATERIALIZED ({own}{where} GROUP BY 1, 2 UNION ALL {home}{where} GROUP BY 1, 2)",
        f"sums AS MATERIALIZED (SELECT currency, {_SUMMED}, count(*) AS tenants FROM f GROUP BY 1)",
        (
            "named AS MATERIALIZED (SELECT f.*, coalesce(s.tenant_name, '') AS shown, s.tenant_name FROM f"
            " LEFT JOIN scope AS s USING (tenant_id) WHERE f.currency = coalesce(CAST(:currency AS text),"
            " (SELECT currency FROM sums ORDER BY billed DESC, currency DESC LIMIT 1)))"
        ),
        (
            f"page AS (SELECT *, row_number() OVER ({_BY_NAME}) AS place FROM named {_BY_NAME}"
            " LIMIT :limit OFFSET :offset)"
        ),
    )
    parts = [
        (
            "SELECT 'covered', NULL::uuid, NULL, NULL, 0::numeric, 0::numeric, 0::numeric,"
            f" (SELECT count(*) FROM scope), (SELECT count(*) {LIVE}), 0, NULL::date, 0::numeric, 0::bigint"
        ),
        f"SELECT 'sum', NULL, NULL, currency, {_TOLD}, NULL, tenants, 0 FROM sums",
        (
            f"SELECT 'tenant', tenant_id, shown, currency, {_TOLD}, p.paid_on, p.amount, place"
            f" FROM page LEFT JOIN LATERAL ({last}) AS p ON true"
        ),
    ]
    if largest:
        parts.append(
            f"(SELECT 'largest', tenant_id, shown, currency, {_TOLD}, NULL, 0,"
            f" row_number() OVER (ORDER BY revenue DESC) FROM named ORDER BY revenue DESC LIMIT {DRAWN})"
        )
    sql = f"WITH {scope(named=named)}, {', '.join(shelves)} {' UNION ALL '.join(parts)} ORDER BY 1, 13"
    return bound(sql, {**TYPES, "limit": Integer(), "offset": Integer()})


def _age_condition(first: int | None, last: int | None) -> str:
    """Return the condition that an invoice is from `first` to `last` days late."""
    parts = [] if first is None else [f"i.due_on <= :today - {first}"]
    parts += [] if last is None else [f"i.due_on >= :today - {last}"]
    return " AND ".join(parts)


_AGES = ", ".join(
    f"count(*) FILTER (WHERE {condition}), coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE {condition}), 0)"
    for condition in (_age_condition(first, last) for first, last in AGES)
)


@lru_cache(maxsize=4)
def ageing(*, named: bool) -> Fixed:
    """Return the statement of what is owed by age: one row."""
    narrowed = f" AND {OWED} AND i.currency = :currency"
    owed = (
        f"SELECT i.due_on, i.amount, i.amount_paid FROM scope JOIN tenancy.invoice AS i USING (tenant_id)"
        f" WHERE true{narrowed} UNION ALL SELECT i.due_on, i.amount, i.amount_paid {accounts(named=named)}{narrowed}"
    )
    return bound(f"WITH {scope(named=named)} SELECT {_AGES} FROM ({owed}) AS i", TYPES)
