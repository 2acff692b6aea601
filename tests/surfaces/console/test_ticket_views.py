"""Saved views of the tickets: a person's own names for filters, and the one that comes first."""

import re
from typing import Any

import pytest

from support_console import PRINCIPAL, SUPPORT, VIEWER, hrefs, words
from support_world import World

pytestmark = pytest.mark.anyio
NEW = "/tickets/views/new"


def kept_by(world: World, email: str = SUPPORT) -> list[dict[str, Any]]:
    """Return what a person saved."""
    return world.sql(
        "SELECT v.id, v.name, v.filters, v.is_default FROM portal.ticket_view AS v"
        " JOIN portal.partner_user AS u ON u.id = v.user_id WHERE u.email = %s",
        email,
    )


async def test_a_view_keeps_the_filters_and_only_its_owner_sees_it(world: World) -> None:
    client = await world.sign_in(SUPPORT)
    kept = {"view": "board", "priority": "urgent", "to": "me"}
    answer = await world.post(client, NEW, name=" My  urgent ones ", unknown="x", **kept)
    assert answer.headers["location"] == "/tickets/board?priority=urgent&to=me"
    page = await client.get("/tickets?list=1")
    assert "My urgent ones" in words(page)
    assert answer.headers["location"] in hrefs(page)
    view = kept_by(world)[0]
    assert (view["filters"], view["is_default"]) == (kept, False)
    other = await world.sign_in(PRINCIPAL)
    assert "My urgent ones" not in words(await other.get("/tickets/views"))
    for path in (f"/tickets/views/{view['id']}/remove", f"/tickets/views/{view['id']}/first"):
        assert (await world.post(other, path, first="yes")).status_code == 404
    assert kept_by(world) == [view]


async def test_the_first_view_comes_where_nothing_is_asked_for_and_can_be_left(world: World) -> None:
    client = await world.sign_in(SUPPORT)
    for name, priority in (("High", "high"), ("Low", "low")):
        await world.post(client, NEW, name=name, view="list", priority=priority, is_default="yes")
    answer = await client.get("/tickets")
    assert answer.headers["location"] == "/tickets?list=1&priority=low"
    first = [view for view in kept_by(world) if view["is_default"]]
    assert [view["name"] for view in first] == ["Low"]
    assert (await client.get("/tickets?list=1")).status_code == 200
    await world.post(client, f"/tickets/views/{first[0]['id']}/first", first="no")
    assert (await client.get("/tickets")).status_code == 200


async def test_the_same_name_replaces_and_a_view_is_removed_after_a_question(world: World) -> None:
    client = await world.sign_in(SUPPORT)
    for priority in ("high", "low"):
        await world.post(client, NEW, name="Mine", view="list", priority=priority)
    rows = kept_by(world)
    assert [row["filters"]["priority"] for row in rows] == ["low"]
    path = f"/tickets/views/{rows[0]['id']}/remove"
    assert "Remove the view Mine?" in words(await client.get(path))
    assert kept_by(world) == rows
    assert (await world.post(client, path)).headers["location"] == "/tickets/views"
    assert kept_by(world) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
async def test_a_name_that_cannot_be_keeps_what_was_typed(world: World, name: str) -> None:
    client = await world.sign_in(SUPPORT)
    answer = await world.post(client, NEW, name=name, view="board", q="No & signal", is_default="yes")
    assert answer.status_code == 422
    assert "Use 1 to 60 characters" in words(answer)
    assert 'name="q" value="No &amp; signal"' in answer.text
    assert re.search(r"<input[^>]*checked[^>]*is_default", answer.text)
    assert kept_by(world) == []


async def test_there_are_twenty_at_most(world: World) -> None:
    client = await world.sign_in(SUPPORT)
    for number in range(20):
        await world.post(client, NEW, name=f"View {number}", view="list", q="x")
    answer = await world.post(client, NEW, name="One more", view="list", q="x")
    assert answer.status_code == 422
    assert len(kept_by(world)) == 20


async def test_who_sees_no_tickets_saves_no_view(demo: World) -> None:
    client = await demo.sign_in(VIEWER)
    for path in ("/tickets/views", NEW):
        assert (await client.get(path)).status_code == 403
    assert (await demo.post(client, NEW, name="x", view="list")).status_code == 403
    assert kept_by(demo, VIEWER) == []
