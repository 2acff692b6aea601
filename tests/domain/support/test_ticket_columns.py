"""The board: the first tickets of each status, in one statement for each column."""

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


async def test_the_board_costs_the_same_statements_for_few_cards_as_for_many(demo: World) -> None:
    costs = []
    for wanted in ({}, {"search": "storm"}, {"search": "no such words"}):
        with counted() as seen:
            await shown(demo, **wanted)
        costs.append(len(seen))
    assert len(set(costs)) == 1
