"""Rosters: what is counted of a partner's links beforehand equals a recount at any moment, or does not count."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.access.tables import SHOWN_BY
from guildhall.domain.reports import report_scope, revenue, sla, sums, usage
from support_actors import domain_world, partner_person
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
ISLA = "isla.moreno@northwind.example"
LIVE = "status = 'active' AND starts_at <= now() AND (ends_at IS NULL OR now() < ends_at)"
RECOUNT = (
    "SELECT count(*) AS tenants,"
    " count(*) FILTER (WHERE operating_model = 'customer_managed') AS customer_managed,"
    " count(*) FILTER (WHERE operating_model = 'co_managed') AS co_managed,"
    " count(*) FILTER (WHERE operating_model = 'fully_managed') AS fully_managed,"
    " count(*) FILTER (WHERE operating_model <> 'customer_managed' AND 'partner.posture.read' = ANY (permissions))"
    " AS posture,"
    " count(*) FILTER (WHERE 'partner.billing.summary.read' = ANY (permissions)) AS summary,"
    " count(*) FILTER (WHERE 'partner.reports.usage.read' = ANY (permissions)) AS usage,"
    " count(*) FILTER (WHERE 'partner.reports.sla.read' = ANY (permissions)) AS uptime,"
    " count(*) FILTER (WHERE 'partner.reports.revenue.read' = ANY (permissions)) AS revenue"
    f" FROM portal.partner_tenant_link WHERE partner_id = %s AND {LIVE}"
)
ONE = " WHERE partner_id = %(partner)s AND tenant_id = %(tenant)s AND status = 'active'"
CHANGE = f"UPDATE portal.partner_tenant_link SET {{}} {ONE}"
SHORTER = CHANGE.format("permissions = array_remove(permissions, 'partner.reports.usage.read')")


async def roster(actor: Actor) -> dict[str, Any] | None:
    """Return the roster of the person at work; None where it does not count."""
    async with db.transaction(actor) as connection:
        row = (await connection.exec_driver_sql("SELECT * FROM portal.roster_now()")).mappings().one_or_none()
    return dict(row) if row else None


async def recounted(world: World, actor: Actor) -> bool:
    """Count anew as the job does; return whether the roster then is what the links say."""
    await sums.keep(system("reports"), many=2)
    found, expected = await roster(actor), world.sql(RECOUNT, actor.partner_id)[0]
    links = world.sql(
        "SELECT permissions, operating_model, starts_at, observed_from, uptime_recorded, sla_config"
        f" FROM portal.partner_tenant_link WHERE partner_id = %s AND {LIVE}",
        actor.partner_id,
    )
    expected["everywhere"] = [
        column
        for permission, column in SHOWN_BY.items()
        if all(permission in link["permissions"] for link in links)
        and (column != "shows_posture" or all(link["operating_model"] != "customer_managed" for link in links))
    ]
    observed = [link for link in links if "partner.reports.sla.read" in link["permissions"]]
    steady = all(link["uptime_recorded"] and "uptime_target" not in link["sla_config"] for link in observed)
    moments = [moment for link in observed for moment in (link["starts_at"], link["observed_from"]) if moment]
    expected["steady_from"] = max(moments) if steady else None
    return found is not None and {name: found[name] for name in expected} == expected


SHOWN = ("billing.summary.read", "posture.read", "reports.usage.read", "reports.sla.read", "reports.revenue.read")
NEW = (
    "INSERT INTO portal.partner_tenant_link (id, partner_id, partner_name, tenant_id, tenant_name, access_role,"
    " relationship_type, operating_model, starts_at, status, created_by, updated_by)"
    " SELECT gen_random_uuid(), %(partner)s, '', t.id, t.name, 'auditor', 'audit_only', 'customer_managed', now(),"
    " 'active', 'nobody', '' FROM tenancy.tenant AS t WHERE NOT EXISTS (SELECT 1 FROM portal.partner_tenant_link AS l"
    " WHERE l.tenant_id = t.id AND l.partner_id = %(partner)s) LIMIT 1"
)
CHANGES = (
    CHANGE.format("status = 'paused', paused_by = 'tenant'"),
    CHANGE.format("ends_at = now(), starts_at = now() - interval '1 day'"),
    CHANGE.format("starts_at = now() + interval '1 day', ends_at = now() + interval '2 days'"),
    CHANGE.format("starts_at = now() - interval '1 day', ends_at = now() + interval '3 days'"),
    CHANGE.format("operating_model = 'fully_managed'"),
    CHANGE.format("sla_config = jsonb_build_object('uptime_target', 99.4)"),
    CHANGE.format("sla_config = '{}'"),
    *(CHANGE.format(f"permissions = array_remove(permissions, 'partner.{shown}')") for shown in SHOWN),
    CHANGE.format("status = 'revoked'"),
    NEW,
    "DELETE FROM portal.partner_tenant_link WHERE created_by = 'nobody'",
)


async def test_a_roster_stops_counting_with_any_change_of_a_link_and_is_counted_anew(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        assert await recounted(world, actor)
        tenants = world.sql(
            "SELECT tenant_id FROM portal.partner_tenant_link WHERE partner_id = %s AND status = 'active'"
            " AND operating_model = 'co_managed' AND permissions @> %s ORDER BY id",
            actor.partner_id,
            [f"partner.{shown}" for shown in SHOWN],
        )
        assert len(tenants) > 1
        for change in CHANGES:
            before = await roster(actor)
            ids = {"partner": actor.partner_id, "tenant": tenants[0 if "paused" in change else 1]["tenant_id"]}
            with psycopg.connect(world.url) as connection:
                assert connection.execute(change.encode(), ids).rowcount == 1, change
            assert await roster(actor) is None, change
            assert await recounted(world, actor), change
            assert await roster(actor) != before


async def test_what_a_roster_does_not_tell_of_leaves_it_as_it_is(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        assert await recounted(world, actor)
        before = await roster(actor)
        tenant = world.tenant("acme-fiber")
        world.sql("UPDATE portal.partner_tenant_link SET notes = 'seen', version = version + 1")
        world.sql("UPDATE tenancy.tenant SET name = 'Acme Fibre' WHERE id = %s", tenant)
        world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked', paused_by = NULL WHERE status = 'paused'")
        other = partner_person(world, "principal@cascadia.example")
        world.sql("UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE partner_id = %s", other.partner_id)
        assert await roster(actor) == before is not None
        assert await roster(other) is None


async def test_a_roster_counts_until_the_next_link_begins_or_ends_by_itself(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        ids = {"partner": actor.partner_id, "tenant": world.tenant("acme-fiber")}
        world.sql(
            "UPDATE portal.partner_tenant_link SET ends_at = starts_at + interval '2 years'"
            " WHERE partner_id = %s AND status = 'active'",
            actor.partner_id,
        )
        hour = "now() + interval '1 hour'"
        for change in (f"ends_at = {hour}", f"starts_at = {hour}, ends_at = {hour} + interval '1 hour'"):
            with psycopg.connect(world.url) as connection:
                assert connection.execute(CHANGE.format(change).encode(), ids).rowcount == 1
                moment = connection.execute("SELECT now() + interval '1 hour'").fetchone()
            assert await recounted(world, actor)
            found = await roster(actor)
            assert found is not None
            assert moment is not None
            assert (found["since"], found["until"]) < (moment[0], moment[0])
            assert found["until"] == moment[0]
        for column, instant in (("until", "now()"), ("since", "now() + interval '1 minute'")):
            world.sql(f"UPDATE portal.roster SET {column} = {instant}")
            assert await roster(actor) is None
            if column == "until":
                assert await recounted(world, actor), "time is a reason to count anew"


async def test_a_change_that_the_count_did_not_see_is_not_forgotten(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        assert await recounted(world, actor)
        ids = {"partner": actor.partner_id, "tenant": world.tenant("acme-fiber")}
        with psycopg.connect(world.url) as changing:
            changing.execute(SHORTER.encode(), ids)
            world.sql("INSERT INTO portal.roster_change VALUES (%s)", actor.partner_id)
            assert await recounted(world, actor), "nobody waits, and the change is not there yet"
            changing.commit()
        assert await roster(actor) is None
        assert await recounted(world, actor)
        # The other way round: who changes a link while the count is under way does not wait for it either.
        world.sql("INSERT INTO portal.roster_change VALUES (%s)", actor.partner_id)
        with psycopg.connect(world.url) as counting, psycopg.connect(world.url) as changing:
            counting.execute("SELECT portal.keep_sums(2)")
            changing.execute("SET LOCAL lock_timeout = '50ms'")
            changing.execute(CHANGE.format("status = 'revoked'").encode(), ids)
            changing.commit()
            counting.commit()
        assert await roster(actor) is None
        assert await recounted(world, actor)


async def test_only_who_is_limited_to_no_customers_reads_the_roster_of_the_own_partner(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        principal, limited = partner_person(world), partner_person(world, ISLA)
        assert await recounted(world, principal)
        assert await roster(limited) is None
        other = partner_person(world, "principal@cascadia.example")
        found = await roster(other)
        assert found is not None
        assert found["partner_id"] == other.partner_id != principal.partner_id
        for table in ("roster", "roster_change"):
            with pytest.raises(Exception, match="permission denied"):
                async with db.transaction(principal) as connection:
                    await connection.exec_driver_sql(f"SELECT * FROM portal.{table}")
        world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE id = %s", principal.user_id)
        assert await roster(principal) is None
        world.sql("UPDATE portal.partner_user SET status = 'active' WHERE id = %s", principal.user_id)
        assert await roster(principal) is not None
        world.sql("UPDATE portal.partner SET status = 'terminated' WHERE id = %s", principal.partner_id)
        assert await roster(principal) is None


async def test_sums_tell_a_report_in_whole_where_just_its_tenants_are_in_them(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        assert await recounted(world, actor)
        found = await roster(actor)
        assert found is not None
        assert found["sums"] == ["billing", "invoices", "posture", "revenue", "summary", "tickets", "uptime", "usage"]
        ids = {"partner": actor.partner_id, "tenant": world.tenant("acme-fiber")}
        for gone, told in (
            (
                "partner.billing.summary.read",
                ["billing", "invoices", "posture", "revenue", "tickets", "uptime", "usage"],
            ),
            ("partner.reports.revenue.read", ["posture", "revenue", "summary", "tickets", "uptime", "usage"]),
            ("partner.reports.usage.read", ["posture", "revenue", "summary", "tickets", "uptime", "usage"]),
            ("partner.support.tickets.list", ["posture", "revenue", "summary", "tickets", "uptime", "usage"]),
        ):
            with psycopg.connect(world.url) as connection:
                change = CHANGE.format(f"permissions = array_remove(permissions, '{gone}')")
                connection.execute(change.encode(), ids)
            assert await recounted(world, actor)
            found = await roster(actor)
            assert found is not None
            assert found["sums"] == told
        world.sql("DELETE FROM portal.summed_tenant WHERE report = 'usage' AND tenant_id <> %s", ids["tenant"])
        world.sql("INSERT INTO portal.roster_change VALUES (%s)", actor.partner_id)
        world.sql("SELECT portal.count_rosters()")
        found = await roster(actor)
        assert found is not None
        assert found["sums"] == ["posture", "revenue", "summary", "tickets", "uptime"]


async def test_a_roster_follows_tenants_that_come_into_sums_and_leave_them(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        for many, told in ((1000, False), (2, True), (1000, False)):
            await sums.keep(system("reports"), many=many)
            found = await roster(actor)
            assert found is not None
            assert ("usage" in found["sums"]) is told is bool(world.sql("SELECT 1 FROM portal.summed_tenant"))


async def test_sums_with_as_many_other_customers_tell_nothing_in_whole(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        assert await recounted(world, actor)
        other = "UPDATE portal.summed_tenant SET tenant_id = gen_random_uuid() WHERE tenant_id = %s"
        world.sql(other, world.tenant("acme-fiber"))
        world.sql("INSERT INTO portal.roster_change VALUES (%s)", actor.partner_id)
        world.sql("SELECT portal.count_rosters()")
        found = await roster(actor)
        assert found is not None
        assert found["sums"] == []


async def test_who_holds_the_partner_and_who_changes_a_link_do_not_wait_for_each_other(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        ids = {"partner": actor.partner_id, "tenant": world.tenant("acme-fiber")}
        with psycopg.connect(world.url) as holding, psycopg.connect(world.url) as changing:
            holding.execute("SELECT 1 FROM portal.partner WHERE id = %(partner)s FOR UPDATE", ids)
            changing.execute("SET LOCAL lock_timeout = '50ms'")
            assert changing.execute(SHORTER.encode(), ids).rowcount == 1


async def test_a_report_of_named_customers_is_about_these_whatever_the_roster_counts(cluster: Cluster) -> None:
    async with domain_world(cluster) as world:
        actor, tenant = partner_person(world), world.tenant("acme-fiber")
        assert await recounted(world, actor)
        days = report_scope.period(None, None, today=datetime.now(UTC).date())
        for report in (usage, revenue, sla):
            asked: Any = report
            async with db.transaction(actor) as connection:
                wanted = asked.Filter(period=days, tenant_ids=(tenant,))
                more = {"now": datetime.now(UTC)} if report is sla else {}
                found = await asked.report(connection, actor, wanted, **more)
            assert (found.coverage.tenants, found.coverage.included) == (1, 1)
            assert [each.tenant_id for each in found.by_tenant] == [tenant]
