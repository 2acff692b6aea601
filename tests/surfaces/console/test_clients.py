"""API clients in the console: set up, shown once, changed, rotated, revoked; by principals alone."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from guildhall.core import clock
from support_clients import PRINCIPAL, ask, client_of, software, token_of
from support_console import words
from support_mail import letters
from support_world import World, csrf

pytestmark = pytest.mark.anyio
ME = "/api/v1/auth/me"
SCOPES = ["partner.support.tickets.list", "partner.support.tickets.read"]


def typed(**other: Any) -> dict[str, Any]:
    """Return what a good form holds."""
    day = (clock.now() + timedelta(days=30)).date().isoformat()
    return {"name": "Desk sync", "scopes": SCOPES, "tenant_scope": "all", "expires_at": day, **other}


def secret_in(text: str) -> tuple[str, str]:
    """Return the client's id and secret that a page shows."""
    values = dict(re.findall(r'id="client-(id|secret)" type="text" value="([^"]+)"', text))
    return values["id"], values["secret"]


async def test_a_client_is_set_up_with_a_secret_that_is_shown_once(world: World) -> None:
    console = await world.sign_in(PRINCIPAL)
    answer = await world.post(console, "/clients/new", **typed(networks="203.0.113.0/24\r\n::ffff:10.0.0.0/104"))
    assert answer.status_code == 200, words(answer)
    client_id, secret = secret_in(answer.text)
    again = await console.get(f"/clients/{client_id}")
    assert secret not in again.text
    assert "203.0.113.0/24" in again.text
    assert "10.0.0.0/8" in again.text, "an IPv4 network written inside of IPv6 is kept as what it is"
    assert (await ask(world, (client_id, secret), ip="203.0.113.9")).status_code == 401  # no trusted proxy here
    told = letters(world, PRINCIPAL)
    assert [(each.kind, each.values["client"]) for each in told] == [("client.set_up", "Desk sync")]
    assert "set up the API client Desk sync" in words(await console.get("/notices"))
    kept = world.sql("SELECT secret_hash FROM portal.api_client_secret WHERE client_id = %s", client_id)
    assert secret.encode() not in bytes(kept[0]["secret_hash"])
    trail = world.sql("SELECT action FROM portal.audit_entry WHERE target_id = %s AND kind = 'partner'", client_id)
    assert [each["action"] for each in trail] == ["client.created"]
    assert "An API client was set up" in words(await console.get(f"/audit?q={client_id}"))


async def test_two_presses_at_once_and_a_reload_set_up_one_client_and_show_one_secret(world: World) -> None:
    console = await world.sign_in(PRINCIPAL)
    before = world.sql("SELECT count(*) AS n FROM portal.api_client")[0]["n"]
    found = re.search(r'name="form_key" value="([^"]+)"', (await console.get("/clients/new")).text)
    assert found
    sent = {**typed(form_key=found[1]), "_csrf_token": await csrf(console)}
    answers = await asyncio.gather(*(console.post("/clients/new", data=sent) for _ in range(3)))
    answers.append(await console.post("/clients/new", data=sent))
    assert sorted(answer.status_code for answer in answers) == [200, 303, 303, 303]
    client_id, _ = secret_in(next(answer for answer in answers if answer.status_code == 200).text)
    assert {each.headers["location"] for each in answers if each.status_code == 303} == {f"/clients/{client_id}"}
    assert world.sql("SELECT count(*) AS n FROM portal.api_client")[0]["n"] == before + 1
    assert len(world.sql("SELECT id FROM portal.api_client_secret WHERE client_id = %s", client_id)) == 1


async def test_a_refused_form_keeps_what_was_typed_and_sets_nothing_up(world: World) -> None:
    console = await world.sign_in(PRINCIPAL)
    before = world.sql("SELECT count(*) AS n FROM portal.api_client")
    day = (clock.now() + timedelta(days=400)).date().isoformat()
    for wrong, said in (
        ({"name": ""}, "Give it a name"),
        ({"scopes": []}, "Tick what the client may do"),
        ({"scopes": ["partner.clients.manage"]}, "You can give only what you may do yourself"),
        ({"scopes": ["partner.no.such"]}, "You can give only what you may do yourself"),
        ({"expires_at": day}, "Choose a day within a year"),
        ({"expires_at": "2020-01-01"}, "Choose a day that is still to come"),
        ({"expires_at": "soon"}, "This is not a date"),
        ({"expires_at": ""}, "Choose a day that is still to come"),
        ({"networks": "10.0.0.1/8"}, "Write each network on a line of its own"),
        ({"networks": "0.0.0.0/0"}, "Leave the field empty"),
        ({"tenant_scope": "include"}, "Tick the customers"),
        ({"tenant_scope": "include", "tenant_ids": str(world.unlinked("northwind"))}, "you reach yourself"),
        ({"tenant_scope": "include", "tenant_ids": "x"}, "you reach yourself"),
    ):
        answer = await world.post(console, "/clients/new", **typed(purpose="For the desk") | wrong)
        assert answer.status_code == 422, wrong
        assert said in words(answer), wrong
        assert "For the desk" in answer.text
    assert world.sql("SELECT count(*) AS n FROM portal.api_client") == before


async def test_giving_asks_for_a_fresh_second_factor_and_taking_away_does_not(world: World) -> None:
    made = await client_of(world)
    console = await world.sign_in(PRINCIPAL)
    stale = "UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'"
    world.sql(stale)
    rows = "SELECT (SELECT count(*) FROM portal.api_client) AS a, (SELECT count(*) FROM portal.api_client_secret) AS b"
    before = world.sql(rows)
    for path, form in (
        ("/clients/new", typed()),
        (f"/clients/{made.client_id}/change", typed()),
        (f"/clients/{made.client_id}/secret", {"overlap": "24"}),
    ):
        answer = await world.post(console, path, **form)
        assert answer.status_code == 403, path
        assert "step_up_code" in answer.text
    assert world.sql(rows) == before
    assert world.sql("SELECT name FROM portal.api_client WHERE id = %s", made.client_id) == [{"name": "Ticket sync"}]
    answer = await world.post(console, "/clients/new", **typed(), step_up_code=world.code(PRINCIPAL))
    assert answer.status_code == 200
    world.sql(stale)
    answer = await world.post(console, f"/clients/{made.client_id}/revoke", reason="Not needed")
    assert answer.status_code == 303
    assert (await ask(world, made)).status_code == 401


async def test_a_new_secret_overlaps_the_old_one_which_can_be_ended_at_once(world: World) -> None:
    made = await client_of(world)
    old = await token_of(world, made)
    console = await world.sign_in(PRINCIPAL)
    answer = await world.post(console, f"/clients/{made.client_id}/secret", overlap="72")
    assert answer.status_code == 200
    _, secret = secret_in(answer.text)
    new = await token_of(world, type(made)(made.client_id, secret))
    me = [await world.client("api", Authorization=f"Bearer {each}").get(ME) for each in (old, new)]
    assert [each.status_code for each in me] == [200, 200]
    first = world.sql(
        "SELECT id FROM portal.api_client_secret WHERE client_id = %s AND ends_at IS NOT NULL", made.client_id
    )[0]["id"]
    asks = await console.get(f"/clients/{made.client_id}/secrets/{first}/end")
    assert asks.status_code == 200
    answer = await world.post(console, f"/clients/{made.client_id}/secrets/{first}/end")
    assert answer.status_code == 303
    assert (await ask(world, made)).status_code == 401
    me = [await world.client("api", Authorization=f"Bearer {each}").get(ME) for each in (old, new)]
    assert [each.status_code for each in me] == [401, 200]
    assert (await world.post(console, f"/clients/{made.client_id}/secrets/{first}/end")).status_code == 404


async def test_an_overlap_that_is_over_or_none_ends_the_old_secret(world: World) -> None:
    made = await client_of(world)
    console = await world.sign_in(PRINCIPAL)
    for overlap in ("169", "-1", "x", ""):
        assert (await world.post(console, f"/clients/{made.client_id}/secret", overlap=overlap)).status_code == 422
    assert (await ask(world, made)).status_code == 200
    assert (await world.post(console, f"/clients/{made.client_id}/secret", overlap="1")).status_code == 200
    assert (await ask(world, made)).status_code == 200
    world.sql("UPDATE portal.api_client_secret SET ends_at = now() WHERE ends_at IS NOT NULL")
    assert (await ask(world, made)).status_code == 401


async def test_only_principals_see_clients_and_other_partners_see_none(world: World) -> None:
    made = await client_of(world)
    for role in ("technical", "msp_full", "auditor"):
        console = await world.sign_in(f"{role}@northwind.example")
        for path in ("/clients", "/clients/new", f"/clients/{made.client_id}"):
            assert (await console.get(path)).status_code == 403
    email = world.sql(
        "SELECT u.email FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = u.partner_id"
        " WHERE p.slug <> 'northwind' AND p.status = 'active' AND 'principal' = ANY (u.roles) LIMIT 1"
    )[0]["email"]
    other = await world.sign_in(email)
    assert "Ticket sync" not in words(await other.get("/clients"))
    for path in ("", "/change", "/ask/revoke", "/ask/secret"):
        assert (await other.get(f"/clients/{made.client_id}{path}")).status_code == 404
    for path, form in (("/revoke", {}), ("/secret", {"overlap": "0"}), ("/change", typed())):
        assert (await world.post(other, f"/clients/{made.client_id}{path}", **form)).status_code == 404
    assert (await ask(world, made)).status_code == 200


async def test_changing_narrows_on_the_next_request(world: World) -> None:
    made = await client_of(world)
    caller = await software(world, made)
    tickets, customers = "/api/v1/partner/support/tickets", "/api/v1/partner/customers"
    assert (await caller.get(tickets)).status_code == 200
    console = await world.sign_in(PRINCIPAL)
    assert "Ticket sync" in (await console.get(f"/clients/{made.client_id}/change")).text
    tenant = world.tenants("northwind", "live")[0]
    form = typed(scopes=["partner.tenants.list"], tenant_scope="include", tenant_ids=[str(tenant)])
    assert (await world.post(console, f"/clients/{made.client_id}/change", **form)).status_code == 303
    assert (await caller.get(tickets)).json()["code"] == "FORBIDDEN"
    assert [each["tenant_id"] for each in (await caller.get(customers)).json()["items"]] == [str(tenant)]


async def test_the_list_is_searched_filtered_and_sorted(demo: World) -> None:
    console = await demo.sign_in(PRINCIPAL)
    whole = words(await console.get("/clients"))
    assert all(name in whole for name in ("Ticket sync", "Usage warehouse", "Invoice export", "Old chat bot"))
    for query, name in (
        ("q=warehouse", "Usage warehouse"),
        ("q=service+desk", "Ticket sync"),
        ("state=expiring", "Usage warehouse"),
        ("state=expired", "Invoice export"),
        ("state=revoked", "Old chat bot"),
    ):
        answer = await console.get(f"/clients?{query}")
        assert re.findall(r'class="row-link" href="/clients/[^"]+">([^<]+)<', answer.text) == [name], query
    ends = await console.get("/clients?sort=-ends")
    assert re.findall(r'class="row-link"[^>]+>([^<]+)<', ends.text)[0] == "Old chat bot"
    assert "Nothing matches" in words(await console.get("/clients?state=stopped"))


async def test_principals_hear_of_a_client_that_may_do_more_or_that_another_answers_for(world: World) -> None:
    made = await client_of(world, scopes=frozenset({"partner.tenants.list"}), networks=("203.0.113.0/24",))
    console = await world.sign_in(PRINCIPAL)
    path = f"/clients/{made.client_id}/change"
    before = len(letters(world, PRINCIPAL))
    same = {"scopes": ["partner.tenants.list"], "networks": "203.0.113.0/24"}
    assert (await world.post(console, path, **typed(**same | {"name": "Another name"}))).status_code == 303
    assert len(letters(world, PRINCIPAL)) == before, "another name and an earlier end are not told"
    for wider in ({"networks": ""}, {"scopes": ["partner.tenants.list", "partner.links.read"]}):
        assert (await world.post(console, path, **typed(**same | wider))).status_code == 303
        told = [each.kind for each in letters(world, PRINCIPAL)[before:]]
        assert told == ["client.changed"], wider
        assert (await world.post(console, path, **typed(**same))).status_code == 303
        assert len(letters(world, PRINCIPAL)) == before + 1, "what takes away is not told"
        before += 1
    assert "changed the API client" in words(await console.get("/notices"))


async def test_no_letter_about_a_client_goes_to_a_principal_who_never_came(world: World) -> None:
    world.sql(
        "INSERT INTO portal.partner_user (id, partner_id, email, name, roles) SELECT gen_random_uuid(), partner_id,"
        " 'invited@northwind.example', 'Invited', '{principal}' FROM portal.partner_user WHERE email = %s",
        PRINCIPAL,
    )
    await client_of(world)
    assert letters(world, PRINCIPAL)
    assert not letters(world, "invited@northwind.example")
