"""Links: every state listed, asked for without telling who exists, changed as they were read."""

import base64
import json
import uuid

import httpx
import pytest

from guildhall.core import crypto
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
LINKS = "/api/v1/partner/links"
TERMS = {"access_role": "msp_support", "operating_model": "co_managed", "ends_at": "2027-10-01T00:00:00Z"}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def by_domain(client: httpx.AsyncClient) -> dict[str, dict[str, object]]:
    items = (await client.get(LINKS, params={"limit": 100})).json()["items"]
    return {item["tenant_domain"].split(".")[0]: item for item in items}


async def test_links_in_every_state_are_listed_and_names_only_when_known(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    page = (await client.get(LINKS, params={"limit": 100})).json()
    assert page["total"] == len(page["items"]) == 29
    statuses = {item["status"] for item in page["items"]}
    assert {"active", "expiring", "expired", "paused", "requested", "declined", "revoked"} <= statuses
    for item in page["items"]:
        assert (item["tenant_name"] is None) is (item["tenant_id"] is None)
        if item["status"] == "requested":
            assert item["tenant_id"] is None
    one = (await client.get(LINKS, params={"status": "paused,expired", "sort_by": "tenant_name"})).json()
    assert {item["status"] for item in one["items"]} == {"paused", "expired"}


async def test_links_are_paged(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    seen: list[str] = []
    for offset in (0, 10, 20):
        page = (await client.get(LINKS, params={"limit": 10, "offset": offset, "sort_by": "ends_at"})).json()
        seen += [item["id"] for item in page["items"]]
        assert page["has_more"] is (offset < 20)
    assert len(set(seen)) == 29


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "ends_at", "status", "tenant_name"])
async def test_a_walk_by_cursor_brings_each_link_once_and_in_order(demo: World, sort: str, order: str) -> None:
    client = await demo.api(PRINCIPAL)
    asked = {"sort_by": sort, "sort_order": order}
    whole = [item["id"] for item in (await client.get(LINKS, params={**asked, "limit": 100})).json()["items"]]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(LINKS, params={**asked, "limit": 4, "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        assert (page["total"], page["offset"]) == ((None, None) if cursor else (29, 0))
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert seen == whole


async def test_links_added_during_a_walk_double_and_drop_nothing(world: World) -> None:
    client = await world.api(PRINCIPAL)
    before = {item["id"] for item in (await client.get(LINKS, params={"limit": 100})).json()["items"]}
    seen: list[str] = []
    cursor, number = "", 0
    while number == 0 or cursor:
        page = (await client.get(LINKS, params={"limit": 10, "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor, number = page["next_cursor"], number + 1
        domain = f"added-{number}.example"
        asked = await client.post(LINKS, json={"domain": domain, "approver_email": f"admin@{domain}", **TERMS})
        assert asked.status_code == 202
    assert len(seen) == len(set(seen))
    assert set(seen) == before


async def test_a_cursor_keeps_to_the_filter_and_to_the_own_links(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    page = (await client.get(LINKS, params={"status": "active", "limit": 3})).json()
    rest = (await client.get(LINKS, params={"status": "active", "limit": 100, "cursor": page["next_cursor"]})).json()
    assert {item["status"] for item in rest["items"]} == {"active"}
    other = await demo.api("principal@alderfinch.example")
    mine = {item["id"] for item in (await other.get(LINKS, params={"limit": 100})).json()["items"]}
    theirs = (await other.get(LINKS, params={"limit": 100, "cursor": page["next_cursor"]})).json()
    assert theirs["items"]
    assert {item["id"] for item in theirs["items"]} <= mine


def placed(**place: object) -> str:
    """Return a cursor as its list would make it."""
    whole = {
        "sort_by": "created_at",
        "sort_order": "desc",
        "value": "2026-01-01T00:00:00+00:00",
        "id": str(uuid.uuid4()),
    }
    return base64.urlsafe_b64encode(json.dumps(whole | place).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("abc", "%%%", "é", "x" * 300, "bm90IGpzb24"),
        placed(sort_by="ends_at"),
        placed(sort_order="asc"),
        placed(value=None),
        placed(value="tomorrow"),
        placed(value="2026-01-01T00:00:00"),
        placed(value=5),
        placed(id="x"),
    ],
)
async def test_a_cursor_of_another_list_or_order_is_refused(demo: World, cursor: str) -> None:
    client = await demo.api(PRINCIPAL)
    answer = await client.get(LINKS, params={"cursor": cursor})
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/cursor"]


async def test_cursors_of_customers_and_tickets_are_not_cursors_of_links(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for path in ("/api/v1/partner/customers", "/api/v1/partner/support/tickets"):
        page = (await client.get(path, params={"limit": 1, "sort_by": "created_at", "sort_order": "asc"})).json()
        answer = await client.get(LINKS, params={"cursor": page["next_cursor"]})
        assert code(answer) == (422, "VALIDATION_ERROR")


async def test_a_value_with_nul_in_a_cursor_is_refused(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    cursor = placed(sort_by="tenant_name", value="a\x00")
    answer = await client.get(LINKS, params={"cursor": cursor, "sort_by": "tenant_name"})
    assert code(answer) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(("path", "sort"), [(LINKS, "tenant_name"), ("/api/v1/partner/customers", "name")])
async def test_a_cursor_holds_the_longest_name_in_any_script(world: World, path: str, sort: str) -> None:
    name, tenant = "Ж" * 200, world.tenant("acme-fiber")
    world.sql("UPDATE tenancy.tenant SET name = %s WHERE id = %s", name, tenant)
    world.sql("UPDATE portal.partner_tenant_link SET tenant_name = %s WHERE tenant_id = %s", name, tenant)
    client = await world.api(PRINCIPAL)
    asked = {"sort_by": sort, "sort_order": "desc"}
    whole = (await client.get(path, params={**asked, "limit": 100})).json()["items"]
    first = (await client.get(path, params={**asked, "limit": 1})).json()
    assert [item[sort] for item in first["items"]] == [name]
    assert len(first["next_cursor"]) > 500
    rest = await client.get(path, params={**asked, "limit": 100, "cursor": first["next_cursor"]})
    assert rest.status_code == 200
    assert first["items"] + rest.json()["items"] == whole


async def test_a_link_of_another_partner_does_not_exist(demo: World) -> None:
    foreign = demo.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'veritas' LIMIT 1"
    )[0]["id"]
    client = await demo.api(PRINCIPAL)
    for link in (foreign, uuid.uuid4(), "x"):
        assert code(await client.get(f"{LINKS}/{link}")) == (404, "LINK_NOT_FOUND")
        for step in ("withdraw", "accept", "end"):
            assert code(await client.post(f"{LINKS}/{link}/{step}")) == (404, "LINK_NOT_FOUND")
        answer = await client.patch(f"{LINKS}/{link}", json={}, headers={"If-Match": "*"})
        assert code(answer) == (404, "LINK_NOT_FOUND")


async def test_asking_by_domain_never_tells_who_exists(world: World) -> None:
    client = await world.api("principal@alderfinch.example")
    known = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("alderfinch"))[0]["domain"]
    answers = []
    for domain in (known, "nobody-at-all.example"):
        body = {"domain": domain, "approver_email": f"admin@{domain}", **TERMS}
        answers.append(await client.post(LINKS, json=body))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["link"] is None
    mine = await by_domain(client)
    for domain in (known, "nobody-at-all.example"):
        made = mine[domain.split(".")[0]]
        assert (made["status"], made["tenant_id"], made["tenant_name"]) == ("requested", None, None)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/access_role", "/operating_model"]),
        (TERMS, ["/approver_email", "/domain"]),
        ({**TERMS, "domain": "a.example"}, ["/approver_email"]),
        ({**TERMS, "domain": "nodot", "approver_email": "x"}, ["/approver_email", "/domain"]),
        ({**TERMS, "code": "AAAA-BBBB-CCCC", "domain": "a.example"}, ["/code"]),
        ({**TERMS, "code": "AAAA-BBBB-CCCC"}, ["/code"]),
        ({**TERMS, "code": "A", "custom_permissions": {"nope.*": True}}, ["/custom_permissions/nope.*"]),
        ({**TERMS, "code": "A", "access_role": "msp_full", "ends_at": None}, ["/ends_at"]),
        ({**TERMS, "code": "A", "ends_at": "2027-10-01"}, ["/ends_at"]),
        ({**TERMS, "code": "A\x00"}, ["/code"]),
        ({**TERMS, "code": "A", "custom_permissions": {"partner.billing.*": "yes"}}, None),
    ],
)
async def test_wrong_requests_name_what_is_wrong(
    demo: World, body: dict[str, object], pointers: list[str] | None
) -> None:
    client = await demo.api(PRINCIPAL)
    answer = await client.post(LINKS, json=body)
    assert code(answer) == (422, "VALIDATION_ERROR"), answer.text
    found = sorted(error["pointer"] for error in answer.json()["errors"])
    assert found == pointers if pointers else found[0].startswith("/custom_permissions")


async def test_asking_by_code_names_the_customer(world: World) -> None:
    tenant = world.unlinked("northwind")
    world.sql(
        "INSERT INTO tenancy.link_code (id, tenant_id, code_hash, created_by, expires_at)"
        " SELECT %s, %s, %s, id, now() + interval '1 day' FROM tenancy.customer_user LIMIT 1 RETURNING id",
        uuid.uuid4(),
        tenant,
        crypto.token_hash("ABCD2345WXYZ"),
    )
    client = await world.api(PRINCIPAL)
    made = await client.post(LINKS, json={**TERMS, "code": "abcd-2345-wxyz"})
    assert made.status_code == 202, made.text
    assert made.json()["link"]["tenant_id"] == str(tenant)
    assert made.json()["link"]["tenant_name"]
    again = await client.post(LINKS, json={**TERMS, "code": "abcd-2345-wxyz"})
    assert code(again) == (409, "CONFLICT")


async def test_narrowing_holds_at_once_and_more_is_only_asked(world: World) -> None:
    client = await world.api(PRINCIPAL)
    link = (await by_domain(client))["acme-fiber"]
    path = f"{LINKS}/{link['id']}"
    tag = (await client.get(path)).headers["etag"]
    less = {"operating_model": "customer_managed", "reason": "Not needed"}
    assert code(await client.patch(path, json=less)) == (428, "PRECONDITION_REQUIRED")
    assert code(await client.patch(path, json=less, headers={"If-Match": '"99"'})) == (412, "PRECONDITION_FAILED")
    answer = await client.patch(path, json=less, headers={"If-Match": tag})
    assert answer.json()["outcome"] == "narrowed", answer.text
    assert answer.json()["link"]["operating_model"] == "customer_managed"
    assert answer.headers["etag"] != tag
    more = {"operating_model": "fully_managed"}
    assert code(await client.patch(path, json=more, headers={"If-Match": tag})) == (412, "PRECONDITION_FAILED")
    answer = await client.patch(path, json=more, headers={"If-Match": answer.headers["etag"]})
    assert answer.json()["outcome"] == "asked", answer.text
    assert answer.json()["link"]["operating_model"] == "customer_managed"
    assert answer.json()["link"]["offers"][0]["operating_model"] == "fully_managed"
    answer = await client.post(f"{path}/withdraw")
    assert answer.json()["offers"][0]["status"] == "withdrawn", answer.text


async def test_a_later_end_is_asked_and_an_earlier_one_is_no_extension(world: World) -> None:
    client = await world.api(PRINCIPAL)
    link = (await by_domain(client))["lakeshore"]
    path = f"{LINKS}/{link['id']}/extend"
    answer = await client.post(path, json={"ends_at": "2026-01-01T00:00:00Z"})
    assert code(answer) == (422, "VALIDATION_ERROR")
    answer = await client.post(path, json={"ends_at": "2027-06-01T00:00:00Z", "reason": "Renewed"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["ends_at"] == link["ends_at"]
    assert answer.json()["offers"][0]["ends_at"] == "2027-06-01T00:00:00Z"
    assert code(await client.post(path, json={"ends_at": "2027-07-01T00:00:00Z"})) == (409, "CONFLICT")


async def test_ending_a_link_is_done_once_and_shuts_it(world: World) -> None:
    client = await world.api(PRINCIPAL)
    link = (await by_domain(client))["harborline"]
    path, key = f"{LINKS}/{link['id']}/end", {"Idempotency-Key": "end-1"}
    first = await client.post(path, json={"reason": "Contract over"}, headers=key)
    assert (first.status_code, first.json()["status"]) == (200, "ended")
    again = await client.post(path, json={"reason": "Contract over"}, headers=key)
    assert again.content == first.content
    assert code(await client.post(path)) == (409, "CONFLICT")
    inside = await world.api(PRINCIPAL, world.tenant("harborline"))
    assert code(await inside.get("/api/v1/partner/customers")) == (403, "TENANT_ACCESS_DENIED")


async def test_a_counter_offer_is_accepted_as_it_was_made(world: World) -> None:
    client = await world.api("principal@alderfinch.example")
    link = (await by_domain(client))["fairhaven"]
    answer = await client.post(f"{LINKS}/{link['id']}/accept")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] in {"active", "expiring", "scheduled"}
    assert code(await client.post(f"{LINKS}/{link['id']}/accept")) == (409, "CONFLICT")


async def test_a_request_is_withdrawn(world: World) -> None:
    client = await world.api(PRINCIPAL)
    link = (await by_domain(client))["kestrel"]
    assert (await client.post(f"{LINKS}/{link['id']}/withdraw")).json()["status"] == "withdrawn"


async def test_only_those_who_may_ask_or_end(demo: World) -> None:
    client = await demo.api("technical@northwind.example")
    link = (await by_domain(client))["acme-fiber"]
    assert code(await client.post(LINKS, json=TERMS)) == (403, "FORBIDDEN")
    assert code(await client.post(f"{LINKS}/{link['id']}/end")) == (403, "FORBIDDEN")
    assert code(await client.patch(f"{LINKS}/{link['id']}", json={})) == (403, "FORBIDDEN")


async def test_the_context_must_be_the_links_own_tenant(demo: World) -> None:
    outside = await demo.api(PRINCIPAL)
    acme = (await by_domain(outside))["acme-fiber"]
    client = await demo.api(PRINCIPAL, demo.tenant("thistle"))
    assert code(await client.get(f"{LINKS}/{acme['id']}")) == (404, "LINK_NOT_FOUND")
    page = (await client.get(LINKS)).json()
    assert [item["tenant_id"] for item in page["items"]] == [str(demo.tenant("thistle"))]
