"""Who reads sums of many tenants, and for what: only where they hold what the person opens, and no more."""

from uuid import UUID

import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.reports import revenue, sums
from support_actors import domain_world, partner_person
from support_sums import DAYS, ISLA, SUMS, billed, read, recounted, summed, told
from support_world import Cluster, World

pytestmark = pytest.mark.anyio


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
        world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER link_guard")
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
        world.sql("DELETE FROM tenancy.posture_snapshot")
        unmeasured = (await told(principal))[3].posture
        assert unmeasured
        assert (unmeasured.average_score, unmeasured.shared) == (None, at_once.posture.shared)


def _open_everything(world: World, actor: Actor) -> None:
    """Let every active link of the person's partner open all that sums hold."""
    world.sql("ALTER TABLE portal.partner_tenant_link DISABLE TRIGGER link_guard")
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
            (["reports"], {"usage_sum", "partner_downtime", "downtime_sum"}),
            (["billing"], {"revenue_sum", "subscription_sum", "balance_sum"}),
            (["posture"], {"posture_sum"}),
            (["support"], {"ticket_sum"}),
            (["provisioning"], set()),
        ):
            world.sql("UPDATE portal.api_client SET areas = %s WHERE id = %s", areas, client["id"])
            assert await read(actor) == expected, areas
        world.sql("UPDATE portal.api_client SET areas = ARRAY['reports', 'billing', 'posture', 'support']")
        assert await read(actor) == SUMS
        world.sql("UPDATE portal.api_client SET tenant_scope = 'include' WHERE id = %s", client["id"])
        assert await read(actor) == set(), "of one that is limited to some customers none"


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
        await sums.keep(system("reports"), many=2)
        assert await billed(finance) == narrowed, "the sums hold one that does not open it"
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
