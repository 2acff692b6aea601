"""The revenue report: equal to a recount by currency, and closed to whoever may read no amounts."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden
from guildhall.domain.reports import revenue
from guildhall.domain.reports.report_scope import ReportPeriod
from support_actors import partner_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
TODAY = datetime.now(UTC).date()
DAYS = ReportPeriod(TODAY - timedelta(days=199), TODAY)
Sums = dict[tuple[Any, ...], Decimal]


async def told(actor: Actor, **wanted: Any) -> revenue.RevenueReport:
    async with db.transaction(actor) as connection:
        return await revenue.report(connection, actor, revenue.Filter(**{"period": DAYS, "limit": 1000} | wanted))


def rows(world: World, table: str, day: str) -> list[dict[str, Any]]:
    """Return the rows of a table, of the tenants that open the report to Northwind."""
    return world.sql(
        f"SELECT x.*, date_trunc('month', x.{day})::date AS month, x.{day} AS day FROM tenancy.{table} AS x"
        " JOIN portal.partner_tenant_link AS l USING (tenant_id) JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'partner.reports.revenue.read' = ANY (l.permissions)"
    )


async def test_amounts_equal_a_recount_by_currency_month_and_tenant(demo: World) -> None:
    found = await told(partner_person(demo), compare=True)
    invoiced, paid, owed, before = (defaultdict[Any, Decimal](Decimal) for _ in range(4))
    for row in rows(demo, "invoice", "issued_on"):
        if row["status"] in {"draft", "cancelled"} or row["day"] > DAYS.to_date:
            continue
        if row["day"] < DAYS.from_date:
            before[row["currency"]] += row["amount"] if row["day"] >= DAYS.previous.from_date else 0
            continue
        for key in (row["currency"], (row["currency"], row["month"]), (row["currency"], row["tenant_id"])):
            invoiced[key] += row["amount"]
            owed[key] += row["amount"] - row["amount_paid"] if row["status"] in {"finalized", "overdue"} else 0
    for row in rows(demo, "payment", "paid_on"):
        if DAYS.from_date <= row["day"] <= DAYS.to_date:
            for key in (row["currency"], (row["currency"], row["month"]), (row["currency"], row["tenant_id"])):
                paid[key] += row["amount"]
    told_of = (
        [(each.currency, each) for each in found.summary]
        + [((each.currency, each.month), each) for each in found.by_month]
        + [((one.currency, each.tenant_id), one) for each in found.by_tenant for one in each.amounts]
    )
    assert len(found.summary) == 3
    for sums, name in ((invoiced, "invoiced"), (paid, "paid"), (owed, "outstanding")):
        figures = {key: getattr(each, name).amount for key, each in told_of}
        assert {key: amount for key, amount in figures.items() if amount} == {k: v for k, v in sums.items() if v}
    previous = {each.currency: each.previous_invoiced for each in found.summary}
    assert {currency: amount.amount for currency, amount in previous.items() if amount} == before


async def test_each_customer_has_its_number_of_invoices_and_the_period_before_it(demo: World) -> None:
    found = await told(partner_person(demo), compare=True)
    before, days = (DAYS.previous, DAYS)
    billed = [row for row in rows(demo, "invoice", "issued_on") if row["status"] not in {"draft", "cancelled"}]
    paid = rows(demo, "payment", "paid_on")
    for each in found.by_tenant:
        for one in each.amounts:
            own, got = (
                [row for row in kind if (row["tenant_id"], row["currency"]) == (each.tenant_id, one.currency)]
                for kind in (billed, paid)
            )
            assert one.invoice_count == sum(days.from_date <= row["day"] <= days.to_date for row in own)
            assert one.previous_invoiced
            assert one.previous_paid
            for amount, some in ((one.previous_invoiced, own), (one.previous_paid, got)):
                within = (row["amount"] for row in some if before.from_date <= row["day"] <= before.to_date)
                assert amount.amount == sum(within, Decimal(0))
    assert any(one.previous_paid and one.previous_paid.amount for each in found.by_tenant for one in each.amounts)


async def test_recurring_revenue_is_that_of_active_subscriptions(demo: World) -> None:
    found = await told(partner_person(demo))
    expected = demo.sql(
        "SELECT s.currency, sum(s.mrr) AS mrr FROM portal.subscription AS s JOIN portal.partner AS p"
        " ON p.id = s.partner_id JOIN portal.partner_tenant_link AS l ON l.id = s.link_id WHERE p.slug = 'northwind'"
        " AND s.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'partner.reports.revenue.read' = ANY (l.permissions) GROUP BY 1"
    )
    assert {each.currency: each.mrr.amount for each in found.summary} == {r["currency"]: r["mrr"] for r in expected}


async def test_the_money_blind_and_the_limited_are_refused_or_narrowed(demo: World) -> None:
    whole = partner_person(demo)
    blind = msgspec.structs.replace(whole, permissions=whole.permissions - {"partner.money.read"})
    for actor in (blind, partner_person(demo, "technical@northwind.example")):
        with pytest.raises(Forbidden):
            await told(actor)
    with statements(whole) as ran:
        one = await told(whole, tenant_ids=(demo.tenant("acme-fiber"),))
        every = await told(whole)
    assert len(ran) == 2
    assert one.coverage.included == 1 < every.coverage.included == len(every.by_tenant)
    assert every.coverage.left_out == 24 - every.coverage.included > 0
