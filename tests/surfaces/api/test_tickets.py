"""Tickets: listed, opened, changed; the tenant's header, versions and repeated requests."""

import asyncio
import uuid
from datetime import datetime, timedelta

import httpx
import pytest

from guildhall.core import idempotency
from guildhall.core.actor import system
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
TICKETS = "/api/v1/partner/support/tickets"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def opened(world: World, **more: object) -> httpx.Response:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    return await client.post(TICKETS, json={"subject": "Packet loss", **more})


def count(world: World, subject: str) -> int:
    found: int = world.sql("SELECT count(*) AS n FROM tenancy.ticket WHERE subject = %s", subject)[0]["n"]
    return found


async def test_tickets_of_all_customers_are_listed_with_figures(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    page = (await client.get(TICKETS)).json()
    figures = page["aggregates"]
    assert set(figures) == {"open", "pending", "resolved", "sla_breach", "avg_resolution_hours"}
    closed = (await client.get(TICKETS, params={"status": "closed"})).json()
    assert page["total"] == figures["open"] + figures["pending"] + figures["resolved"] + closed["total"]
    assert closed["aggregates"] == figures, "the figures leave the status out"
    assert page["has_more"] is (page["total"] > 50)
    item = page["items"][0]
    assert {"sla_breach_at", "is_sla_breached", "last_response_at", "response_count", "created_by_partner"} <= set(item)
    tenants = {each["tenant_id"] for each in page["items"]}
    assert tenants <= {str(tenant) for tenant in demo.tenants("northwind", "live")}


async def test_lists_narrow_by_header_or_by_ids_and_both_must_agree(demo: World) -> None:
    acme, thistle = demo.tenant("acme-fiber"), demo.tenant("thistle")
    inside, outside = await demo.api(PRINCIPAL, acme), await demo.api(PRINCIPAL)
    by_header = (await inside.get(TICKETS)).json()
    by_ids = (await outside.get(TICKETS, params={"tenant_ids": str(acme)})).json()
    assert by_header == by_ids
    assert by_header["total"] > 0
    assert (await inside.get(TICKETS, params={"tenant_ids": str(acme)})).json() == by_header
    answer = await inside.get(TICKETS, params={"tenant_ids": f"{acme},{thistle}"})
    assert code(answer) == (409, "TENANT_CONTEXT_MISMATCH")
    both = (await outside.get(TICKETS, params={"tenant_ids": f"{acme},{thistle}"})).json()
    assert {item["tenant_id"] for item in both["items"]} == {str(acme), str(thistle)}


async def test_ids_of_tenants_that_are_not_open_are_refused(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for tenant, expected in {
        demo.unlinked("northwind"): (403, "TENANT_ACCESS_DENIED"),
        uuid.uuid4(): (403, "TENANT_ACCESS_DENIED"),
        demo.tenant("pinecrest"): (403, "TENANT_LINK_EXPIRED"),
        demo.tenant("silverbrook"): (403, "TENANT_LINK_PAUSED"),
        demo.tenant("maple-credit"): (403, "FORBIDDEN"),
    }.items():
        ids = f"{demo.tenant('acme-fiber')},{tenant}"
        assert code(await client.get(TICKETS, params={"tenant_ids": ids})) == expected


async def test_an_urgent_ticket_has_one_hour(world: World) -> None:
    answer = await opened(world, priority="urgent", tags=["core"], subject="Acme is down")
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{TICKETS}/{made['id']}"
    assert answer.headers["etag"] == f'"{made["version"]}"'
    clock = datetime.fromisoformat(made["sla_breach_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(clock - timedelta(hours=1)) < timedelta(seconds=5)
    assert made["created_by_partner"] is True
    assert made["created_by_partner_name"] == "Northwind Managed Services"
    assert made["tags"] == ["core"]
    client = await world.api(PRINCIPAL)
    assert (await client.get(f"{TICKETS}/{made['id']}")).json()["subject"] == "Acme is down"


@pytest.mark.parametrize("header", [None, "", "acme"])
async def test_opening_needs_a_tenant(demo: World, header: str | None) -> None:
    client = await demo.api(PRINCIPAL, header)
    answer = await client.post(TICKETS, json={"subject": "x"})
    assert code(answer) == (422, "TENANT_CONTEXT_REQUIRED")


async def test_opening_is_refused_where_the_link_does_not_allow_it(demo: World) -> None:
    for email, slug, expected in (
        (PRINCIPAL, "maple-credit", "FORBIDDEN"),
        (PRINCIPAL, "pinecrest", "TENANT_LINK_EXPIRED"),
        (PRINCIPAL, "kestrel", "TENANT_ACCESS_DENIED"),
        ("finance@northwind.example", "acme-fiber", "FORBIDDEN"),
        ("auditor@veritas.example", "acme-fiber", "FORBIDDEN"),
    ):
        client = await demo.api(email, demo.tenant(slug))
        assert code(await client.post(TICKETS, json={"subject": "Not allowed"})) == (403, expected)
    assert count(demo, "Not allowed") == 0


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/subject"]),
        ({"subject": ""}, ["/subject"]),
        ({"subject": "x" * 201}, ["/subject"]),
        ({"subject": 5, "priority": "asap", "nope": 1}, ["/nope", "/priority", "/subject"]),
        ({"subject": "a\x00b"}, ["/subject"]),
        ({"subject": "x", "tags": ["ok", "bad\x00"]}, ["/tags/1"]),
        ({"subject": "x", "tags": ["x"] * 21}, ["/tags"]),
        ({"subject": "x", "customer_id": "nobody"}, ["/customer_id"]),
        ({"subject": "x", "customer_id": str(uuid.uuid4())}, ["/customer_id"]),
        ({"subject": "x", "notify_customer": "yes"}, ["/notify_customer"]),
    ],
)
async def test_wrong_values_are_named_one_by_one(demo: World, body: dict[str, object], pointers: list[str]) -> None:
    client = await demo.api(PRINCIPAL, demo.tenant("acme-fiber"))
    answer = await client.post(TICKETS, json=body)
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers


@pytest.mark.parametrize(
    ("content", "media_type", "expected"),
    [
        (b"{", "application/json", (400, "BAD_REQUEST")),
        (b"", "application/json", (400, "BAD_REQUEST")),
        (b"\xff", "application/json", (400, "BAD_REQUEST")),
        (b"[" * 50_000, "application/json", (400, "BAD_REQUEST")),
        (b'{"subject":"\\ud800x"}', "application/json", (400, "BAD_REQUEST")),
        (b"[]", "application/json", (422, "VALIDATION_ERROR")),
        (b"subject=x", "application/x-www-form-urlencoded", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'{"subject":"x"}', "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'{"subject":"' + b"x" * 300_000 + b'"}', "application/json", (413, "PAYLOAD_TOO_LARGE")),
    ],
)
async def test_bodies_that_are_not_json_are_refused(
    demo: World, content: bytes, media_type: str, expected: tuple[int, str]
) -> None:
    client = await demo.api(PRINCIPAL, demo.tenant("acme-fiber"))
    answer = await client.post(TICKETS, content=content, headers={"Content-Type": media_type})
    assert code(answer) == expected


async def test_what_is_not_there_is_a_problem_too(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    assert code(await client.get("/api/v1/partner/nothing")) == (404, "NOT_FOUND")
    assert code(await client.get("/")) == (404, "NOT_FOUND")
    answer = await client.delete(TICKETS)
    assert code(answer) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]
    assert code(await client.get(TICKETS, headers={"Accept": "text/html"})) == (406, "NOT_ACCEPTABLE")
    for accepted in ("*/*", "application/*", "text/html, application/json;q=0.5", "application/problem+json"):
        assert (await client.get(TICKETS, headers={"Accept": accepted})).status_code == 200
    for ticket in (
        "x",
        uuid.uuid4(),
        demo.sql("SELECT id FROM tenancy.ticket WHERE tenant_id = %s LIMIT 1", demo.unlinked("northwind"))[0]["id"],
    ):
        assert code(await client.get(f"{TICKETS}/{ticket}")) == (404, "TICKET_NOT_FOUND")


async def test_a_ticket_is_changed_only_as_it_was_read(world: World) -> None:
    made = (await opened(world)).json()
    path = f"{TICKETS}/{made['id']}"
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    change = {"status": "pending", "comment": {"content": "Waiting for a part"}}
    assert code(await client.patch(path, json=change)) == (428, "PRECONDITION_REQUIRED")
    for wrong in ('"999"', 'W/"1"', "garbage", '"x"'):
        answer = await client.patch(path, json=change, headers={"If-Match": wrong})
        assert code(answer) == (412, "PRECONDITION_FAILED")
    tag = (await client.get(path)).headers["etag"]
    answer = await client.patch(path, json=change, headers={"If-Match": f'"777", {tag}'})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "pending"
    assert [comment["content"] for comment in answer.json()["comments"]] == ["Waiting for a part"]
    assert answer.headers["etag"] != tag
    again = await client.patch(path, json={"priority": "high"}, headers={"If-Match": tag})
    assert code(again) == (412, "PRECONDITION_FAILED")
    assert (await client.patch(path, json={"priority": "high"}, headers={"If-Match": "*"})).json()["priority"] == "high"


async def test_changing_a_ticket_needs_its_own_tenant_in_the_header(world: World) -> None:
    made = (await opened(world)).json()
    path, match = f"{TICKETS}/{made['id']}", {"If-Match": "*"}
    for header, expected in {
        None: (422, "TENANT_CONTEXT_REQUIRED"),
        "acme": (422, "TENANT_CONTEXT_REQUIRED"),
        world.tenant("thistle"): (404, "TICKET_NOT_FOUND"),
        world.unlinked("northwind"): (403, "TENANT_ACCESS_DENIED"),
    }.items():
        client = await world.api(PRINCIPAL, header)
        assert code(await client.patch(path, json={"status": "closed"}, headers=match)) == expected
    inside = await world.api(PRINCIPAL, world.tenant("thistle"))
    assert code(await inside.get(path)) == (404, "TICKET_NOT_FOUND")


async def test_a_link_may_allow_comments_and_not_changes(world: World) -> None:
    tenant = world.tenant("prairie-link")
    client = await world.api(PRINCIPAL, tenant)
    made = (await client.post(TICKETS, json={"subject": "No uplink"})).json()
    path, match = f"{TICKETS}/{made['id']}", {"If-Match": "*"}
    assert code(await client.patch(path, json={"status": "closed"}, headers=match)) == (403, "FORBIDDEN")
    answer = await client.patch(path, json={"comment": {"content": "On it"}}, headers=match)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "open"


async def test_revoking_a_link_binds_on_the_next_request(world: World) -> None:
    tenant = world.tenant("acme-fiber")
    client = await world.api(PRINCIPAL, tenant)
    assert (await client.get(TICKETS)).status_code == 200
    world.sql(
        "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s AND partner_id ="
        " (SELECT id FROM portal.partner WHERE slug = 'northwind')",
        tenant,
    )
    assert code(await client.get(TICKETS)) == (403, "TENANT_ACCESS_DENIED")


async def test_a_repeated_request_is_carried_out_once(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    headers = {"Idempotency-Key": "k-1"}
    first = await client.post(TICKETS, json={"subject": "Once only"}, headers=headers)
    again = await client.post(TICKETS, json={"subject": "Once only"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert count(world, "Once only") == 1
    other = await client.post(TICKETS, json={"subject": "Something else"}, headers=headers)
    assert code(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = await world.api(PRINCIPAL, world.tenant("thistle"))
    answer = await elsewhere.post(TICKETS, json={"subject": "Once only"}, headers=headers)
    assert code(answer) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_replay_passes_the_gates_again(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    headers = {"Idempotency-Key": "k-1"}
    assert (await client.post(TICKETS, json={"subject": "x"}, headers=headers)).status_code == 201
    world.sql(
        "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s", world.tenant("acme-fiber")
    )
    answer = await client.post(TICKETS, json={"subject": "x"}, headers=headers)
    assert code(answer) == (403, "TENANT_ACCESS_DENIED")


async def test_equal_requests_at_the_same_moment_act_once(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    headers = {"Idempotency-Key": "race"}
    answers = await asyncio.gather(
        *(client.post(TICKETS, json={"subject": "Raced"}, headers=headers) for _ in range(8))
    )
    kinds = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert (201, None) in kinds
    assert kinds <= {(201, None), (409, "IDEMPOTENCY_IN_PROGRESS")}
    assert count(world, "Raced") == 1


async def test_a_key_is_each_persons_own_and_ends_after_a_day(world: World) -> None:
    headers = {"Idempotency-Key": "shared"}
    for email in (PRINCIPAL, "technical@northwind.example"):
        client = await world.api(email, world.tenant("acme-fiber"))
        assert (await client.post(TICKETS, json={"subject": "Mine"}, headers=headers)).status_code == 201
    assert count(world, "Mine") == 2
    world.sql("UPDATE portal.idempotency_key SET expires_at = now() - interval '1 second'")
    assert (await client.post(TICKETS, json={"subject": "Mine"}, headers=headers)).status_code == 201
    assert count(world, "Mine") == 3
    world.sql("UPDATE portal.idempotency_key SET expires_at = now() - interval '1 second'")
    await idempotency.forget(system("keys"))
    assert world.sql("SELECT count(*) AS n FROM portal.idempotency_key")[0]["n"] == 0


async def test_a_refused_act_keeps_its_answer_and_faults_keep_nothing(world: World) -> None:
    client = await world.api(PRINCIPAL, world.tenant("acme-fiber"))
    headers = {"Idempotency-Key": "wrong"}
    first = await client.post(TICKETS, json={"subject": ""}, headers=headers)
    again = await client.post(TICKETS, json={"subject": ""}, headers=headers)
    assert first.status_code == again.status_code == 422
    assert first.content == again.content
    malformed = await client.post(
        TICKETS, content=b"{", headers={**headers, "Content-Type": "application/json", "Idempotency-Key": "m"}
    )
    assert code(malformed) == (400, "BAD_REQUEST")
    assert world.sql("SELECT count(*) AS n FROM portal.idempotency_key")[0]["n"] == 1
    for key in ("", "x" * 256, "a b"):
        answer = await client.post(TICKETS, json={"subject": "x"}, headers={"Idempotency-Key": key})
        assert code(answer) == (422, "VALIDATION_ERROR")


async def test_times_out_of_reach_are_refused(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for value in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00", "yesterday"):
        answer = await client.get(TICKETS, params={"created_from": value})
        assert code(answer) == (422, "VALIDATION_ERROR")
    page = (await client.get(TICKETS, params={"created_from": "2026-01-01T00:00:00Z", "breached": "true"})).json()
    assert all(item["is_sla_breached"] for item in page["items"])
