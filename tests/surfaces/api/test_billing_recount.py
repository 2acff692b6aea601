"""Figures over 50 customers with 200 invoices each, in three currencies, beside a plain recount of the tables."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from guildhall.core.actor import system
from guildhall.domain.reports import sums
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
BILLING, REVENUE = "/api/v1/partner/billing", "/api/v1/partner/reports/revenue"
CURRENCIES = ("EUR", "JPY", "USD")
Named = list[UUID] | None

# Customers, by the first word of their slug: only the fifty `counted` ones open their billing to Northwind today.
TENANTS = """
INSERT INTO tenancy.tenant (id, name, slug, domain)
SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN kind ELSE upper(kind) END || ' ' || n, kind || '-' || n,
       kind || '-' || n || '.example'
FROM (VALUES ('counted', 50), ('closed', 2), ('expired', 1), ('over', 1), ('paused', 1), ('scheduled', 1),
             ('foreign', 2), ('unlinked', 1)) AS k (kind, number), generate_series(1, number) AS n
"""
# Copies of a link that opens all: `closed` opens no billing, `over` ran out a moment ago and nobody has noted it.
LINKS = """
INSERT INTO portal.partner_tenant_link (id, partner_id, partner_name, tenant_id, tenant_name, tenant_domain,
    access_role, permissions, areas, relationship_type, operating_model, starts_at, ends_at, status, paused_by,
    created_by, updated_by)
SELECT gen_random_uuid(), p.id, p.name, t.id, t.name, t.domain, l.access_role,
       CASE kind WHEN 'closed' THEN ARRAY['partner.tenants.list'] ELSE l.permissions END,
       CASE kind WHEN 'closed' THEN '{}' ELSE l.areas END, l.relationship_type, l.operating_model,
       now() + first, now() + last, k.status, k.paused_by, l.created_by, l.updated_by
FROM (VALUES
    ('counted', 'northwind', 'active', NULL, interval '-200 days', interval '200 days'),
    ('closed', 'northwind', 'active', NULL, interval '-200 days', interval '200 days'),
    ('expired', 'northwind', 'expired', NULL, interval '-200 days', interval '-2 days'),
    ('over', 'northwind', 'active', NULL, interval '-200 days', interval '-1 second'),
    ('paused', 'northwind', 'paused', 'tenant', interval '-200 days', interval '200 days'),
    ('scheduled', 'northwind', 'scheduled', NULL, interval '1 day', interval '200 days'),
    ('foreign', 'cascadia', 'active', NULL, interval '-200 days', interval '200 days')
) AS k (kind, partner, status, paused_by, first, last)
JOIN portal.partner AS p ON p.slug = k.partner
JOIN tenancy.tenant AS t ON split_part(t.slug, '-', 1) = k.kind
CROSS JOIN (SELECT link.* FROM portal.partner_tenant_link AS link JOIN tenancy.tenant ON tenant.id = link.tenant_id
            WHERE tenant.slug = 'acme-fiber' ORDER BY cardinality(link.permissions) DESC LIMIT 1) AS l
"""
# Nothing else is left to Northwind: neither the demo's customers nor accounts in its own tenant.
_NORTHWIND = "WHERE partner_id = (SELECT id FROM portal.partner WHERE slug = 'northwind')"
ALONE = (
    f"UPDATE portal.partner_tenant_link SET status = 'ended' {_NORTHWIND} AND status IN ('active', 'scheduled')",
    f"DELETE FROM portal.partner_account {_NORTHWIND}",
)
# Issued from 166 days ago to the day after tomorrow, due on that day or up to 45 days later, in any state at any age:
# the platform may say `overdue` late, or too early. Every fifth that is not wholly paid is paid in part.
INVOICES = """
INSERT INTO tenancy.invoice (id, tenant_id, number, status, currency, amount, amount_paid, issued_on, due_on)
SELECT gen_random_uuid(), tenant_id, 'R-' || n, status, currency, amount,
       CASE WHEN status = 'paid' THEN amount WHEN status = 'draft' OR mod(n, 5) > 0 THEN 0
            ELSE trunc(amount / 3, CASE currency WHEN 'JPY' THEN 0 ELSE 2 END) END,
       issued_on, issued_on + (ARRAY[0, 10, 30, 45])[1 + mod(n + t, 4)]
FROM (
    SELECT tenant_id, t, n, currency, %s::date + 2 - mod(7 * n + 11 * t, 169) AS issued_on,
           (ARRAY['draft', 'finalized', 'paid', 'overdue', 'cancelled', 'finalized', 'overdue'])[1 + mod(n + 3 * t, 7)]
               AS status,
           (1 + mod((200 * t + n) * 7919, 100003)) * CASE currency WHEN 'JPY' THEN 1 ELSE 0.01 END AS amount
    FROM (SELECT id AS tenant_id, split_part(slug, '-', 2)::integer AS t, n,
                 (ARRAY['EUR', 'JPY', 'USD'])[1 + mod(n + split_part(slug, '-', 2)::integer, 3)] AS currency
          FROM tenancy.tenant, generate_series(1, 200) AS n
          WHERE slug ~ '^(counted|closed|expired|over|paused|scheduled|foreign|unlinked)-[0-9]+$') AS x
) AS y
"""
# What was paid came in two parts, neither after today.
PAYMENTS = """
INSERT INTO tenancy.payment (id, tenant_id, invoice_id, currency, amount, paid_on)
SELECT gen_random_uuid(), tenant_id, id, currency, part, least(issued_on + days, %s::date)
FROM tenancy.invoice CROSS JOIN LATERAL
     (VALUES (trunc(amount_paid / 4), 4), (amount_paid - trunc(amount_paid / 4), 19)) AS p (part, days)
WHERE number LIKE 'R-%%' AND part > 0
"""

COUNTED = "tenancy.tenant AS t JOIN tenancy.invoice AS i ON i.tenant_id = t.id WHERE t.slug ~ '^counted-[0-9]+$'"
WANTED = "i.issued_on BETWEEN %s AND %s AND t.id = ANY (coalesce(%s, ARRAY[t.id])) AND i.status <> 'draft'"
FIGURES = """
sum(CASE WHEN i.status IN ('finalized', 'paid', 'overdue') THEN i.amount ELSE 0 END) AS total_revenue,
sum(CASE WHEN i.status IN ('finalized', 'overdue') THEN i.amount - i.amount_paid ELSE 0 END) AS total_outstanding,
sum(CASE WHEN i.status IN ('finalized', 'overdue') AND %s - i.due_on >= 1 THEN i.amount - i.amount_paid ELSE 0 END)
    AS total_overdue,
sum(CASE WHEN i.status IN ('finalized', 'paid', 'overdue') THEN 1 ELSE 0 END) AS invoice_count,
sum(CASE WHEN i.status = 'paid' THEN 1 ELSE 0 END) AS paid_invoice_count,
sum(CASE WHEN i.status IN ('finalized', 'overdue') AND %s - i.due_on >= 1 THEN 1 ELSE 0 END) AS overdue_invoice_count
"""
WHOLE = f"SELECT {FIGURES} FROM {COUNTED} AND i.currency = %s AND {WANTED}"
BY_TENANT = f"""
SELECT t.id::text AS tenant_id, t.name AS tenant_name, {FIGURES},
       (SELECT p.paid_on::text FROM tenancy.payment AS p WHERE p.tenant_id = t.id AND p.currency = i.currency
        ORDER BY p.paid_on DESC, p.id DESC LIMIT 1) AS last_payment_date,
       (SELECT p.amount FROM tenancy.payment AS p WHERE p.tenant_id = t.id AND p.currency = i.currency
        ORDER BY p.paid_on DESC, p.id DESC LIMIT 1) AS last_payment_amount
FROM {COUNTED} AND i.currency = %s AND {WANTED} GROUP BY t.id, t.name, i.currency ORDER BY lower(t.name), t.id
"""
AGES = f"""
SELECT CASE WHEN days < 1 THEN 'current' WHEN days < 31 THEN 'days_1_30' WHEN days < 61 THEN 'days_31_60'
            WHEN days < 91 THEN 'days_61_90' ELSE 'days_over_90' END AS age, count(*) AS invoice_count,
       sum(owed) AS amount
FROM (SELECT %s - i.due_on AS days, i.amount - i.amount_paid AS owed FROM {COUNTED} AND i.currency = %s
      AND t.id = ANY (coalesce(%s, ARRAY[t.id])) AND i.status IN ('finalized', 'overdue')) AS x GROUP BY 1 ORDER BY 1
"""
LISTED = f"""
SELECT i.currency, count(*) AS listed, sum(CASE i.status WHEN 'cancelled' THEN 0 ELSE i.amount END) AS total,
       sum(CASE i.status WHEN 'cancelled' THEN 0 ELSE i.amount_paid END) AS paid,
       sum(CASE WHEN i.status IN ('finalized', 'overdue') THEN i.amount - i.amount_paid ELSE 0 END) AS outstanding
FROM {COUNTED} AND {WANTED} AND i.status = ANY (%s) GROUP BY 1 ORDER BY 1
"""
# Of the revenue report, by whatever rows are grouped by: what was invoiced and is owed of it, and what was paid.
EARNED = f"""
SELECT of::text, currency, sum(invoiced) AS invoiced, sum(outstanding) AS outstanding, sum(paid) AS paid,
       sum(invoices) AS invoice_count
FROM (
    SELECT {{invoices}} AS of, i.currency, i.amount AS invoiced,
           CASE i.status WHEN 'paid' THEN 0 ELSE i.amount - i.amount_paid END AS outstanding, 0 AS paid, 1 AS invoices
    FROM {COUNTED} AND {WANTED} AND i.status <> 'cancelled'
    UNION ALL
    SELECT {{payments}}, p.currency, 0, 0, p.amount, 0 FROM tenancy.payment AS p JOIN tenancy.tenant AS t
    ON t.id = p.tenant_id WHERE t.slug ~ '^counted-[0-9]+$' AND p.paid_on BETWEEN %s AND %s
    AND t.id = ANY (coalesce(%s, ARRAY[t.id]))
) AS x GROUP BY 1, 2 ORDER BY 1, 2
"""


class Books:
    """A world of the fifty customers, asked by the API and recounted by SQL."""

    def __init__(self, world: World, client: httpx.AsyncClient, today: date) -> None:
        self.world, self.client, self.today = world, client, today
        few = [world.tenant(f"counted-{number}") for number in (7, 23, 50)]
        every_day = (today - timedelta(days=400), today)
        window = (today - timedelta(days=75), today - timedelta(days=20))
        self.asked = [(*days, named) for days in (every_day, window) for named in (None, few)]

    async def get(self, path: str, first: date, last: date, named: Named, **asked: Any) -> Any:
        """Return what is told of the days `first` to `last` and of the `named` customers; of all if that is None."""
        asked |= {"from_date": str(first), "to_date": str(last)}
        if named is not None:
            asked["tenant_ids"] = ",".join(map(str, named))
        answer = await self.client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def paged(self, path: str, *asked: Any, **others: Any) -> Any:
        """Return an answer with the customers of all its pages, each of which tells the same of the whole."""
        pages = [await self.get(path, *asked, **others, limit=20)]
        while pages[-1]["has_more"]:
            pages.append(await self.get(path, *asked, **others, limit=20, offset=20 * len(pages)))
        assert all(page["summary"] == pages[0]["summary"] for page in pages)
        return pages[0] | {"by_tenant": [each for page in pages for each in page["by_tenant"]]}


@pytest.fixture
async def books(world: World) -> Books:
    today: date = world.sql("SELECT (now() AT TIME ZONE 'UTC')::date AS today")[0]["today"]
    for statement in (TENANTS, *ALONE, LINKS):
        world.sql(statement)
    for statement in (INVOICES, PAYMENTS):
        world.sql(statement, today)
    return Books(world, await world.api(PRINCIPAL), today)


def plain(found: Any) -> Any:
    """Return an answer or a row with every amount and count as a decimal, and every id and day as text."""
    if isinstance(found, list):
        return [plain(each) for each in found]
    if isinstance(found, dict):
        if set(found) == {"amount", "currency"}:
            return Decimal(found["amount"])
        return {name: plain(value) for name, value in found.items()}
    return Decimal(found) if isinstance(found, int | Decimal) else str(found)


async def summed_up(books: Books) -> None:
    """Hold the summary of billing against a recount: every currency, all days and a few, all customers and a few."""
    for first, last, named in books.asked:
        for currency in CURRENCIES:
            found = await books.paged(f"{BILLING}/summary", first, last, named, currency=currency)
            values = (books.today, books.today, currency, first, last, named)
            asked = f"{currency} {first} {last} {named}"
            whole = plain(books.world.sql(WHOLE, *values)[0])
            assert {name: plain(found["summary"][name]) for name in whole} == whole, asked
            assert plain(found["by_tenant"]) == plain(books.world.sql(BY_TENANT, *values)), asked
            assert len(found["by_tenant"]) == found["summary"]["managed_tenant_count"] == len(named or range(50))
            assert found["summary"]["left_out_tenant_count"] == (0 if named else 2), asked
            ages = books.world.sql(AGES, books.today, currency, named)
            assert plain(found["ageing"]) == plain(ages), asked
            assert found["other_currencies"] == [each for each in CURRENCIES if each != currency]


async def test_the_summary_of_fifty_customers_equals_a_plain_recount(books: Books) -> None:
    rows = books.world.sql(f"SELECT count(*) AS n, count(DISTINCT i.currency) AS c FROM {COUNTED} GROUP BY t.id")
    assert rows == [{"n": 200, "c": 3}] * 50
    assert len(books.world.sql(f"SELECT DISTINCT %s - i.due_on FROM {COUNTED}", books.today)) > 200, "due on every day"
    await summed_up(books)
    assert await sums.keep(system("reports"), many=2) > 0
    await summed_up(books)
    # One more in a sum shows that the second time it was sums that were read.
    before = await books.get(f"{BILLING}/summary", *books.asked[0])
    books.world.sql("UPDATE portal.revenue_sum SET invoices = invoices + 1 WHERE listed > 0")
    after = await books.get(f"{BILLING}/summary", *books.asked[0])
    assert after["summary"]["invoice_count"] > before["summary"]["invoice_count"]


def aggregates(page: Any) -> list[dict[str, Any]]:
    """Return the sums of a list's page, one row for each currency."""
    told: dict[str, dict[str, Any]] = {}
    for name in ("total", "paid", "outstanding"):
        for each in page["aggregates"][name]:
            told.setdefault(each["currency"], {"currency": each["currency"]})[name] = Decimal(each["amount"])
    return [told[currency] for currency in sorted(told)]


async def test_the_sums_of_the_list_equal_a_plain_recount(books: Books) -> None:
    for status in ("finalized,paid,overdue,cancelled", "paid", "overdue", "finalized,cancelled"):
        for asked in books.asked:
            page = await books.get(f"{BILLING}/invoices", *asked, status=status)
            rows = books.world.sql(LISTED, *asked, status.split(","))
            assert page["total"] == sum(row.pop("listed") for row in rows)
            assert aggregates(page) == rows, (status, asked)
    # With nothing asked for, totals that are kept for each customer serve.
    page = (await books.client.get(f"{BILLING}/invoices")).json()
    rows = books.world.sql(LISTED, date.min, date.max, None, ["finalized", "paid", "overdue", "cancelled"])
    assert page["total"] == sum(row.pop("listed") for row in rows)
    assert aggregates(page) == rows


async def earned(books: Books) -> None:
    """Hold the revenue report against a recount: in whole, by customer and by month."""
    for asked in books.asked:
        found = await books.paged(REVENUE, *asked)
        customers = [part | {"of": each["tenant_id"]} for each in found["by_tenant"] for part in each["amounts"]]
        for parts, by in (
            ([part | {"of": ""} for part in found["summary"]], "''"),
            (customers, "t.id"),
            ([part | {"of": part["month"]} for part in found["by_month"]], "date_trunc('month', {day})::date"),
        ):
            query = EARNED.format(invoices=by.format(day="i.issued_on"), payments=by.format(day="p.paid_on"))
            rows = plain(books.world.sql(query, *asked, *asked))
            told = sorted(plain(parts), key=lambda part: (part["of"], part["currency"]))
            assert [{name: part[name] for name in rows[0]} for part in told] == rows, (by, asked)


async def test_the_revenue_report_equals_a_plain_recount(books: Books) -> None:
    await earned(books)
    assert await sums.keep(system("reports"), many=2) > 0
    await earned(books)
