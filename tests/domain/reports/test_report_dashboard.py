"""The dashboard answers what needs me today; each part only for who may see it (PRODUCT §10)."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.access import links
from guildhall.domain.reports import dashboard, portfolio
from guildhall.domain.reports.dashboard import Dashboard
from guildhall.domain.support import board
from support_actors import partner_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio


async def today(actor: Actor) -> Dashboard:
    async with db.transaction(actor) as connection:
        return await dashboard.today(connection, actor, now=datetime.now(UTC))


async def behind(actor: Actor, name: str, narrowed: dict[str, str]) -> int | None:
    """Return how many rows the list behind a figure has, under the filter that the figure names."""
    async with db.transaction(actor) as connection:
        if name == "tickets":
            wanted: dict[str, Any] = {key: tuple(value.split(",")) for key, value in narrowed.items()}
            wanted |= {key: narrowed[key] == "true" for key in ("breached", "due_soon") if key in narrowed}
            found = await board.listed(connection, actor, board.Filter(**wanted), now=datetime.now(UTC))
            return found.total
        if name == "links":
            return (await links.listed(connection, actor, links.Filter(statuses=(narrowed["status"],))))[1]
        wanted = {key: (value,) for key, value in narrowed.items() if not key.startswith("sort")}
        return (await portfolio.listed(connection, actor, portfolio.Filter(**wanted))).total


@pytest.mark.parametrize("partner", ["northwind", "alderfinch", "veritas", "cascadia"])
async def test_every_figure_is_the_length_of_the_list_behind_it(demo: World, partner: str) -> None:
    actor = partner_person(demo, f"principal@{partner}.example")
    found = await today(actor)
    for need in found.needs:
        if need.kind != "balance_overdue":
            assert await behind(actor, need.list, need.filter) == need.count, need.kind
    for name, shares in (
        ("links", found.funnel),
        ("customers", found.models),
        ("customers", found.plans),
        ("tickets", found.open_tickets),
    ):
        for share in shares or ():
            assert await behind(actor, name, share.filter) == share.count, share


async def test_northwind_needs_its_tickets_links_trials_and_balances_looked_at(demo: World) -> None:
    kinds = [need.kind for need in (await today(partner_person(demo))).needs]
    assert kinds[0] == "tickets_breached"
    assert {"links_expiring", "trials_ending", "balance_overdue"} <= set(kinds)
    reseller = [need.kind for need in (await today(partner_person(demo, "principal@alderfinch.example"))).needs]
    assert "links_countered" in reseller


async def test_overdue_balances_are_those_of_the_invoices_by_currency(demo: World) -> None:
    actor = partner_person(demo)
    found = next(need for need in (await today(actor)).needs if need.kind == "balance_overdue")
    rows = demo.sql(
        "SELECT i.currency, sum(i.amount - i.amount_paid) AS owed, count(DISTINCT i.tenant_id) AS tenants"
        " FROM tenancy.invoice AS i JOIN portal.partner_tenant_link AS l ON l.tenant_id = i.tenant_id"
        " WHERE l.partner_id = %s AND l.status = 'active' AND 'partner.billing.read' = ANY (l.permissions)"
        " AND i.status = 'overdue' GROUP BY i.currency ORDER BY i.currency",
        actor.partner_id,
    )
    assert [(money.currency, money.amount) for money in found.amounts] == [(r["currency"], r["owed"]) for r in rows]
    assert max(row["tenants"] for row in rows) <= found.count <= sum(row["tenants"] for row in rows)


async def test_posture_says_how_many_of_all_share_it(demo: World) -> None:
    found = (await today(partner_person(demo))).posture
    assert found
    assert (found.shared, found.tenants) == (16, 24)  # 18 share by model, of these two links do not open posture
    reseller = (await today(partner_person(demo, "principal@alderfinch.example"))).posture
    assert reseller
    assert (reseller.shared, reseller.tenants, reseller.average_score) == (0, 3, None)


@pytest.mark.parametrize(
    ("role", "absent"),
    [
        ("principal", set()),
        ("auditor", set()),
        ("technical", {"mrr", "outstanding"}),
        ("finance", {"open_tickets", "posture"}),
        ("salesperson", {"open_tickets", "posture", "mrr", "outstanding"}),
        ("viewer", {"open_tickets", "posture", "mrr", "outstanding"}),
    ],
)
async def test_a_part_that_one_may_not_see_is_absent(demo: World, role: str, absent: set[str]) -> None:
    found = await today(partner_person(demo, f"{role}@northwind.example"))
    assert {name for name in Dashboard.__struct_fields__ if getattr(found, name) is None} == absent


async def test_the_money_blind_get_the_same_dashboard_whatever_the_amounts(world: World) -> None:
    blind = partner_person(world, "technical@northwind.example")
    before = msgspec.json.encode(await today(blind))
    world.sql("UPDATE tenancy.invoice SET amount = amount * 7, status = 'overdue'")
    world.sql("UPDATE portal.subscription SET mrr = mrr * 3")
    assert msgspec.json.encode(await today(blind)) == before


async def test_recurring_revenue_is_that_of_customers_whose_billing_is_open(demo: World) -> None:
    found = await today(partner_person(demo))
    subscribed = (
        "SELECT s.currency, sum(s.mrr) AS mrr FROM portal.subscription AS s JOIN portal.partner_tenant_link AS l"
        " USING (partner_id, tenant_id) JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'northwind'"
        " AND portal.is_live(l.status, l.starts_at, l.ends_at) AND s.status = 'active'"
        " AND ('partner.billing.read' = ANY (l.permissions) OR %s) GROUP BY 1"
    )
    opened, everybody = ({row["currency"]: row["mrr"] for row in demo.sql(subscribed, all_)} for all_ in (False, True))
    assert {each.currency: each.amount for each in found.mrr or ()} == opened != everybody


async def test_tenant_limits_of_a_person_hold(demo: World) -> None:
    found = await today(partner_person(demo, "isla.moreno@northwind.example"))
    assert found.customers == 4
    assert sum(share.count for share in found.models or ()) == 4
    assert sum(share.count for share in found.plans or ()) == 4


async def test_somebody_without_any_permission_gets_an_empty_dashboard(demo: World) -> None:
    nobody = partner_person(demo, permissions=frozenset())
    found = await today(nobody)
    assert (found.needs, found.customers, found.funnel) == ([], None, None)


async def test_the_dashboard_is_one_statement_however_many_tenants(demo: World) -> None:
    for partner in ("northwind", "bluepeak", "veritas"):
        actor = partner_person(demo, f"principal@{partner}.example")
        with statements(actor) as seen:
            await today(actor)
        assert len(seen) == 1
