"""Webhooks in the API: read, tested and replayed by software; opened by a person whose code is fresh."""

import pytest

from guildhall.domain.access.states import STATES
from guildhall.domain.webhooks.events import KINDS, LINK_STATES
from support_clients import EVERYTHING, client_of, software
from support_world import World

pytestmark = pytest.mark.anyio
PATH = "/api/v1/partner/webhooks"
PRINCIPAL = "principal@northwind.example"
NEW = {"url": "https://hooks.example.com/in", "events": ["partner.link.*"], "description": "Desk"}


async def test_a_person_adds_changes_and_rotates_and_every_secret_comes_once(world: World) -> None:
    api = await world.api(PRINCIPAL)
    made = await api.post(PATH, json=NEW)
    assert made.status_code == 201, made.text
    webhook = made.json()["webhook"]
    assert made.json()["secret"].startswith("whsec_")
    one = f"{PATH}/{webhook['id']}"
    read = await api.get(one)
    assert made.json()["secret"] not in read.text
    changed = await api.patch(one, json={"description": "Two"}, headers={"If-Match": read.headers["etag"]})
    assert changed.json()["description"] == "Two"
    stale = await api.patch(one, json={"description": "Three"}, headers={"If-Match": read.headers["etag"]})
    assert stale.status_code == 412
    rotated = await api.post(f"{one}/rotate", json={"overlap_hours": 24})
    assert len(rotated.json()["webhook"]["secrets"]) == 2
    assert rotated.json()["secret"] != made.json()["secret"]
    tested = await api.post(f"{one}/test")
    assert tested.status_code == 202
    log = (await api.get(f"{one}/deliveries", params={"status": "waiting"})).json()
    assert [item["kind"] for item in log["items"]] == ["webhook.test"]
    detail = (await api.get(f"{one}/deliveries/{log['items'][0]['id']}")).json()
    assert detail["body"] == "", "what was not sent yet is not shown"
    assert (await api.post(f"{one}/disable")).json()["state"] == "disabled"
    again = await api.post(f"{one}/replay", json={"since": "2026-01-01T00:00:00Z"})
    assert again.status_code == 409
    refused = await api.post(PATH, json={**NEW, "url": "https://127.0.0.1/"})
    assert refused.status_code == 422


async def test_a_repeated_request_adds_one_endpoint_and_shows_its_secret_no_more(world: World) -> None:
    api = await world.api(PRINCIPAL)
    headers = {"Idempotency-Key": "hook-1"}
    first = await api.post(PATH, json=NEW, headers=headers)
    again = await api.post(PATH, json=NEW, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json() == {**first.json(), "secret": None}
    assert again.headers["idempotency-replayed"] == "true"
    other = await api.post(PATH, json={**NEW, "description": "Another"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    known = "SELECT count(*) AS n FROM portal.webhook_endpoint WHERE url = %s"
    assert world.sql(known, NEW["url"])[0]["n"] == 1
    await api.post(PATH, json=NEW)
    assert world.sql(known, NEW["url"])[0]["n"] == 2, "without a key each request is one of its own"


async def test_a_repeated_rotation_makes_one_secret_and_none_is_kept_in_clear(world: World) -> None:
    api = await world.api(PRINCIPAL)
    made = (await api.post(PATH, json=NEW, headers={"Idempotency-Key": "hook-1"})).json()
    rotate, headers = f"{PATH}/{made['webhook']['id']}/rotate", {"Idempotency-Key": "rotate-1"}
    first = (await api.post(rotate, json={}, headers=headers)).json()
    again = (await api.post(rotate, json={}, headers=headers)).json()
    assert first["secret"].startswith("whsec_")
    assert again == {**first, "secret": None}
    assert len(again["webhook"]["secrets"]) == 2
    other = await api.post(rotate, json={"overlap_hours": 0}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    kept = [bytes(row["body"]).decode() for row in world.sql("SELECT body FROM portal.idempotency_key")]
    assert len(kept) == 2
    assert not any(secret in body for secret in (made["secret"], first["secret"]) for body in kept)


async def test_a_key_that_was_refused_for_want_of_a_fresh_code_is_free_again(world: World) -> None:
    api = await world.api(PRINCIPAL)
    headers = {"Idempotency-Key": "hook-1"}
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '1 hour'")
    refused = await api.post(PATH, json=NEW, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "STEP_UP_REQUIRED")
    world.sql("UPDATE portal.partner_session SET factor_at = now()")
    made = await api.post(PATH, json=NEW, headers=headers)
    assert made.json()["secret"].startswith("whsec_"), made.text


async def test_software_opens_no_way_out_and_a_limited_one_sees_no_endpoint(world: World) -> None:
    known = world.sql("SELECT id FROM portal.webhook_endpoint WHERE status = 'active' ORDER BY id")[0]["id"]
    before = world.sql("SELECT count(*) AS n FROM portal.webhook_endpoint")
    api = await software(world, await client_of(world))
    assert (await api.get(f"{PATH}/{known}")).status_code == 200
    for path, body in ((PATH, NEW), (f"{PATH}/{known}/rotate", {})):
        answer = await api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "STEP_UP_REQUIRED")
    assert (await api.post(f"{PATH}/{known}/test")).status_code == 202
    tenant_ids = frozenset({world.tenant("acme-fiber")})
    limited = await client_of(world, scopes=EVERYTHING, tenant_scope="include", tenant_ids=tenant_ids, name="Small")
    narrow = await software(world, limited)
    for path in (PATH, f"{PATH}/{known}"):
        assert (await narrow.get(path)).status_code == 403
    assert world.sql("SELECT count(*) AS n FROM portal.webhook_endpoint") == before


async def test_the_log_pages_by_cursor(demo: World) -> None:
    api = await demo.api(PRINCIPAL)
    endpoint = demo.sql(
        "SELECT endpoint_id AS id FROM portal.webhook_delivery GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )[0]["id"]
    log = f"{PATH}/{endpoint}/deliveries"
    whole = (await api.get(log, params={"limit": 100})).json()
    assert whole["total"] == len(whole["items"]) > 2
    assert (await api.get(log, params={"offset": 1000})).json()["total"] == whole["total"]
    page = (await api.get(log, params={"limit": 2})).json()
    found = page["items"]
    while page["next_cursor"]:
        page = (await api.get(log, params={"limit": 2, "cursor": page["next_cursor"]})).json()
        found += page["items"]
    assert found == whole["items"]
    refused = await api.get(log, params={"cursor": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_endpoints_page_by_cursor_and_are_counted_past_the_end(demo: World) -> None:
    api = await demo.api(PRINCIPAL)
    whole = (await api.get(PATH)).json()
    assert whole["total"] == len(whole["items"]) > 2
    assert (await api.get(PATH, params={"offset": 1000})).json()["total"] == whole["total"]
    page = (await api.get(PATH, params={"limit": 1})).json()
    found = page["items"]
    while page["next_cursor"]:
        page = (await api.get(PATH, params={"limit": 1, "cursor": page["next_cursor"]})).json()
        found += page["items"]
    assert found == whole["items"]
    assert (page["total"], page["offset"], page["has_more"]) == (None, None, False)
    refused = await api.get(PATH, params={"cursor": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_another_partners_endpoint_is_not_found(demo: World) -> None:
    known = demo.sql("SELECT id FROM portal.webhook_endpoint ORDER BY id")[0]["id"]
    api = await demo.api("principal@alderfinch.example")
    for answer in (await api.get(f"{PATH}/{known}"), await api.post(f"{PATH}/{known}/disable")):
        assert (answer.status_code, answer.json()["code"]) == (404, "WEBHOOK_NOT_FOUND")
    assert (await api.get(PATH)).json()["items"] == []


async def test_every_event_is_in_the_document_and_every_state_of_a_link_is_an_event(demo: World) -> None:
    document = (await demo.client("api").get("/api/v1/openapi.json")).json()
    assert document["webhooks"].keys() == KINDS.keys()
    assert LINK_STATES.keys() == set(STATES)
    assert {f"partner.link.{state}" for state in STATES} < KINDS.keys()
