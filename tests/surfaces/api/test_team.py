"""The own organisation over the API: its people and its trail, with the console's permissions and second factors."""

from typing import Any

import pytest

from support_clients import client_of, software
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
TEAM, AUDIT = "/api/v1/partner/team", "/api/v1/partner/audit"
DOWN = {"sort_order": "desc"}
NEW = {"email": "luis@northwind.example", "name": "Luis Prado", "roles": ["technical"]}


def people(world: World) -> list[dict[str, Any]]:
    return world.sql("SELECT id, email, status, roles FROM portal.partner_user ORDER BY id")


async def test_colleagues_are_listed_filtered_and_read_with_their_customers(demo: World) -> None:
    client = await demo.api("viewer@northwind.example")
    page = (await client.get(TEAM, params={"limit": 100})).json()
    assert page["total"] == len(page["items"]) > 5
    assert PRINCIPAL in {each["email"] for each in page["items"]}
    found = (await client.get(TEAM, params={"role": "technical", "state": "active"})).json()["items"]
    assert found
    assert all("technical" in each["roles"] and each["state"] == "active" for each in found)
    limited = next(each for each in page["items"] if each["tenant_scope"] != "all")
    detail = (await client.get(f"{TEAM}/{limited['id']}")).json()
    assert detail["tenant_ids"] or detail["groups"]
    foreign = demo.sql(
        "SELECT u.id FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = u.partner_id"
        " WHERE p.slug <> 'northwind' LIMIT 1"
    )[0]["id"]
    for nobody in (foreign, "x"):
        answer = await client.get(f"{TEAM}/{nobody}")
        assert (answer.status_code, answer.json()["code"]) == (404, "PERSON_NOT_FOUND")


async def test_people_page_by_cursor_in_every_order(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for order in ({}, {"sort_order": "desc"}, {"sort_by": "last_active_at"}, {"sort_by": "last_active_at"} | DOWN):
        whole = (await client.get(TEAM, params=order | {"limit": 100})).json()
        assert {each["last_active_at"] is None for each in whole["items"]} == {True, False}
        page = (await client.get(TEAM, params=order | {"limit": 3})).json()
        found = page["items"]
        while page["next_cursor"]:
            page = (await client.get(TEAM, params=order | {"limit": 3, "cursor": page["next_cursor"]})).json()
            found += page["items"]
        assert found == whole["items"]
        assert (page["total"], page["offset"], page["has_more"]) == (None, None, False)
    cursor = (await client.get(TEAM, params={"limit": 1})).json()["next_cursor"]
    for params in ({"cursor": cursor, "sort_order": "desc"}, {"cursor": "x"}):
        refused = await client.get(TEAM, params=params)
        assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_a_principal_invites_shuts_out_and_lets_in_again_and_the_trail_says_so(world: World) -> None:
    client = await world.api(PRINCIPAL)
    tenant = str(world.tenant("acme-fiber"))
    limits = {"tenant_scope": "include", "tenant_ids": [tenant]}
    made = await client.post(TEAM, json=NEW | limits, headers={"Idempotency-Key": "luis"})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{TEAM}/{made.json()['id']}"
    assert (made.json()["state"], made.json()["tenant_ids"]) == ("invited", [tenant])
    assert (await client.post(TEAM, json=NEW | limits, headers={"Idempotency-Key": "luis"})).json() == made.json()
    one = f"{TEAM}/{made.json()['id']}"
    for step, state in (("deactivate", "deactivated"), ("reactivate", "lapsed")):
        answer = await client.post(f"{one}/{step}", json={"reason": "As agreed"})
        assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
    entries = (await client.get(AUDIT, params={"action": "person", "limit": 3})).json()["items"]
    assert [each["action"] for each in entries] == ["person.reactivated", "person.deactivated", "person.invited"]
    assert {each["target_id"] for each in entries} == {made.json()["id"]}


async def test_who_may_not_lead_or_has_no_fresh_factor_changes_nobody(world: World) -> None:
    before = people(world)
    one = f"{TEAM}/{next(each['id'] for each in before if each['email'] == 'technical@northwind.example')}"
    calls = ((TEAM, NEW), (f"{one}/deactivate", {"reason": "Off"}))
    for email in ("technical@northwind.example", "msp_full@northwind.example"):
        client = await world.api(email)
        for path, body in calls:
            answer = await client.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    machine, person = await software(world, await client_of(world)), await world.api(PRINCIPAL)
    for path, body in calls:
        answer = await machine.post(path, json=body)
        assert answer.status_code == 403
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'")
    for path, body in calls:
        answer = await person.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "STEP_UP_REQUIRED")
    assert people(world) == before


async def test_wrong_values_of_an_invitation_are_named_as_they_were_sent(world: World) -> None:
    client, before = await world.api(PRINCIPAL), people(world)
    for sent, pointer in (
        ({"email": "luis"}, "/email"),
        ({"email": PRINCIPAL}, "/email"),
        ({"tenant_scope": "include"}, "/tenant_ids"),
        ({"tenant_scope": "include", "tenant_ids": [str(world.unlinked("northwind"))]}, "/tenant_ids"),
        ({"roles": []}, "/roles"),
    ):
        answer = await client.post(TEAM, json=NEW | sent)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert people(world) == before


async def test_the_trail_pages_by_cursor_and_is_the_own_organisations_alone(demo: World) -> None:
    client = await demo.api("auditor@northwind.example")
    whole = (await client.get(AUDIT, params={"limit": 10})).json()
    first = (await client.get(AUDIT, params={"limit": 6})).json()
    second = (await client.get(AUDIT, params={"limit": 4, "cursor": first["next_cursor"]})).json()
    assert first["items"] + second["items"] == whole["items"]
    entry = whole["items"][0]
    assert (await client.get(f"{AUDIT}/{entry['sequence']}")).json() == entry
    own = {row["id"] for row in demo.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")}
    chains = demo.sql(
        "SELECT DISTINCT chain_id FROM portal.audit_entry WHERE event_id = ANY (%s) AND kind = 'partner'",
        [each["event_id"] for each in whole["items"]],
    )
    assert {row["chain_id"] for row in chains} == own
    for where in ("0", "x", "9" * 30):
        answer = await client.get(f"{AUDIT}/{where}")
        assert (answer.status_code, answer.json()["code"]) == (404, "AUDIT_ENTRY_NOT_FOUND")
    refused = await client.get(AUDIT, params={"cursor": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")
    blind = await (await demo.api("technical@northwind.example")).get(AUDIT)
    assert (blind.status_code, blind.json()["code"]) == (403, "FORBIDDEN")


async def test_the_trail_narrows_to_the_tenant_in_context(demo: World) -> None:
    tenant = str(demo.tenant("acme-fiber"))
    client = await demo.api(PRINCIPAL, tenant)
    items = (await client.get(AUDIT, params={"limit": 20})).json()["items"]
    assert {each["tenant_id"] for each in items} == {tenant}
    other = await client.get(AUDIT, params={"tenant_id": str(demo.tenant("blue-mesa"))})
    assert (other.status_code, other.json()["code"]) == (409, "TENANT_CONTEXT_MISMATCH")
