"""Sums of many tenants: what is read with them equals a recount of the rows, whatever comes late, twice or at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from msgspec import structs

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.billing import summary
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.reports import portfolio, report_scope, revenue, sums, usage
from support_actors import domain_world, partner_person
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
TODAY = datetime.now(UTC).date()
DAYS = report_scope.period(TODAY - timedelta(days=99), TODAY, today=TODAY)
ISLA = "isla.moreno@northwind.example"
KEEP = "SELECT portal.keep_sums(2)"
RECOUNTS = {
    "usage": (
        "SELECT partner_id, metric AS by, day, quantity, tenants FROM portal.usage_sum",
        (
            "SELECT m.partner_id, u.metric AS by, u.day, sum(u.quantity) AS quantity, count(*)::integer AS tenants"
            " FROM portal.summed_tenant AS m JOIN tenancy.usage_daily AS u USING (tenant_id)"
            " WHERE m.report = 'usage' GROUP BY 1, 2, 3"
        ),
    ),
    "revenue": (
        (
            "SELECT partner_id, currency || ' ' || due_on AS by, day, invoiced, outstanding, paid, invoices, payments,"
            " listed, settled, owed FROM portal.revenue_sum"
        ),
        (
            "SELECT m.partner_id, r.currency || ' ' || r.due_on AS by, r.day, coalesce(sum(r.amount) FILTER"
            " (WHERE status IN ('finalized', 'overdue', 'paid')), 0) AS invoiced, coalesce(sum(r.amount - amount_paid)"
            " FILTER (WHERE status IN ('finalized', 'overdue')), 0) AS outstanding, coalesce(sum(r.amount) FILTER"
            " (WHERE status = 'payment'), 0) AS paid,"
            " count(*) FILTER (WHERE status IN ('finalized', 'overdue', 'paid')) AS invoices,"
            " count(*) FILTER (WHERE status = 'payment') AS payments,"
            " count(*) FILTER (WHERE status <> 'payment') AS listed,"
            " count(*) FILTER (WHERE status = 'paid') AS settled,"
            " count(*) FILTER (WHERE status IN ('finalized', 'overdue')) AS owed"
            " FROM portal.summed_tenant AS m JOIN ("
            "SELECT tenant_id, currency, issued_on AS day, due_on, status, amount, amount_paid"
            " FROM tenancy.invoice WHERE status <> 'draft' UNION ALL"
            " SELECT tenant_id, currency, paid_on, paid_on, 'payment', amount, 0 FROM tenancy.payment"
            ") AS r USING (tenant_id) WHERE m.report = 'revenue' GROUP BY 1, 2, 3"
        ),
    ),
}


@pytest.fixture(autouse=True)
def _sums_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "WIDE", 2)


@asynccontextmanager
async def summed(cluster: Cluster) -> AsyncIterator[World]:
    """Open a world in which the rows of every partner with two tenants are summed up."""
    async with domain_world(cluster) as world:
        assert await sums.keep(system("reports"), many=2) > 0
        yield world


async def told(actor: Actor) -> tuple[usage.UsageReport, revenue.RevenueReport, summary.Summary]:
    """Return all that uses sums, as somebody reads it."""
    async with db.transaction(actor) as connection:
        days: dict[str, Any] = {"period": DAYS, "compare": True, "limit": 1000}
        return (
            await usage.report(connection, actor, usage.Filter(**days, group_by="week")),
            await revenue.report(connection, actor, revenue.Filter(**days)),
            await billed(actor),
        )


async def billed(actor: Actor, **asked: Any) -> summary.Summary:
    """Return the summary of billing of the same days, but for what is left out where sums serve."""
    wanted = Filter(from_date=DAYS.from_date, to_date=DAYS.to_date)
    async with db.transaction(actor) as connection:
        found = await summary.summary(connection, actor, wanted, today=TODAY, **{"limit": 1000, **asked})
    return structs.replace(found, tenants=None)


def recounted(world: World) -> bool:
    """Return whether every sum is what its rows come to, and nothing is left of rows that are gone."""
    for kept, rows in RECOUNTS.values():
        found = {(row["partner_id"], row["by"], row["day"]): row for row in world.sql(kept)}
        counted = {(row["partner_id"], row["by"], row["day"]): row for row in world.sql(rows)}
        empty = [row for key, row in found.items() if key not in counted]
        if any(row[name] for row in empty for name in row if name not in {"partner_id", "by", "day"}):
            return False
        if {key: row for key, row in found.items() if key in counted} != counted or not counted:
            return False
    return True


async def test_reports_say_the_same_with_sums_and_without(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        readers = [partner_person(world, email) for email in ("principal@northwind.example", ISLA)]
        before = [await told(readers[0]), await told(partner_person(world, "principal@cascadia.example"))]
        limited = (await told_usage(readers[1])).summary
        assert await sums.keep(system("reports"), many=2) > 0
        assert await sums.keep(system("reports"), many=2) == 0
        assert recounted(world)
        assert [await told(readers[0]), await told(partner_person(world, "principal@cascadia.example"))] == before
        assert (await told_usage(readers[1])).summary == limited
        # That sums are read at all shows where one is wrong; whoever is limited to some tenants never reads them.
        world.sql("UPDATE portal.usage_sum SET quantity = quantity + 1")
        assert (await told(readers[0]))[0].summary != before[0][0].summary
        assert (await told(readers[0]))[0].by_tenant == before[0][0].by_tenant
        assert (await told_usage(readers[1])).summary == limited
        for reader, expected in zip(readers, (True, False), strict=True):
            async with db.transaction(reader) as connection:
                found = (await connection.exec_driver_sql("SELECT count(*) FROM portal.usage_sum")).scalar_one()
            assert bool(found) is expected
        world.sql("UPDATE portal.partner SET status = 'terminated' WHERE slug = 'northwind'")
        async with db.transaction(readers[0]) as connection:
            assert (await connection.exec_driver_sql("SELECT count(*) FROM portal.usage_sum")).scalar_one() == 0


async def test_pages_by_name_bring_each_customer_once_however_it_is_written(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        actor = partner_person(world)
        one, other = world.tenant("acme-fiber"), world.tenant("harborline")
        world.sql("UPDATE tenancy.tenant SET name = 'new name' WHERE id = %s", one)
        world.sql("UPDATE tenancy.tenant SET name = 'New Name' WHERE id = %s", other)
        whole: Any = await told(actor)
        kinds: tuple[Any, ...] = (usage, revenue)
        for each, report in zip(whole[:2], kinds, strict=True):
            listed = [(found.tenant_name.lower(), found.tenant_id) for found in each.by_tenant]
            assert listed == sorted(listed)
            assert {("new name", one), ("new name", other)} <= set(listed)
            async with db.transaction(actor) as connection:
                pages = [
                    (await report.report(connection, actor, report.Filter(period=DAYS, limit=1, offset=at))).by_tenant
                    for at in range(len(listed))
                ]
            assert [found.tenant_id for page in pages for found in page] == [tenant for _, tenant in listed]
        for order in ("asc", "desc"):
            customers: list[Any] = []
            cursor = None
            while not customers or cursor:
                wanted = portfolio.Filter(sort_by="name", sort_order=order, limit=1, cursor=cursor)
                async with db.transaction(actor) as connection:
                    page = await portfolio.listed(connection, actor, wanted)
                customers += [(item.name.lower(), item.tenant_id) for item in page.items]
                cursor = page.next_cursor
            assert customers == sorted(customers, reverse=order == "desc")
            assert len(customers) == len(set(customers)) == page.total or not page.total
            assert {("new name", one), ("new name", other)} <= set(customers)
        ids = [found.tenant_id for found in whole[2].by_tenant]
        in_pages = [await billed(actor, limit=4, offset=at) for at in range(0, len(ids), 4)]
        assert [found.tenant_id for page in in_pages for found in page.by_tenant] == ids
        assert len(ids) > 5


async def test_billing_is_summed_up_with_sums_only_where_they_hold_what_the_person_opens(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        finance = partner_person(world, "finance@northwind.example")
        before = await billed(finance)
        pages = [await billed(finance, limit=4, offset=offset) for offset in (0, 4)]
        ranked = await billed(finance, ranked=True, largest=True)
        assert await sums.keep(system("reports"), many=2) > 0
        assert await billed(finance) == before
        assert [await billed(finance, limit=4, offset=offset) for offset in (0, 4)] == pages
        assert pages[0].more
        # With one more in each sum it shows who reads them: a whole summary by name, and nobody who opens less or more.
        world.sql("UPDATE portal.revenue_sum SET invoices = invoices + 1, owed = owed + 1 WHERE listed > 0")
        summed_up = await billed(finance)
        assert summed_up.invoice_count > before.invoice_count
        assert sum(each.invoice_count for each in summed_up.ageing) > sum(each.invoice_count for each in before.ageing)
        assert summed_up.by_tenant == before.by_tenant
        assert await billed(finance, ranked=True, largest=True) == ranked
        assert [each.revenue for each in ranked.largest] == [each.revenue for each in ranked.by_tenant[:10]]
        tenant = before.by_tenant[0].tenant_id
        world.sql(
            "INSERT INTO portal.partner_user_tenant (user_id, tenant_id) VALUES (%s, %s)", finance.user_id, tenant
        )
        world.sql("UPDATE portal.partner_user SET tenant_scope = 'exclude' WHERE id = %s", finance.user_id)
        limited = await billed(finance)
        assert (limited.by_tenant, limited.invoice_count) == (
            [each for each in before.by_tenant if each.tenant_id != tenant],
            before.invoice_count - before.by_tenant[0].invoice_count,
        )
        world.sql("UPDATE portal.partner_user SET tenant_scope = 'all' WHERE id = %s", finance.user_id)
        assert await billed(finance) == summed_up
        world.sql(
            "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions,"
            " 'partner.billing.summary.read') WHERE tenant_id = %s AND partner_id = %s AND status = 'active'",
            tenant,
            finance.partner_id,
        )
        narrowed = await billed(finance)
        assert narrowed.managed_tenants == before.managed_tenants - 1
        assert (narrowed.by_tenant, narrowed.invoice_count) == (limited.by_tenant, limited.invoice_count)
        world.sql(
            "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions,"
            " 'partner.reports.revenue.read') WHERE tenant_id = %s AND partner_id = %s AND status = 'active'",
            tenant,
            finance.partner_id,
        )
        assert await sums.keep(system("reports"), many=2) > 0
        again = await billed(finance)
        assert again.invoice_count > limited.invoice_count, "sums serve"
        assert again.by_tenant == limited.by_tenant


async def told_usage(actor: Actor) -> usage.UsageReport:
    """Return the usage report alone."""
    async with db.transaction(actor) as connection:
        return await usage.report(connection, actor, usage.Filter(period=DAYS))


async def test_late_corrected_and_removed_rows_change_sums_by_what_they_are(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        tenant = world.tenant("acme-fiber")
        for change in (
            (
                "INSERT INTO tenancy.usage_daily SELECT tenant_id, metric, day - 900, 7 FROM tenancy.usage_daily"
                " WHERE tenant_id = %s AND day = current_date - 3"
            ),
            "UPDATE tenancy.usage_daily SET quantity = quantity * 2, day = day - 1000 WHERE tenant_id = %s",
            (
                "INSERT INTO tenancy.usage_daily SELECT tenant_id, metric, day, 5 FROM tenancy.usage_daily"
                " WHERE tenant_id = %s ON CONFLICT (tenant_id, metric, day) DO UPDATE SET quantity = excluded.quantity"
            ),
            "DELETE FROM tenancy.usage_daily WHERE tenant_id = %s AND mod(extract(day FROM day)::integer, 2) = 0",
            "UPDATE tenancy.invoice SET status = 'finalized', amount_paid = 0 WHERE tenant_id = %s",
            "UPDATE tenancy.invoice SET amount = amount + 1.25, issued_on = issued_on - 40 WHERE tenant_id = %s",
            "UPDATE tenancy.payment SET paid_on = paid_on + 1, amount = amount - 0.01 WHERE tenant_id = %s",
            "DELETE FROM tenancy.payment WHERE tenant_id = %s",
            "UPDATE tenancy.invoice SET status = 'cancelled' WHERE tenant_id = %s AND amount > 100",
        ):
            world.sql(change, tenant)
            assert recounted(world), change


async def test_a_link_that_ends_takes_its_tenant_out_of_reports_at_once_and_out_of_sums_soon(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        principal, tenant = partner_person(world), world.tenant("acme-fiber")
        before = (await told(principal))[0]
        world.sql(
            "UPDATE portal.partner_tenant_link SET starts_at = starts_at - interval '1 day', ends_at = now()"
            " WHERE tenant_id = %s AND partner_id = %s AND status = 'active'",
            tenant,
            principal.partner_id,
        )
        at_once = await told(principal)
        assert at_once[0].coverage.included == before.coverage.included - 1
        assert at_once[0].summary != before.summary
        async with db.transaction(principal) as connection:
            assert not (await connection.exec_driver_sql("SELECT * FROM portal.usage_sum")).all()
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert await told(principal) == at_once
        async with db.transaction(principal) as connection:
            assert (await connection.exec_driver_sql("SELECT * FROM portal.usage_sum")).all()


async def test_as_many_customers_as_in_the_sums_are_not_taken_for_the_same(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        principal = partner_person(world)
        before = await told(principal)
        world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER USER")
        world.sql(
            "UPDATE portal.partner_tenant_link SET (tenant_id, tenant_name) ="
            " (SELECT t.id, t.name FROM tenancy.tenant AS t"
            " WHERE EXISTS (SELECT 1 FROM tenancy.usage_daily AS u WHERE u.tenant_id = t.id) AND NOT EXISTS ("
            "SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.tenant_id = t.id AND l.partner_id = %s) LIMIT 1)"
            " WHERE partner_id = %s AND tenant_id = %s AND status = 'active'",
            principal.partner_id,
            principal.partner_id,
            world.tenant("acme-fiber"),
        )
        at_once = await told(principal)
        assert at_once[0].coverage == before[0].coverage
        assert at_once[0].summary != before[0].summary
        assert await sums.keep(system("reports"), many=2) > 0
        assert await told(principal) == at_once


async def test_who_writes_and_who_follows_the_links_wait_for_each_other(cluster: Cluster) -> None:
    insert = "INSERT INTO tenancy.usage_daily SELECT id, 'new_metric', current_date, 3 FROM tenancy.tenant"
    async with domain_world(cluster) as world:
        with psycopg.connect(world.url) as first, psycopg.connect(world.url) as second:
            for begun, waiting in ((insert, KEEP), (KEEP, insert.replace("new_metric", "other_metric"))):
                first.execute(begun.encode())
                second.execute("SET LOCAL lock_timeout = '50ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    second.execute(waiting.encode())
                second.rollback()
                first.commit()
                second.execute(waiting.encode())
                second.commit()
                assert recounted(world), begun
