"""The board: the first tickets of each status, in one statement."""

from collections.abc import Iterator

import pytest

from guildhall.core import db
from guildhall.domain.support import board, columns
from guildhall.domain.support.board import Filter
from guildhall.domain.tenancy.tables import TICKET_STATUSES
from support_actors import NOW, partner_person
from support_console import counted
from support_world import World

pytestmark = pytest.mark.anyio


async def shown(world: World, email: str = "principal@northwind.example", **wanted: object) -> columns.Board:
    actor = partner_person(world, email)
    async with db.transaction(actor) as connection:
        return await columns.columns(connection, actor, Filter(**wanted), now=NOW)  # type: ignore[arg-type]


async def test_each_column_holds_its_status_and_the_figures_are_those_of_the_list(demo: World) -> None:
    found = await shown(demo)
    assert [column.status for column in found.columns] == list(TICKET_STATUSES)
    assert all({item.status for item in column.items} == {column.status} for column in found.columns)
    actor = partner_person(demo)
    async with db.transaction(actor) as connection:
        listed = await board.listed(connection, actor, Filter(), now=NOW)
    assert found.aggregates == listed.aggregates
    assert [column.more for column in found.columns] == [
        getattr(listed.aggregates, status) > columns.MOST for status in TICKET_STATUSES
    ]


async def test_what_runs_comes_most_pressing_first_and_what_is_done_newest_first(demo: World) -> None:
    opened, _, _, closed = (await shown(demo)).columns
    dues = [item.sla_breach_at for item in opened.items if item.sla_breach_at]
    assert dues == sorted(dues)
    made = [item.created_at for item in closed.items]
    assert made == sorted(made, reverse=True)


async def test_filters_hold_in_every_column_and_the_status_does_not(demo: World) -> None:
    found = await shown(demo, priority=("urgent",), status=("closed",))
    items = [item for column in found.columns for item in column.items]
    assert {item.priority for item in items} == {"urgent"}
    assert len({item.status for item in items}) > 1


async def test_the_board_is_one_statement_for_few_cards_as_for_many(demo: World) -> None:
    for wanted in ({}, {"search": "storm"}, {"search": "no such words"}):
        with counted() as seen:
            await shown(demo, **wanted)
        assert len(seen) == 1


async def test_a_column_holds_the_first_of_all_its_tickets_by_the_order_of_the_board(demo: World) -> None:
    actor = partner_person(demo)
    async with db.transaction(actor) as connection:
        due = await board.listed(
            connection, actor, Filter(status=("open",), sort_by="sla_breach_at", sort_order="asc"), now=NOW
        )
        newest = await board.listed(connection, actor, Filter(status=("closed",)), now=NOW)
    opened, _, _, closed = (await shown(demo)).columns
    assert [item.sla_breach_at for item in opened.items] == [item.sla_breach_at for item in due.items[: columns.MOST]]
    assert closed.items == newest.items[: columns.MOST]


@pytest.fixture
def many_from_four(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let four tenants be many."""
    monkeypatch.setattr("guildhall.domain.support.board_sql.WIDE", 3)
    caches = (columns.statement, board.statement)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


PEOPLE = ("principal@northwind.example", "isla.moreno@northwind.example")


async def test_a_partner_of_many_customers_gets_the_same_board(demo: World, request: pytest.FixtureRequest) -> None:
    few = [await shown(demo, email) for email in PEOPLE]
    request.getfixturevalue("many_from_four")
    assert [await shown(demo, email) for email in PEOPLE] == few


@pytest.mark.usefixtures("many_from_four")
async def test_among_many_customers_one_whose_tickets_are_not_opened_is_left_out(world: World) -> None:
    actor = partner_person(world)
    items = [item for column in (await shown(world)).columns for item in column.items]
    closed = items[0].tenant_id
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, 'partner.support.tickets.list')"
        " WHERE tenant_id = %s AND partner_id = %s RETURNING id",
        closed,
        actor.partner_id,
    )
    items = [item for column in (await shown(world)).columns for item in column.items]
    async with db.transaction(actor) as connection:
        listed = await board.listed(connection, actor, Filter(limit=100), now=NOW)
    assert items
    assert listed.items
    assert closed not in {item.tenant_id for item in (*items, *listed.items)}
