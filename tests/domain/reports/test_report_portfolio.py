"""The portfolio: who sees which figures, order, pages; nothing hidden shows (API.md, GET /partner/customers)."""

from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from guildhall.core import cursor, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid, NotFound
from guildhall.domain.reports import portfolio
from guildhall.domain.reports.portfolio import Customer, Filter, Metrics, Place, PortfolioPage, SortBy
from support_actors import partner_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
NO_METRICS = Metrics(**dict.fromkeys(Metrics.__struct_fields__))
FINANCE, TECHNICAL = "finance@northwind.example", "technical@northwind.example"


async def page(actor: Actor, **wanted: Any) -> PortfolioPage:
    async with db.transaction(actor) as connection:
        return await portfolio.listed(connection, actor, Filter(**wanted))


async def named(actor: Actor, name: str) -> Customer:
    return next(item for item in (await page(actor, limit=100)).items if item.name == name)


async def walked(actor: Actor, **wanted: Any) -> list[Any]:
    found = await page(actor, **wanted)
    ids = [item.tenant_id for item in found.items]
    while found.next_cursor:
        found = await page(actor, cursor=found.next_cursor, **wanted)
        ids += [item.tenant_id for item in found.items]
    return ids


async def test_live_links_only_are_in_the_portfolio(demo: World) -> None:
    found = await page(partner_person(demo), limit=100)
    assert {item.tenant_id for item in found.items} == set(demo.tenants("northwind", "live"))
    assert (found.total, found.hidden_count, found.next_cursor) == (24, 0, None)
    assert [item.relationship.status for item in found.items].count("expiring") == 1


async def test_tenant_limits_of_a_person_hold(demo: World) -> None:
    included = await page(partner_person(demo, "isla.moreno@northwind.example"), limit=100)
    assert {item.slug for item in included.items} == {"acme-fiber", "harborline", "costa-verde", "sandpiper"}
    excluded = await page(partner_person(demo, "peter.okoro@northwind.example"), limit=100)
    assert {"acme-fiber", "brightwell", "summit-ridge"}.isdisjoint(item.slug for item in excluded.items)
    assert excluded.total == 21


async def test_figures_are_those_of_the_rows_behind_them(demo: World) -> None:
    item = await named(partner_person(demo), "Acme Fiber")
    row = demo.sql(
        "SELECT (SELECT sum(amount - amount_paid) FROM tenancy.invoice WHERE tenant_id = t.id AND currency = t.currency"
        " AND status IN ('finalized', 'overdue')) AS owed, (SELECT count(*) FROM tenancy.ticket WHERE tenant_id = t.id"
        " AND status IN ('open', 'pending')) AS open, (SELECT count(*) FROM tenancy.subscriber WHERE tenant_id = t.id"
        " AND status <> 'cancelled') AS subscribers, (SELECT count(*) FROM tenancy.ticket WHERE tenant_id = t.id"
        " AND sla_breached_at >= now() - interval '30 days') AS breaches FROM tenancy.tenant AS t WHERE t.id = %s",
        item.tenant_id,
    )[0]
    figures = item.metrics
    assert figures.outstanding_balance
    assert (figures.outstanding_balance.amount, figures.outstanding_balance.currency) == (row["owed"], "USD")
    assert (figures.open_tickets, figures.total_subscribers) == (row["open"], row["subscribers"])
    assert figures.sla_breach_count_30d == row["breaches"]


async def test_a_balance_in_two_currencies_is_never_added_up(demo: World) -> None:
    item = await named(partner_person(demo), "Harborline Broadband")
    assert item.metrics.outstanding_balance
    assert item.metrics.outstanding_balance.currency == "USD"
    assert [other.currency for other in item.metrics.other_balances or ()] == ["EUR"]


@pytest.mark.parametrize(
    ("role", "money", "tickets", "subscribers"),
    [
        ("principal", True, True, True),
        ("msp_full", True, True, True),
        ("auditor", True, True, True),
        ("finance", True, False, False),
        ("msp_billing", True, False, False),
        ("technical", False, True, True),
        ("msp_support", False, True, True),
        ("salesperson", False, False, False),
        ("viewer", False, False, False),
    ],
)
async def test_what_a_role_may_not_see_is_null(
    demo: World,
    role: str,
    *,
    money: bool,
    tickets: bool,
    subscribers: bool,
) -> None:
    item = await named(partner_person(demo, f"{role}@northwind.example"), "Acme Fiber")
    assert (item.billing is not None, item.metrics.outstanding_balance is not None) == (money, money)
    assert (item.metrics.open_tickets is not None, item.metrics.sla_breach_count_30d is not None) == (tickets, tickets)
    assert (item.metrics.total_subscribers is not None) == subscribers


@pytest.mark.parametrize(
    ("name", "billing", "tickets", "subscribers"),
    [
        ("Acme Fiber", True, True, True),  # msp_full
        ("Maple Street Credit Union", True, False, False),  # msp_billing
        ("Quickwater Cable", True, True, False),  # msp_billing, with reading tickets
        ("Northgate Manufacturing", False, True, False),  # delegate: support and SLA reports
    ],
)
async def test_what_a_link_does_not_open_is_null(
    demo: World,
    name: str,
    *,
    billing: bool,
    tickets: bool,
    subscribers: bool,
) -> None:
    item = await named(partner_person(demo), name)
    assert (item.billing is not None, item.metrics.outstanding_balance is not None) == (billing, billing)
    assert (item.metrics.open_tickets is not None, item.metrics.total_subscribers is not None) == (tickets, subscribers)


async def test_the_money_blind_get_the_same_answer_whatever_the_amounts(world: World) -> None:
    blind = [partner_person(world, email) for email in (TECHNICAL, "viewer@northwind.example")]
    sighted = partner_person(world, FINANCE)
    before = [msgspec.json.encode(await page(actor, limit=100)) for actor in (*blind, sighted)]
    world.sql("UPDATE tenancy.invoice SET amount = amount * 7")
    world.sql("UPDATE portal.subscription SET mrr = mrr * 3")
    after = [msgspec.json.encode(await page(actor, limit=100)) for actor in (*blind, sighted)]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


@pytest.mark.parametrize("email", [TECHNICAL, "salesperson@northwind.example", "principal@bluepeak.example"])
async def test_a_sort_by_what_one_sees_nowhere_is_refused(demo: World, email: str) -> None:
    with pytest.raises(Forbidden):
        await page(partner_person(demo, email), sort_by="outstanding_balance")


async def test_hidden_balances_come_last_in_either_direction_and_are_counted(demo: World) -> None:
    actor = partner_person(demo)
    for order in ("asc", "desc"):
        found = await page(actor, sort_by="outstanding_balance", sort_order=order, limit=100)
        balances = [item.metrics.outstanding_balance for item in found.items]
        shown = [balance.amount for balance in balances if balance]
        assert (found.hidden_count, balances[-1]) == (1, None)
        assert shown == sorted(shown, reverse=order == "desc")


@pytest.mark.parametrize("sort_order", ["asc", "desc"])
@pytest.mark.parametrize("sort_by", get_args(SortBy))
async def test_cursors_pass_every_tenant_once_in_order(demo: World, sort_by: Any, sort_order: Any) -> None:
    actor = partner_person(demo)
    whole = await page(actor, sort_by=sort_by, sort_order=sort_order, limit=100)
    ids = await walked(actor, sort_by=sort_by, sort_order=sort_order, limit=5)
    assert ids == [item.tenant_id for item in whole.items]
    assert len(set(ids)) == 24


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        ({"status": ("trial",)}, {"sandpiper"}),
        ({"status": ("suspended", "trial")}, {"sandpiper", "ridgeway"}),
        ({"search": "FIB"}, {"acme-fiber", "redwood-coop", "severn-valley"}),
        ({"search": "thistle.ex"}, {"thistle"}),
        ({"search": "%"}, set()),
        ({"operating_model": ("fully_managed",)}, {"oakfield-dental", "brightwell", "alpenglow", "sandpiper"}),
        ({"plan": ("scale",), "search": "brightwell"}, {"brightwell"}),
    ],
)
async def test_a_filter_finds_exactly_what_matches(demo: World, wanted: dict[str, Any], slugs: set[str]) -> None:
    found = await page(partner_person(demo), limit=100, **wanted)
    assert {item.slug for item in found.items} == slugs
    assert found.total == len(slugs)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"status": ("gone",)}, "status"),
        ({"operating_model": ("mine",)}, "operating_model"),
        ({"search": "\x00"}, "search"),
        ({"plan": ("\x00",)}, "search"),
        ({"limit": 101}, "limit"),
        ({"offset": -1}, "offset"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
async def test_values_that_no_tenant_has_are_refused_by_field(demo: World, wanted: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await page(partner_person(demo), **wanted)
    assert list(refused.value.errors) == [field]


async def test_a_made_up_cursor_is_refused(demo: World) -> None:
    actor = partner_person(demo)
    tenant = demo.tenant("acme-fiber")
    for sort_by, value in (
        ("created_at", "soon"),
        ("created_at", "2026-01-01T00:00:00"),
        ("outstanding_balance", "NaN"),
        ("outstanding_balance", "lots"),
        ("name", "a\x00"),
    ):
        with pytest.raises(Invalid):
            await page(
                actor, sort_by=sort_by, sort_order="asc", cursor=cursor.encode(Place(sort_by, "asc", value, tenant))
            )


@pytest.mark.parametrize("wanted", [{}, {"sort_by": "outstanding_balance"}, {"search": "a"}])
async def test_the_portfolio_is_one_statement_however_long(demo: World, wanted: dict[str, Any]) -> None:
    actor = partner_person(demo)
    for limit in (1, 100):
        with statements(actor) as seen:
            await page(actor, limit=limit, **wanted)
        assert len(seen) == 1


async def test_fewer_figures_are_the_same_customers_with_the_others_left_out(demo: World) -> None:
    for email in ("principal@northwind.example", "isla.moreno@northwind.example", FINANCE, TECHNICAL):
        actor = partner_person(demo, email)
        whole = (await page(actor, limit=100)).items
        async with db.transaction(actor) as connection:
            brief = await portfolio.listed(connection, actor, Filter(limit=100), figures="brief")
            names = await portfolio.listed(connection, actor, Filter(limit=100), figures="none")
        assert brief.items == [replace(item, billing=None, metrics=_brief(item.metrics)) for item in whole]
        assert names.items == [replace(item, billing=None, metrics=NO_METRICS) for item in whole]
        assert brief.total == names.total == len(whole)


def _brief(metrics: Metrics) -> Metrics:
    return replace(metrics, sla_breach_count_30d=None)


@pytest.mark.parametrize("wanted", [{}, {"search": "."}, {"status": ("active", "trial", "suspended")}])
async def test_the_count_is_that_of_all_pages_whoever_asks(demo: World, wanted: dict[str, Any]) -> None:
    for email in ("principal@northwind.example", "isla.moreno@northwind.example", "peter.okoro@northwind.example"):
        actor = partner_person(demo, email)
        assert (await page(actor, **wanted)).total == len(await walked(actor, limit=9, **wanted))


async def test_one_tenant_of_the_portfolio_or_none(demo: World) -> None:
    actor = partner_person(demo)
    async with db.transaction(actor) as connection:
        found = await portfolio.one(connection, actor, tenant_id=demo.tenant("acme-fiber"))
        assert found.slug == "acme-fiber"
        for slug in ("pinecrest", "silverbrook", "fairhaven"):
            with pytest.raises(NotFound):
                await portfolio.one(connection, actor, tenant_id=demo.tenant(slug))


async def test_a_revoked_link_leaves_the_portfolio_at_once(world: World) -> None:
    actor = partner_person(world)
    world.sql(
        "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE partner_id = %s AND tenant_id = %s",
        actor.partner_id,
        world.tenant("acme-fiber"),
    )
    found = await page(actor, limit=100)
    assert (found.total, "acme-fiber" in {item.slug for item in found.items}) == (23, False)
