"""One tenant in full, and the parts of its page: each behind its own permission."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole, Surface, anonymous
from guildhall.core.errors import NotFound
from guildhall.domain.access.gates import Standing, standing
from guildhall.domain.people import sessions
from guildhall.domain.reports import customer, sla
from guildhall.domain.reports.report_scope import period
from guildhall.worlds.demo_posture import marker
from support_actors import partner_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)


def stands(world: World, actor: Actor, slug: str) -> Standing:
    """Return how the actor's partner stands with a tenant, as a session's row would say."""
    row = world.sql(
        "SELECT id AS link_id, tenant_name, status AS link_status, portal.is_live(status, starts_at, ends_at)"
        " AS link_live, coalesce(ends_at <= now(), false) AS link_overdue, access_role AS link_role,"
        " permissions AS link_permissions, operating_model AS link_model, ends_at AS link_ends_at,"
        " paused_by AS link_paused_by, true AS within_limits, false AS has_account"
        " FROM portal.partner_tenant_link WHERE partner_id = %s AND tenant_domain = %s",
        actor.partner_id,
        f"{slug}.example",
    )[0]
    return standing(world.tenant(slug), row)


async def detail(world: World, actor: Actor, slug: str) -> customer.CustomerDetail:
    async with db.transaction(actor) as connection:
        return await customer.detail(connection, actor, standing=stands(world, actor, slug), now=NOW)


async def parts(world: World, actor: Actor, slug: str) -> dict[str, Any]:
    """Return every part of a tenant's page."""
    seen, today = stands(world, actor, slug), NOW.date()
    async with db.transaction(actor) as connection:
        return {
            "invoices": await customer.recent_invoices(connection, actor, standing=seen, today=today),
            "usage": await customer.usage_summary(connection, actor, standing=seen, today=today),
            "outages": await customer.outages(connection, actor, standing=seen),
            "posture": await customer.posture_latest(connection, actor, standing=seen),
        }


async def test_a_tenant_in_full(demo: World) -> None:
    actor = partner_person(demo)
    found = await detail(demo, actor, "acme-fiber")
    row = demo.sql("SELECT * FROM tenancy.tenant WHERE slug = 'acme-fiber'")[0]
    assert (found.name, found.contact.email, found.address) == (row["name"], row["contact_email"], row["address"])
    assert (found.more.users, found.more.users_max) == (2, row["users_max"])
    assert found.sla_config["response_hours"] == 2
    assert found.subscription
    assert found.subscription.mrr
    assert found.posture
    active, suspended = found.more.active_subscribers, found.more.suspended_subscribers
    assert (active or 0) + (suspended or 0) == found.metrics.total_subscribers


async def test_uptime_is_that_of_the_sla_report(demo: World) -> None:
    principals = demo.sql(
        "SELECT DISTINCT ON (p.id) u.email"
        " FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = u.partner_id"
        " WHERE 'principal' = ANY (u.roles) AND u.status = 'active' AND p.status = 'active' AND EXISTS ("
        "SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.partner_id = p.id AND l.shows_uptime"
        " AND portal.is_live(l.status, l.starts_at, l.ends_at))"
    )
    assert len(principals) > 2
    everywhere = 0
    for principal in principals:
        actor = partner_person(demo, principal["email"])
        async with db.transaction(actor) as connection:
            wanted = sla.Filter(period=period(None, None, today=NOW.date()), limit=1000)
            report = await sla.report(connection, actor, wanted, now=NOW)
        for row in report.by_tenant:
            slug = demo.sql("SELECT slug FROM tenancy.tenant WHERE id = %s", row.tenant_id)[0]["slug"]
            assert (await detail(demo, actor, slug)).more.uptime_percentage_30d == row.uptime_percentage, slug
            everywhere += row.downtime_minutes > 0
    assert everywhere > 5


async def test_uptime_counts_days_without_an_outage_too_and_is_null_where_nothing_was_recorded(world: World) -> None:
    actor, acme = partner_person(world), world.tenant("acme-fiber")
    world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", acme)
    assert (await detail(world, actor, "acme-fiber")).more.uptime_percentage_30d is None
    world.sql(
        "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
        " VALUES (gen_random_uuid(), %s, CAST(%s AS timestamptz) - interval '25 hours',"
        " CAST(%s AS timestamptz) - interval '24 hours')",
        acme,
        NOW,
        NOW,
    )
    found = (await detail(world, actor, "acme-fiber")).more.uptime_percentage_30d
    assert found is not None
    assert 99.8 < found < 99.9  # one hour of thirty days


async def test_posture_of_a_customer_managed_tenant_is_absent_for_everybody(demo: World) -> None:
    for email in ("principal@northwind.example", "technical@northwind.example", "auditor@northwind.example"):
        actor = partner_person(demo, email)
        found = await detail(demo, actor, "thistle")
        assert found.posture is None
        assert "partner.posture.read" not in found.effective_permissions
        everything = msgspec.json.encode([found, await parts(demo, actor, "thistle")]).decode()
        assert marker("thistle") not in everything
        shared = msgspec.json.encode(await detail(demo, actor, "acme-fiber")).decode()
        assert marker("acme-fiber") in shared


async def test_posture_takes_the_persons_permission_too(demo: World) -> None:
    finance = partner_person(demo, "finance@northwind.example")
    assert (await detail(demo, finance, "acme-fiber")).posture is None


async def test_a_forgotten_gate_still_shows_no_posture(demo: World) -> None:
    actor = partner_person(demo)
    pretended = msgspec.structs.replace(stands(demo, actor, "thistle"), operating_model="co_managed")
    async with db.transaction(actor) as connection:
        assert await customer.posture_latest(connection, actor, standing=pretended) is None


async def test_effective_permissions_are_those_of_link_and_person_together(demo: World) -> None:
    full = await detail(demo, partner_person(demo), "prairie-link")
    assert "partner.support.tickets.update" not in full.effective_permissions
    assert "partner.support.tickets.comment" in full.effective_permissions
    assert "partner.provisioning.subscribers.activate" in full.effective_permissions
    viewer = await detail(demo, partner_person(demo, "viewer@northwind.example"), "prairie-link")
    assert viewer.effective_permissions == []


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("principal", {"invoices", "usage", "outages", "posture"}),
        ("technical", {"usage", "outages", "posture"}),
        ("finance", {"invoices"}),
        ("msp_billing", {"invoices", "outages"}),
        ("viewer", set()),
    ],
)
async def test_a_part_is_there_for_who_may_see_it(demo: World, role: str, shown: set[str]) -> None:
    found = await parts(demo, partner_person(demo, f"{role}@northwind.example"), "acme-fiber")
    assert {name for name, part in found.items() if part is not None} == shown


async def test_a_link_opens_the_parts_of_its_areas_only(demo: World) -> None:
    found = await parts(demo, partner_person(demo), "northgate")
    assert {name for name, part in found.items() if part is not None} == {"outages"}


async def test_the_money_blind_read_the_same_whatever_the_amounts(world: World) -> None:
    blind = partner_person(world, "technical@northwind.example")

    async def seen() -> bytes:
        return msgspec.json.encode([await detail(world, blind, "acme-fiber"), await parts(world, blind, "acme-fiber")])

    before = await seen()
    world.sql("UPDATE tenancy.invoice SET amount = amount * 7")
    world.sql(
        'UPDATE portal.subscription SET mrr = mrr * 3, addons = \'{"sd-wan-edge": {"name": "SD-WAN edge",'
        ' "quantity": 1, "unit_price": "45.00"}}\''
    )
    world.sql(
        "UPDATE portal.partner_tenant_link SET alert_config = jsonb_set(alert_config, '{billing_threshold}', '{}')"
    )
    priced = await seen()
    world.sql("UPDATE portal.subscription SET addons = replace(addons::text, '45.00', '99.00')::jsonb")
    assert await seen() == priced
    world.sql("UPDATE portal.subscription SET addons = '{}'")
    assert await seen() == before
    assert b"billing_threshold" not in before


async def test_a_tenant_whose_link_is_over_is_absent(demo: World) -> None:
    actor = partner_person(demo)
    for slug in ("pinecrest", "silverbrook"):
        with pytest.raises(NotFound) as refused:
            await detail(demo, actor, slug)
        assert refused.value.exact_code == "TENANT_NOT_FOUND"


async def test_usage_has_its_capacity_beside_it(demo: World) -> None:
    found = await parts(demo, partner_person(demo), "acme-fiber")
    assert [usage.metric for usage in found["usage"]] == ["active_subscribers", "api_calls", "bandwidth_gb"]
    assert all(usage.capacity > 0 and usage.average > 0 and usage.previous_average > 0 for usage in found["usage"])


async def test_a_session_carries_the_standing_that_the_page_asks(demo: World) -> None:
    """The row of a real session makes the same page as the one made up here."""
    client = await demo.sign_in("principal@northwind.example")
    token, tenant_id = client.cookies["guildhall_partners"], demo.tenant("acme-fiber")
    found = await sessions.find(anonymous(Surface.CONSOLE, DbRole.PARTNER), token=token, tenant_id=tenant_id)
    assert found
    assert standing(tenant_id, found.row) == stands(demo, found.actor, "acme-fiber")


async def test_statements_are_as_many_for_every_tenant(demo: World) -> None:
    actor, counts = partner_person(demo), set()
    for slug in ("acme-fiber", "sandpiper", "blue-mesa"):
        with statements(actor) as seen:
            await detail(demo, actor, slug)
        counts.add(len(seen))
    assert counts == {3}
