"""The board of tickets over every customer, and moving a card without a mouse or a script."""

import re
from html import unescape
from uuid import UUID

import pytest

from support_console import AUDITOR, PRINCIPAL, SUPPORT, VIEWER, counted, ticket_of, words
from support_world import World

pytestmark = pytest.mark.anyio
CARD = re.compile(r'<article class="board-card.*?</article>', re.DOTALL)


def state(world: World, ticket: UUID) -> tuple[str, int]:
    row = world.sql("SELECT status, version FROM tenancy.ticket WHERE id = %s", ticket)[0]
    return row["status"], row["version"]


async def test_cards_say_customer_priority_clock_and_who_has_it(demo: World) -> None:
    client = await demo.sign_in(SUPPORT)
    page = await client.get("/tickets/board")
    shown = words(page)
    assert all(each in shown for each in ("Open", "Pending", "Resolved", "Closed", "Acme Fiber", "Tomas Verhoeven"))
    assert "h from opening → was due" in shown
    assert re.search(r"(Urgent|High|Normal|Low): \d+ h(; agreed response [\d.]+ h)? → due .* left", shown)


async def test_a_card_is_moved_by_a_button_and_the_board_says_so(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    board = "/tickets/board?q=" + str(world.sql("SELECT number FROM tenancy.ticket WHERE id = %s", ticket)[0]["number"])
    card = next(card for card in CARD.findall((await client.get(board)).text) if str(ticket) in card)
    action = f"/t/{tenant}/tickets/{ticket}/move"
    assert f'action="{action}"' in card
    back = unescape(re.findall(r'name="back" value="([^"]+)"', card)[0])
    answer = await world.post(client, action, status="pending", version=str(state(world, ticket)[1]), back=back)
    assert (answer.status_code, answer.headers["location"]) == (303, board)
    assert state(world, ticket)[0] == "pending"
    assert "of Acme Fiber: Pending." in words(await client.get(board))


async def test_of_two_boards_the_second_moves_nothing_and_says_so(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    version = str(state(world, ticket)[1])
    path = f"/t/{tenant}/tickets/{ticket}/move"
    await world.post(client, path, status="pending", version=version, back="/tickets/board")
    before = state(world, ticket)
    await world.post(client, path, status="closed", version=version, back="/tickets/board")
    assert state(world, ticket) == before
    assert "nothing was moved" in words(await client.get("/tickets/board"))


@pytest.mark.parametrize("wrong", [{"version": ""}, {"status": "nonsense"}, {"status": ""}])
async def test_a_move_that_cannot_be_moves_nothing(world: World, wrong: dict[str, str]) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    before = state(world, ticket)
    right = {"status": "pending", "version": str(before[1]), "back": "https://elsewhere.example"}
    answer = await world.post(client, f"/t/{tenant}/tickets/{ticket}/move", **(right | wrong))
    assert answer.status_code == 422
    assert state(world, ticket) == before


async def test_a_move_leads_back_to_the_tickets_and_nowhere_else(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    for back in ("https://elsewhere.example", "//elsewhere.example", "/customers", ""):
        values = {
            "status": "open" if state(world, ticket)[0] == "pending" else "pending",
            "version": str(state(world, ticket)[1]),
            "back": back,
        }
        answer = await world.post(client, f"/t/{tenant}/tickets/{ticket}/move", **values)
        assert answer.headers["location"] == "/tickets"


async def test_who_only_reads_finds_no_moves_and_cannot_send_one(demo: World) -> None:
    client, tenant = await demo.sign_in(AUDITOR), demo.tenant("acme-fiber")
    assert "/move" not in (await client.get("/tickets/board")).text
    ticket = ticket_of(demo, tenant)
    before = state(demo, ticket)
    answer = await demo.post(client, f"/t/{tenant}/tickets/{ticket}/move", status="closed", version=str(before[1]))
    assert answer.status_code == 403
    assert state(demo, ticket) == before
    assert (await (await demo.sign_in(VIEWER)).get("/tickets/board")).status_code == 403


async def test_a_card_of_a_link_that_only_reads_has_no_moves(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions ="
        " array_remove(permissions, 'partner.support.tickets.update') WHERE tenant_id = %s",
        tenant,
    )
    page = (await (await world.sign_in(PRINCIPAL)).get("/tickets/board")).text
    assert f"/t/{tenant}/tickets/" in page
    assert not re.search(rf"/t/{tenant}/tickets/[0-9a-f-]+/move", page)
    assert "/move" in page


async def test_the_page_costs_the_same_statements_with_few_cards_as_with_many(demo: World) -> None:
    client, costs = await demo.sign_in(SUPPORT), []
    for path in ("/tickets/board", "/tickets/board?q=storm", "/tickets/board?q=nothing+like+it"):
        with counted() as seen:
            assert (await client.get(path)).status_code == 200
        costs.append(len(seen))
    assert len(set(costs)) == 1
