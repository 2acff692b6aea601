"""Sums of many tenants: what is read with them equals a recount of the rows, whatever comes late, twice or at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.reports import report_scope, revenue, sums, usage
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
            "SELECT partner_id, currency AS by, day, invoiced, outstanding, paid, invoices, payments"
            " FROM portal.revenue_sum"
        ),
        (
            "SELECT m.partner_id, r.currency AS by, r.day, sum(r.invoiced) AS invoiced, sum(r.owed) AS outstanding,"
            " sum(r.paid) AS paid, sum(r.invoices)::integer AS invoices, sum(r.payments)::integer AS payments"
            " FROM portal.summed_tenant AS m JOIN ("
            "SELECT tenant_id, currency, issued_on AS day, amount AS invoiced, 0 AS paid, 1 AS invoices, 0 AS payments,"
            " CASE WHEN status IN ('finalized', 'overdue') THEN amount - amount_paid ELSE 0 END AS owed"
            " FROM tenancy.invoice WHERE status IN ('finalized', 'overdue', 'paid') UNION ALL"
            " SELECT tenant_id, currency, paid_on, 0, amount, 0, 1, 0 FROM tenancy.payment"
            ") AS r USING (tenant_id) WHERE m.report = 'revenue' GROUP BY 1, 2, 3"
        ),
    ),
}


@asynccontextmanager
async def summed(cluster: Cluster) -> AsyncIterator[World]:
    """Open a world in which the rows of every partner with two tenants are summed up."""
    async with domain_world(cluster) as world:
        assert await sums.keep(system("reports"), many=2) > 0
        yield world


async def told(actor: Actor) -> tuple[usage.UsageReport, revenue.RevenueReport]:
    """Return both reports that use sums, as somebody reads them."""
    async with db.transaction(actor) as connection:
        days: dict[str, Any] = {"period": DAYS, "compare": True, "limit": 1000}
        return (
            await usage.report(connection, actor, usage.Filter(**days, group_by="week")),
            await revenue.report(connection, actor, revenue.Filter(**days)),
        )


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
