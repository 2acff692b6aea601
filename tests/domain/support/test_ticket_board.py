"""Lists of tickets: who sees which, filters, totals, pages (API.md, “Paging”)."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest

from guildhall.core import cursor, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid
from guildhall.domain.support import board
from guildhall.domain.support.board import Filter, Place, SortBy, TicketPage
from support_actors import customer_person, partner_person, staff_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
OWN = "t.tenant_id IN (SELECT l.tenant_id FROM portal.partner_tenant_link AS l WHERE l.partner_id = %s"
OWN += " AND l.status = 'active' AND 'partner.support.tickets.list' = ANY (l.permissions))"


async def page(actor: Actor, **wanted: Any) -> TicketPage:
    async with db.transaction(actor) as connection:
        return await board.listed(connection, actor, Filter(**wanted), now=NOW)


async def walked(actor: Actor, **wanted: Any) -> list[Any]:
    """Return the ids of a whole list, page by page along the cursors."""
    ids, found = [], await page(actor, **wanted)
    ids += [item.id for item in found.items]
    while found.next_cursor:
        found = await page(actor, cursor=found.next_cursor, **wanted)
        ids += [item.id for item in found.items]
    return ids


def count(world: World, actor: Actor, condition: str = "true") -> int:
    """Count the partner's tickets past all code of the board."""
    found: int = world.sql(
        f"SELECT count(*) AS n FROM tenancy.ticket AS t WHERE {OWN} AND ({condition})", actor.partner_id
    )[0]["n"]
    return found


async def test_a_partner_lists_the_tickets_of_links_that_open_them_and_no_other(demo: World) -> None:
    actor = partner_person(demo)
    allowed = {str(row["tenant_id"]) for row in demo.sql(
        "SELECT tenant_id FROM portal.partner_tenant_link WHERE partner_id = %s AND status = 'active'"
        " AND 'partner.support.tickets.list' = ANY (permissions)", actor.partner_id)}  # fmt: skip
    found = await page(actor, limit=100)
    assert {str(item.tenant_id) for item in found.items} <= allowed
    assert found.total == count(demo, actor)
    for closed in [*demo.tenants("northwind", "paused"), demo.unlinked("northwind"), demo.tenant("maple-credit")]:
        assert (await page(actor, tenant_ids=(closed,))).total == 0


async def test_tenant_limits_of_a_person_hold(demo: World) -> None:
    limited = partner_person(demo, "isla.moreno@northwind.example")
    names = {"Acme Fiber", "Harborline Broadband", "Costa Verde Telecom", "Sandpiper Resorts"}
    found = await page(limited, limit=100)
    assert {item.tenant_name for item in found.items} <= names
    assert found.total == len(await walked(limited))


@pytest.mark.parametrize("role", ["salesperson", "finance", "viewer", "msp_billing"])
async def test_who_may_not_list_tickets_is_refused(demo: World, role: str) -> None:
    with pytest.raises(Forbidden):
        await page(partner_person(demo, f"{role}@northwind.example"))


async def test_a_reseller_sees_the_tickets_of_its_accounts_at_home_and_no_others_there(demo: World) -> None:
    actor, home = partner_person(demo, "principal@alderfinch.example"), demo.tenant("alderfinch")
    found = await page(actor, tenant_ids=(home,), limit=100)
    accounts = {row["subscriber_id"] for row in demo.sql(
        "SELECT subscriber_id FROM portal.partner_account WHERE partner_id = %s AND status = 'active'",
        actor.partner_id)}  # fmt: skip
    assert found.items
    assert {item.subscriber_id for item in found.items} <= accounts
    assert found.total == len(found.items)
    assert found.aggregates
    assert found.aggregates.open == sum(item.status == "open" for item in found.items)


async def test_a_customer_lists_its_own_and_staff_list_all(demo: World) -> None:
    own = await page(customer_person(demo), limit=100)
    assert {item.tenant_name for item in own.items} == {"Acme Fiber"}
    foreign = await page(customer_person(demo), tenant_ids=(demo.tenant("harborline"),))
    assert {item.tenant_name for item in foreign.items} == {"Acme Fiber"}
    everything = await page(staff_person(demo))
    assert everything.total == demo.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"]


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ({"status": ("open", "pending")}, "status IN ('open', 'pending')"),
        ({"priority": ("urgent",)}, "priority = 'urgent'"),
        ({"priority": ("urgent",), "status": ("closed",)}, "priority = 'urgent' AND status = 'closed'"),
        ({"category": ("network", "voice")}, "category IN ('network', 'voice')"),
        ({"search": "router"}, "subject ILIKE '%%router%%'"),
        ({"search": "#12"}, "number = 12"),
        ({"search": "100%"}, "false"),
        ({"unassigned": True}, "assigned_to_id IS NULL"),
        (
            {"breached": True},
            "sla_breached_at IS NOT NULL OR (status IN ('open','pending') AND sla_breach_at <= now())",
        ),
        ({"created_from": NOW - timedelta(days=30)}, "created_at >= now() - interval '30 days'"),
        ({"created_to": NOW - timedelta(days=300)}, "created_at < now() - interval '300 days'"),
    ],
)
async def test_a_filter_finds_exactly_what_matches(demo: World, wanted: dict[str, Any], condition: str) -> None:
    actor = partner_person(demo)
    expected = count(demo, actor, condition)
    found = await page(actor, limit=100, **wanted)
    assert found.total == expected
    assert len(found.items) == min(100, expected)


async def test_breached_and_not_breached_make_up_the_whole(demo: World) -> None:
    actor = partner_person(demo)
    both = [await page(actor, breached=value) for value in (True, False)]
    assert sum(found.total or 0 for found in both) == (await page(actor)).total
    assert all(item.is_sla_breached for item in both[0].items)
    assert not any(item.is_sla_breached for item in both[1].items)


async def test_due_soon_lists_what_the_clocks_show_as_due_soon(demo: World) -> None:
    actor = partner_person(demo)
    running = list((await page(actor, status=("open", "pending"), limit=100)).items)
    soon = await page(actor, due_soon=True, limit=100)
    assert {item.id for item in soon.items} == {item.id for item in running if item.sla_state == "due_soon"}


async def test_figures_from_rollups_are_those_counted_row_by_row(demo: World) -> None:
    actor = partner_person(demo)
    rolled, counted = await page(actor), await page(actor, created_from=NOW - timedelta(days=4000))
    assert rolled.total == counted.total
    assert rolled.aggregates
    assert counted.aggregates
    exact = msgspec.structs.replace(rolled.aggregates, avg_resolution_hours=None)
    assert exact == msgspec.structs.replace(counted.aggregates, avg_resolution_hours=None)
    assert rolled.aggregates.avg_resolution_hours == pytest.approx(counted.aggregates.avg_resolution_hours, abs=0.02)


@pytest.mark.parametrize("sort_order", ["asc", "desc"])
@pytest.mark.parametrize("sort_by", get_args(SortBy))
async def test_cursors_pass_every_ticket_once_in_order(demo: World, sort_by: Any, sort_order: Any) -> None:
    actor = partner_person(demo, "principal@alderfinch.example")
    ids = await walked(actor, sort_by=sort_by, sort_order=sort_order, limit=7)
    whole = await page(actor, sort_by=sort_by, sort_order=sort_order, limit=100)
    rest = await page(actor, sort_by=sort_by, sort_order=sort_order, limit=100, offset=100)
    assert ids == [item.id for item in whole.items + rest.items]
    assert len(ids) == len(set(ids)) == whole.total


@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_cursors_pass_tickets_without_a_clock_too(world: World, sort_order: Any) -> None:
    actor = partner_person(world, "principal@alderfinch.example")
    world.sql("UPDATE tenancy.ticket SET sla_breach_at = NULL WHERE number % 2 = 0")
    ids = await walked(actor, sort_by="sla_breach_at", sort_order=sort_order, limit=1)
    assert len(ids) == len(set(ids)) == (await page(actor, limit=1)).total


async def test_a_page_asked_for_by_cursor_counts_nothing(demo: World) -> None:
    actor = partner_person(demo)
    first = await page(actor, limit=5)
    second = await page(actor, limit=5, cursor=first.next_cursor or "")
    assert (second.total, second.total_at_least, second.aggregates) == (None, None, None)


async def test_a_cursor_of_another_list_or_made_up_is_refused(demo: World) -> None:
    actor = partner_person(demo)
    first = await page(actor, limit=1)
    assert first.next_cursor
    last = first.items[0]
    naive = cursor.encode(Place("created_at", "desc", last.created_at.replace(tzinfo=None), last.id))
    counted = cursor.encode(Place("created_at", "desc", 3, last.id))
    for wrong in ("x", "{}", first.next_cursor[:-4], "e30", "x" * 9000, naive, counted):
        with pytest.raises(Invalid) as refused:
            await page(actor, limit=1, cursor=wrong)
        assert list(refused.value.errors) == ["cursor"]
    with pytest.raises(Invalid):
        await page(actor, limit=1, sort_by="priority", cursor=first.next_cursor)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"status": ("lost",)}, "status"),
        ({"priority": ("now",)}, "priority"),
        ({"search": "a\x00b"}, "search"),
        ({"search": "\ud800"}, "search"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"offset": -1}, "offset"),
    ],
)
async def test_values_that_no_ticket_has_are_refused_by_field(demo: World, wanted: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await page(partner_person(demo), **wanted)
    assert list(refused.value.errors) == [field]


@pytest.mark.parametrize("wanted", [{}, {"priority": ("high",)}, {"search": "9" * 40}, {"status": ("open",)}])
async def test_a_list_is_one_statement_however_long(demo: World, wanted: dict[str, Any]) -> None:
    for actor in (partner_person(demo), customer_person(demo), staff_person(demo)):
        for limit in (1, 100):
            with statements(actor) as seen:
                await page(actor, limit=limit, **wanted)
            assert len(seen) == 1


async def test_beyond_the_end_there_is_a_total_and_no_ticket(demo: World) -> None:
    actor = partner_person(demo)
    far = await page(actor, offset=5000)
    assert (far.items, far.next_cursor) == ([], None)
    assert far.total == count(demo, actor)


async def test_a_partner_of_many_tenants_gets_the_same_list(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = partner_person(demo)
    narrow = await walked(actor, limit=90)
    board.statement.cache_clear()
    monkeypatch.setattr("guildhall.domain.support.board_sql.WIDE", 3)
    try:
        assert await walked(actor, limit=90) == narrow
    finally:
        board.statement.cache_clear()


async def test_a_count_stops_at_ten_thousand(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = partner_person(demo)
    board.statement.cache_clear()
    for place in ("board", "board_sql"):
        monkeypatch.setattr(f"guildhall.domain.support.{place}.COUNT_LIMIT", 20)
    try:
        many, few = await page(actor, search="e"), await page(actor, search="e", status=("pending",))
    finally:
        board.statement.cache_clear()
    assert (many.total, many.total_at_least, many.aggregates) == (None, 20, None)
    assert (few.total, few.total_at_least) == (count(demo, actor, "subject ILIKE '%%e%%' AND status = 'pending'"), None)
