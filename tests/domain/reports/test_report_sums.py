"""Sums of many tenants: what is read with them equals a recount of the rows, whatever comes late, twice or at once."""

from typing import Any

import psycopg
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.reports import portfolio, revenue, sums, usage
from support_actors import domain_world, partner_person
from support_sums import DAYS, ISLA, SUMS, billed, read, recounted, summed, told
from support_world import Cluster

pytestmark = pytest.mark.anyio
KEEP = "SELECT portal.keep_sums(2)"
ENDED = (
    "UPDATE portal.partner_tenant_link SET status = 'ended' WHERE id = ("
    "SELECT id FROM portal.partner_tenant_link WHERE partner_id = %s AND status = 'active' LIMIT 1)"
)


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
        assert [await read(reader) for reader in readers] == [SUMS, set()]
        world.sql("UPDATE portal.partner SET status = 'terminated' WHERE slug = 'northwind'")
        assert await read(readers[0]) == set()


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
            (
                "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
                " VALUES (gen_random_uuid(), %s, '2026-03-01 10:00:00.3Z', '2026-03-04 10:00:00.7Z')"
            ),
            "UPDATE tenancy.outage SET ended_at = started_at + interval '1.9 minutes' WHERE tenant_id = %s",
            "DELETE FROM tenancy.outage WHERE tenant_id = %s",
            "UPDATE tenancy.invoice SET status = 'cancelled' WHERE tenant_id = %s AND amount > 100",
            "UPDATE tenancy.invoice SET status = 'paid', amount_paid = amount WHERE tenant_id = %s AND amount > 50",
            "UPDATE tenancy.invoice SET amount_paid = amount / 3 WHERE tenant_id = %s",
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
            "UPDATE tenancy.ticket SET status = 'open', resolved_at = NULL, priority = 'low' WHERE tenant_id = %s",
            "UPDATE tenancy.ticket SET sla_breached_at = now(), priority = 'urgent' WHERE tenant_id = %s",
            (
                "UPDATE tenancy.ticket SET status = 'resolved', resolved_at = created_at + interval '90 s'"
                " WHERE tenant_id = %s"
            ),
            "UPDATE tenancy.ticket SET sla_breached_at = NULL, status = 'closed' WHERE tenant_id = %s AND number > 1",
            "DELETE FROM tenancy.ticket_file WHERE tenant_id = %s",
            "DELETE FROM tenancy.ticket_comment WHERE tenant_id = %s",
            "DELETE FROM tenancy.ticket WHERE tenant_id = %s AND mod(number, 2) = 0",
            "UPDATE tenancy.ticket SET status = 'pending' WHERE tenant_id = %s",
            "UPDATE tenancy.ticket SET priority = 'high' WHERE tenant_id = %s",
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
        assert await read(principal) == set()
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert await told(principal) == at_once
        assert await read(principal) == SUMS
        world.sql(
            "UPDATE portal.partner_tenant_link SET ends_at = now() + interval '9 days' WHERE tenant_id = %s"
            " AND partner_id = %s AND status = 'active'",
            tenant,
            principal.partner_id,
        )
        assert await read(principal) == SUMS
        whole = await told(principal)
        assert whole[0].summary == before.summary
        assert await sums.keep(system("reports"), many=2) > 0
        assert recounted(world)
        assert await told(principal) == whole


async def test_as_many_customers_as_in_the_sums_are_not_taken_for_the_same(cluster: Cluster) -> None:
    async with summed(cluster) as world:
        principal = partner_person(world)
        before = await told(principal)
        world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER link_guard")
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
                world.sql(ENDED, partner_person(world).partner_id)
                first.execute(begun.encode())
                second.execute("SET LOCAL lock_timeout = '50ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    second.execute(waiting.encode())
                second.rollback()
                first.commit()
                second.execute(waiting.encode())
                second.commit()
                assert recounted(world), begun


async def test_while_nobody_comes_or_goes_no_writer_waits(cluster: Cluster) -> None:
    insert = "INSERT INTO tenancy.usage_daily SELECT id, 'new_metric', current_date, 3 FROM tenancy.tenant"
    async with summed(cluster) as world:
        with psycopg.connect(world.url) as first, psycopg.connect(world.url) as second:
            for begun, beside in ((insert, KEEP), (KEEP, insert.replace("new_metric", "other_metric"))):
                first.execute(begun.encode())
                second.execute("SET LOCAL lock_timeout = '50ms'")
                second.execute(beside.encode())
                second.commit()
                first.commit()
                assert recounted(world), begun
