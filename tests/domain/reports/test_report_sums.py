"""Sums of many tenants: what is read with them equals a recount of the rows, whatever comes late, twice or at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec import structs

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.billing import summary
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.reports import dashboard, portfolio, report_scope, revenue, sums, usage
from support_actors import domain_world, partner_person
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
TODAY = NOW.date()
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
    "subscriptions": (
        (
            "SELECT partner_id, concat_ws(' ', status, plan, currency) AS by, trial_ends_on AS day, number, mrr"
            " FROM portal.subscription_sum"
        ),
        (
            "SELECT partner_id, concat_ws(' ', status, plan, currency) AS by,"
            " CASE WHEN status = 'trial' THEN trial_ends_on END AS day, count(*)::integer AS number, sum(mrr) AS mrr"
            " FROM portal.subscription JOIN portal.summed_tenant USING (partner_id, tenant_id)"
            " WHERE report = 'revenue' AND status <> 'cancelled' GROUP BY 1, 2, 3"
        ),
    ),
    "posture": (
        "SELECT partner_id, '' AS by, '' AS day, measured, score, critical, high, medium, low FROM portal.posture_sum",
        (
            "SELECT m.partner_id, '' AS by, '' AS day, count(*)::integer AS measured, sum(score) AS score,"
            " sum(critical) AS critical, sum(high) AS high, sum(medium) AS medium, sum(low) AS low"
            " FROM portal.summed_tenant AS m JOIN (SELECT DISTINCT ON (tenant_id) * FROM tenancy.posture_snapshot"
            " ORDER BY tenant_id, taken_at DESC) AS p USING (tenant_id) WHERE m.report = 'posture' GROUP BY 1"
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


async def told(
    actor: Actor,
) -> tuple[usage.UsageReport, revenue.RevenueReport, summary.Summary, dashboard.Dashboard]:
    """Return all that uses sums, as somebody reads it."""
    async with db.transaction(actor) as connection:
        days: dict[str, Any] = {"period": DAYS, "compare": True, "limit": 1000}
        return (
            await usage.report(connection, actor, usage.Filter(**days, group_by="week")),
            await revenue.report(connection, actor, revenue.Filter(**days)),
            await billed(actor),
            await dashboard.today(connection, actor, now=NOW),
        )


async def read(actor: Actor) -> list[bool]:
    """Return of the sums of usage, revenue, subscriptions and posture whether somebody reads any."""
    kinds = ("usage", "revenue", "subscription", "posture")
    asked = ", ".join(f"EXISTS (SELECT 1 FROM portal.{kind}_sum)" for kind in kinds)
    async with db.transaction(actor) as connection:
        return list((await connection.exec_driver_sql(f"SELECT {asked}")).one())


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
        assert [await read(reader) for reader in readers] == [[True] * 4, [False] * 4]
        world.sql("UPDATE portal.partner SET status = 'terminated' WHERE slug = 'northwind'")
        assert await read(readers[0]) == [False] * 4


async def test_subscriptions_are_added_up_by_sums_only_where_they_hold_what_is_asked_for(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        principal, isla = partner_person(world), partner_person(world, ISLA)
        before, limited = await told(principal), await told(isla)
        some = tuple(each.tenant_id for each in before[1].by_tenant[:3])
        named = await revenue_of(principal, some)
        world.sql("UPDATE portal.subscription_sum SET number = number + 1, mrr = mrr + 7")
        found = await told(principal)
        assert [each.mrr.amount for each in found[1].summary] != [each.mrr.amount for each in before[1].summary]
        assert found[1].by_tenant == before[1].by_tenant
        assert await revenue_of(principal, some) == named
        assert found[3] == before[3], "some links open no billing or no revenue: the dashboard adds up rows"
        assert await told(isla) == limited


async def revenue_of(actor: Actor, tenant_ids: tuple[UUID, ...]) -> revenue.RevenueReport:
    """Return the revenue of some customers."""
    async with db.transaction(actor) as connection:
        return await revenue.report(connection, actor, revenue.Filter(period=DAYS, tenant_ids=tenant_ids))


async def test_the_dashboard_reads_sums_where_every_link_opens_what_they_hold(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        principal, isla = partner_person(world), partner_person(world, ISLA)
        _open_everything(world, principal)
        before, limited = (await told(principal))[3], (await told(isla))[3]
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert (await told(principal))[3] == before
        world.sql("UPDATE portal.subscription_sum SET number = number + 1, mrr = mrr + 7")
        world.sql("UPDATE portal.posture_sum SET critical = critical + 1, score = score + 3 * measured")
        found = (await told(principal))[3]
        assert found.plans != before.plans
        assert found.mrr != before.mrr
        assert found.posture
        assert before.posture
        assert found.posture.critical == before.posture.critical + 1
        assert found.posture.average_score == (before.posture.average_score or 0) + 3
        assert (await told(isla))[3] == limited
        # One link that opens no posture any more, or no billing, and the rows serve again: at once, and after the job.
        world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER USER")
        for taken in ("partner.posture.read", "partner.billing.read"):
            world.sql(
                "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, %s)"
                " WHERE tenant_id = %s AND partner_id = %s AND status = 'active'",
                taken,
                world.tenant("acme-fiber"),
                principal.partner_id,
            )
        at_once = (await told(principal))[3]
        assert at_once.plans == before.plans
        assert at_once.mrr != before.mrr
        assert at_once.posture
        assert at_once.posture.shared == before.posture.shared - 1
        assert at_once.posture.critical <= before.posture.critical
        world.sql("UPDATE portal.posture_sum SET critical = critical - 1, score = score - 3 * measured")
        assert await sums.keep(system("reports"), many=2) > 0
        assert (await told(principal))[3] == at_once


def _open_everything(world: World, actor: Actor) -> None:
    """Let every active link of the person's partner open all that sums hold."""
    world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER USER")
    opened = ["partner.posture.read", "partner.billing.read", "partner.reports.revenue.read"]
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = ARRAY(SELECT DISTINCT unnest(permissions || %s)),"
        " areas = ARRAY(SELECT DISTINCT unnest(areas || ARRAY['billing', 'posture']))"
        " WHERE partner_id = %s AND status = 'active'",
        opened,
        actor.partner_id,
    )
    world.sql("ALTER TABLE portal.partner_tenant_link ENABLE TRIGGER USER")


async def test_a_client_reads_the_sums_of_what_its_scopes_open(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        client = world.sql(
            "SELECT c.id FROM portal.api_client AS c JOIN portal.partner_user AS u ON u.id = responsible_id"
            " WHERE c.partner_id = %s AND c.tenant_scope = 'all' AND u.tenant_scope = 'all' AND u.status = 'active'"
            " AND revoked_at IS NULL AND expires_at > now() LIMIT 1",
            partner_person(world).partner_id,
        )[0]
        actor = partner_person(world, user_id=client["id"])
        for areas, expected in (
            (["reports"], [True, False, False, False]),
            (["billing"], [False, True, True, False]),
            (["posture"], [False, False, False, True]),
            (["support"], [False] * 4),
        ):
            world.sql("UPDATE portal.api_client SET areas = %s WHERE id = %s", areas, client["id"])
            assert await read(actor) == expected, areas


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


# A subscription of the same tenant with a partner that has sums of its own, without this tenant.
_OF_ANOTHER = (
    "INSERT INTO portal.subscription (id, partner_id, link_id, tenant_id, plan, status, billing_cycle, currency, mrr,"
    " starts_on) SELECT gen_random_uuid(), l.partner_id, l.id, %s, 'other', 'active', 'monthly', 'CHF', 99999,"
    " current_date FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
    " WHERE p.slug = 'cascadia' AND l.status = 'active' LIMIT 1"
)
_SNAPSHOT = (
    "INSERT INTO tenancy.posture_snapshot (id, tenant_id, taken_at, score, critical, high, medium, low)"
    " VALUES (gen_random_uuid(), %s, {when}, {score}, 5, 4, 3, 2)"
)


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
            "UPDATE portal.subscription SET mrr = mrr * 2, currency = 'CHF' WHERE tenant_id = %s",
            "UPDATE portal.subscription SET plan = 'other', status = 'trial' WHERE tenant_id = %s",
            "UPDATE portal.subscription SET trial_ends_on = NULL WHERE tenant_id = %s",
            "UPDATE portal.subscription SET trial_ends_on = current_date + 4 WHERE tenant_id = %s",
            "UPDATE portal.subscription SET status = 'active' WHERE tenant_id = %s",
            "UPDATE portal.subscription SET status = 'cancelled' WHERE tenant_id = %s",
            "UPDATE portal.subscription SET status = 'suspended' WHERE tenant_id = %s",
            _OF_ANOTHER,
            "DELETE FROM portal.subscription WHERE tenant_id = %s",
            _SNAPSHOT.format(when="now()", score=11),
            _SNAPSHOT.format(when="now() - interval '900 days'", score=99),
            "UPDATE tenancy.posture_snapshot SET score = 100 - score, critical = critical + 2 WHERE tenant_id = %s",
            "UPDATE tenancy.posture_snapshot SET taken_at = now() - (now() - taken_at) * score WHERE tenant_id = %s",
            "DELETE FROM tenancy.posture_snapshot WHERE tenant_id = %s",
            _SNAPSHOT.format(when="now()", score=70),
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
        assert await read(principal) == [False] * 4
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert await told(principal) == at_once
        assert await read(principal) == [True] * 4
        world.sql(
            "UPDATE portal.partner_tenant_link SET ends_at = now() + interval '9 days' WHERE tenant_id = %s"
            " AND partner_id = %s AND status = 'active'",
            tenant,
            principal.partner_id,
        )
        assert await read(principal) == [True] * 4
        whole = await told(principal)
        assert whole[0].summary == before.summary
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert await told(principal) == whole


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
