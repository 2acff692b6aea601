"""Many tickets at once: named before anything happens, then changed one by one."""

import re
from uuid import UUID, uuid4

import httpx
import pytest

from support_console import AUDITOR, PRINCIPAL, SUPPORT, counted, ticket_of, words
from support_world import World

pytestmark = pytest.mark.anyio
BULK = "/tickets/bulk"


def stored(world: World, *tickets: UUID) -> list[tuple[str, UUID | None]]:
    rows = world.sql("SELECT id, status, assigned_to_id FROM tenancy.ticket WHERE id = ANY (%s)", list(tickets))
    known = {row["id"]: (row["status"], row["assigned_to_id"]) for row in rows}
    return [known[ticket] for ticket in tickets]


def acts(world: World, ticket: UUID) -> list[str]:
    rows = world.sql(
        "SELECT kind FROM portal.audit_entry WHERE target_id = %s AND action = 'ticket.changed' ORDER BY kind",
        str(ticket),
    )
    return [row["kind"] for row in rows]


def version(world: World, ticket: UUID) -> str:
    return f"{ticket}:{world.sql('SELECT version FROM tenancy.ticket WHERE id = %s', ticket)[0]['version']}"


def person(world: World, email: str) -> UUID:
    found: UUID = world.sql("SELECT id FROM portal.partner_user WHERE email = %s", email)[0]["id"]
    return found


def read_only(world: World, slug: str) -> None:
    """Let the links to a tenant allow no change of its tickets any more."""
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions ="
        " array_remove(permissions, 'partner.support.tickets.update') WHERE tenant_id = %s",
        world.tenant(slug),
    )


async def asked(client: httpx.AsyncClient, *tickets: UUID, **wish: str) -> httpx.Response:
    return await client.get(BULK, params=[("ticket", str(each)) for each in tickets] + list(wish.items()))


async def sent(world: World, client: httpx.AsyncClient, *tickets: str, **wish: str) -> httpx.Response:
    return await world.post(client, BULK, ticket=list(tickets), **wish)


async def test_the_page_names_tickets_customers_and_what_is_left_out_and_changes_nothing(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    read_only(world, "thistle")
    acme, thistle = (ticket_of(world, world.tenant(slug)) for slug in ("acme-fiber", "thistle"))
    closed = ticket_of(world, world.tenant("harborline"), "closed")
    foreign = ticket_of(world, world.tenant("cascadia-clinics"))
    before = stored(world, acme, thistle, closed, foreign)
    page = await asked(client, acme, thistle, closed, foreign, uuid4(), status="pending", to="nobody")
    shown = words(page)
    assert "Change 1 ticket? Of 1 customer" in shown
    assert "Acme Fiber" in shown
    assert "Thistle Broadband The customer's link does not allow changing tickets" in shown
    assert "Harborline Broadband A ticket in this status cannot come to that one" in shown
    assert "2 tickets are not yours to see any more" in shown, "a foreign one is as absent as one that never was"
    assert "Cascadia" not in shown
    assert page.text.count('name="ticket"') == 1
    assert stored(world, acme, thistle, closed, foreign) == before


async def test_many_are_given_to_a_colleague_each_with_its_own_entry_in_the_trail(world: World) -> None:
    client, helper = await world.sign_in(PRINCIPAL), person(world, SUPPORT)
    mine = [ticket_of(world, world.tenant(slug)) for slug in ("acme-fiber", "thistle", "harborline")]
    world.sql("UPDATE tenancy.ticket SET assigned_to_id = NULL, assigned_to_name = NULL WHERE id = ANY (%s)", mine)
    answer = await sent(world, client, *(version(world, each) for each in mine), status="pending", to=str(helper))
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")
    assert stored(world, *mine) == [("pending", helper)] * 3
    assert [acts(world, each) for each in mine] == [["partner", "tenant"]] * 3
    assert "3 tickets were changed." in words(await client.get("/tickets"))
    told = words(await (await world.sign_in(SUPPORT)).get("/notices"))
    assert told.count("gave you at once: 3") == 1, "one message of one act, over all customers"
    assert "gave you ticket" not in told
    assert "gave you" not in words(await client.get("/notices"))


async def test_what_changed_meanwhile_or_lost_its_leave_is_left_alone_and_the_others_are_changed(world: World) -> None:
    client = await world.sign_in(PRINCIPAL)
    acme, thistle, harbor = (ticket_of(world, world.tenant(slug)) for slug in ("acme-fiber", "thistle", "harborline"))
    chosen = [version(world, each) for each in (acme, thistle, harbor)]
    world.sql("UPDATE tenancy.ticket SET version = version + 1 WHERE id = %s", acme)
    read_only(world, "thistle")
    before = stored(world, acme, thistle)
    answer = await sent(world, client, *chosen, status="resolved")
    shown = words(answer)
    assert "1 ticket was changed." in shown
    assert "Acme Fiber Somebody changed it meanwhile" in shown
    assert "Thistle Broadband The customer's link does not allow changing tickets" in shown
    assert stored(world, acme, thistle) == before
    assert stored(world, harbor)[0][0] == "resolved"
    assert (acts(world, acme), acts(world, thistle)) == ([], [])
    again = await sent(world, client, *chosen, status="resolved")
    assert "0 tickets were changed." in words(again), "the same page sent twice changes nothing twice"
    assert acts(world, harbor) == ["partner", "tenant"]


async def test_nobody_gets_tickets_of_customers_out_of_reach(world: World) -> None:
    client, helper = await world.sign_in(PRINCIPAL), person(world, SUPPORT)
    acme, thistle = (ticket_of(world, world.tenant(slug)) for slug in ("acme-fiber", "thistle"))
    world.sql(
        "UPDATE tenancy.ticket SET assigned_to_id = NULL, assigned_to_name = NULL WHERE id = ANY (%s)", [acme, thistle]
    )
    world.sql("UPDATE portal.partner_user SET tenant_scope = 'include' WHERE id = %s", helper)
    world.sql(
        "INSERT INTO portal.partner_user_tenant (user_id, tenant_id) VALUES (%s, %s)", helper, world.tenant("thistle")
    )
    shown = words(await asked(client, acme, thistle, to=str(helper)))
    assert "Change 1 ticket?" in shown
    assert "Acme Fiber Whom it would be given to does not reach this customer" in shown
    answer = await sent(world, client, version(world, acme), version(world, thistle), to=str(helper))
    assert "1 ticket was changed." in words(answer)
    assert [who for _, who in stored(world, acme, thistle)] == [None, helper]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({}, "Say what to change"),
        ({"to": "x"}, "incomplete"),
        ({"to": str(uuid4()), "status": "pending"}, "Choose somebody of your team"),
    ],
)
async def test_a_wish_that_cannot_be_is_asked_again_with_all_that_was_ticked(
    demo: World, wish: dict[str, str], said: str
) -> None:
    client = await demo.sign_in(PRINCIPAL)
    chosen = [ticket_of(demo, demo.tenant(slug)) for slug in ("acme-fiber", "thistle")]
    answer = await asked(client, *chosen, **wish, back="/tickets?status=open")
    assert answer.status_code == 422
    assert said in words(answer)
    boxes = re.findall(r'name="ticket" value="([0-9a-f-]{36})" checked', answer.text)
    assert sorted(boxes) == sorted(map(str, chosen))
    assert 'name="back" value="/tickets?status=open"' in answer.text
    assert ('value="pending" selected' in answer.text) == ("status" in wish)


async def test_nothing_ticked_or_too_much_is_told(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    for chosen, said in (([], "at least one"), ([uuid4() for _ in range(101)], "at most 100")):
        assert (await asked(client, *chosen, status="open")).status_code == 303
        assert said in words(await client.get("/tickets"))


async def test_who_only_reads_cannot_ask_and_cannot_send(demo: World) -> None:
    client, ticket = await demo.sign_in(AUDITOR), ticket_of(demo, demo.tenant("acme-fiber"))
    before = stored(demo, ticket)
    assert 'name="ticket"' not in (await client.get("/tickets")).text
    assert (await asked(client, ticket, status="closed")).status_code == 403
    assert (await sent(demo, client, version(demo, ticket), status="closed")).status_code == 403
    assert stored(demo, ticket) == before


async def test_the_question_costs_the_same_statements_for_one_ticket_as_for_many(demo: World) -> None:
    client, costs = await demo.sign_in(PRINCIPAL), []
    rows = demo.sql("SELECT id FROM tenancy.ticket ORDER BY created_at DESC LIMIT 60")
    for chosen in (rows[:1], rows):
        with counted() as seen:
            await asked(client, *(row["id"] for row in chosen), status="pending", to="me")
        costs.append(len(seen))
    assert costs[0] == costs[1]
