"""Customers: what is listed, narrowed, hidden and refused."""

import json
import re
import uuid
from typing import Any

import httpx
import pytest

from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
CUSTOMERS = "/api/v1/partner/customers"
VARYING = re.compile(r'"(request_id|timestamp|instance)":"[^"]*"')


def masked(answer: httpx.Response, sent: object) -> tuple[int, str]:
    """Return an answer without what may differ between two that are the same (BOUNDARY §3)."""
    return answer.status_code, VARYING.sub("", answer.text.replace(str(sent), "-"))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_all_live_customers_are_listed_with_their_figures(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    answer = await client.get(CUSTOMERS)
    page = answer.json()
    assert answer.status_code == 200
    assert (page["total"], len(page["items"]), page["has_more"], page["next_cursor"]) == (24, 24, False, None)
    assert {item["tenant_id"] for item in page["items"]} == set(map(str, demo.tenants("northwind", "live")))
    item = next(each for each in page["items"] if each["slug"] == "acme-fiber")
    assert set(item) == {
        *("tenant_id", "name", "slug", "domain", "status", "plan_type", "relationship", "metrics", "billing"),
        *("created_at", "updated_at"),
    }
    balance = item["metrics"]["outstanding_balance"]
    assert re.fullmatch(r"\d+\.\d\d", balance["amount"])
    assert balance["currency"] == "USD"
    assert item["metrics"]["total_subscribers"] > 0
    assert item["billing"]["current_mrr"]["amount"]
    assert item["relationship"]["operating_model"] == "co_managed"
    assert [each["slug"] for each in page["items"] if each["relationship"]["status"] == "expiring"] == ["lakeshore"]


async def test_what_a_link_does_not_open_is_null_and_not_zero(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    items = {each["slug"]: each for each in (await client.get(CUSTOMERS)).json()["items"]}
    assert items["maple-credit"]["metrics"]["open_tickets"] is None
    assert items["maple-credit"]["metrics"]["outstanding_balance"] is not None
    assert items["northgate"]["billing"] is None
    assert items["northgate"]["metrics"]["outstanding_balance"] is None
    assert items["northgate"]["metrics"]["open_tickets"] is not None


async def test_pages_by_offset_and_by_cursor_bring_each_customer_once(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for sort in ("name", "created_at", "outstanding_balance"):
        by_offset: list[str] = []
        for offset in (0, 10, 20):
            page = (await client.get(CUSTOMERS, params={"limit": 10, "offset": offset, "sort_by": sort})).json()
            by_offset += [item["slug"] for item in page["items"]]
            assert page["has_more"] is (offset < 20)
        by_cursor, cursor = [], ""
        while True:
            page = (await client.get(CUSTOMERS, params={"limit": 7, "cursor": cursor, "sort_by": sort})).json()
            by_cursor += [item["slug"] for item in page["items"]]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        assert by_cursor == by_offset
        assert len(set(by_offset)) == 24


async def test_filters_search_and_order(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    page = (await client.get(CUSTOMERS, params={"operating_model": "fully_managed,customer_managed"})).json()
    assert page["total"] == 10
    page = (await client.get(CUSTOMERS, params={"search": "ACME", "sort_order": "desc"})).json()
    assert [item["slug"] for item in page["items"]] == ["acme-fiber"]
    assert (await client.get(CUSTOMERS, params={"search": "%"})).json()["total"] == 0


async def test_the_header_narrows_a_list(demo: World) -> None:
    acme = demo.tenant("acme-fiber")
    client = await demo.api(PRINCIPAL, acme)
    page = (await client.get(CUSTOMERS)).json()
    assert [item["tenant_id"] for item in page["items"]] == [str(acme)]


async def test_a_header_that_names_no_live_link_is_refused_on_every_read(demo: World) -> None:
    named = {
        "unlinked": (demo.unlinked("northwind"), "TENANT_ACCESS_DENIED"),
        "random": (uuid.uuid4(), "TENANT_ACCESS_DENIED"),
        "nil": (uuid.UUID(int=0), "TENANT_ACCESS_DENIED"),
        "malformed": ("acme", "TENANT_ACCESS_DENIED"),
        "empty": ("", "TENANT_ACCESS_DENIED"),
        "expired": (demo.tenant("pinecrest"), "TENANT_LINK_EXPIRED"),
        "paused": (demo.tenant("silverbrook"), "TENANT_LINK_PAUSED"),
        "requested": (demo.tenant("kestrel"), "TENANT_ACCESS_DENIED"),
        "revoked": (demo.tenant("juniper-foods"), "TENANT_ACCESS_DENIED"),
    }
    for path in (CUSTOMERS, "/api/v1/partner/support/tickets", "/api/v1/partner/links", "/api/v1/auth/me"):
        answers = {name: await (await demo.api(PRINCIPAL, tenant)).get(path) for name, (tenant, _) in named.items()}
        assert {name: code(answer) for name, answer in answers.items()} == {
            name: (403, expected) for name, (_, expected) in named.items()
        }
        same = [masked(answers[name], named[name][0]) for name in ("unlinked", "random", "revoked")]
        assert len(set(same)) == 1


async def test_a_path_that_names_no_live_link_is_one_that_does_not_exist(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    ids = [demo.unlinked("northwind"), uuid.uuid4(), demo.tenant("kestrel"), demo.tenant("juniper-foods"), "acme"]
    answers = [masked(await client.get(f"{CUSTOMERS}/{each}"), each) for each in ids]
    assert len(set(answers)) == 1
    assert answers[0][0] == 404
    assert '"code":"TENANT_NOT_FOUND"' in answers[0][1]
    assert code(await client.get(f"{CUSTOMERS}/{demo.tenant('pinecrest')}")) == (403, "TENANT_LINK_EXPIRED")
    assert code(await client.get(f"{CUSTOMERS}/{demo.tenant('silverbrook')}")) == (403, "TENANT_LINK_PAUSED")


async def test_a_path_and_a_header_that_differ_are_a_mismatch(demo: World) -> None:
    acme, thistle = demo.tenant("acme-fiber"), demo.tenant("thistle")
    for header in (thistle, "acme"):
        client = await demo.api(PRINCIPAL, header)
        assert code(await client.get(f"{CUSTOMERS}/{acme}")) == (409, "TENANT_CONTEXT_MISMATCH")
    client = await demo.api(PRINCIPAL, str(acme).upper())
    assert (await client.get(f"{CUSTOMERS}/{acme}")).status_code == 200


async def test_one_customer_in_full_and_posture_only_where_it_is_shared(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    acme = (await client.get(f"{CUSTOMERS}/{demo.tenant('acme-fiber')}")).json()
    assert 0 <= acme["posture"]["score"] <= 100
    assert acme["subscription"]["mrr"]["currency"] == "USD"
    assert {"users", "users_max", "uptime_percentage_30d", "open_tickets"} <= set(acme["metrics"])
    assert "partner.posture.read" in acme["effective_permissions"]
    thistle = (await client.get(f"{CUSTOMERS}/{demo.tenant('thistle')}")).json()
    assert thistle["relationship"]["operating_model"] == "customer_managed"
    assert thistle["posture"] is None
    assert thistle["subscription"] is not None


def amounts(value: Any) -> list[Any]:
    """Return every amount anywhere in an answer."""
    if isinstance(value, dict):
        own = [value["amount"]] if "amount" in value else []
        return own + [found for each in value.values() for found in amounts(each)]
    return [found for each in value for found in amounts(each)] if isinstance(value, list) else []


async def test_the_money_blind_see_no_amount_anywhere(demo: World) -> None:
    blind = await demo.api("technical@northwind.example")
    page = (await blind.get(CUSTOMERS)).json()
    assert page["total"] == 24
    one = (await blind.get(f"{CUSTOMERS}/{demo.tenant('acme-fiber')}")).json()
    assert one["slug"] == "acme-fiber"
    assert amounts(page) == amounts(one) == []
    assert code(await blind.get(CUSTOMERS, params={"sort_by": "outstanding_balance"})) == (403, "FORBIDDEN")
    seeing = await demo.api(PRINCIPAL)
    assert amounts((await seeing.get(CUSTOMERS)).json())


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("color=red", ["/query/color"]),
        ("status=open&limit=0&offset=-1", ["/query/limit", "/query/offset", "/query/status"]),
        ("status=active,nope", ["/query/status"]),
        ("status=", ["/query/status"]),
        ("limit=101", ["/query/limit"]),
        ("limit=ten", ["/query/limit"]),
        ("limit=10&limit=20", ["/query/limit"]),
        ("sort_by=money&sort_order=up", ["/query/sort_by", "/query/sort_order"]),
        ("search=%00", ["/query/search"]),
        ("search=" + "x" * 300, ["/query/search"]),
        ("cursor=abc", ["/query/cursor"]),
        ("offset=99999999999999999999", ["/query/offset"]),
        ("tenant_ids=1", ["/query/tenant_ids"]),
    ],
)
async def test_parameters_that_are_unknown_or_wrong_are_named(demo: World, query: str, pointers: list[str]) -> None:
    client = await demo.api(PRINCIPAL)
    answer = await client.get(f"{CUSTOMERS}?{query}")
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers
    assert all(error["message"] for error in answer.json()["errors"])


async def test_a_cursor_of_another_order_is_refused(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    cursor = (await client.get(CUSTOMERS, params={"limit": 5})).json()["next_cursor"]
    answer = await client.get(CUSTOMERS, params={"cursor": cursor, "sort_by": "created_at"})
    assert code(answer) == (422, "VALIDATION_ERROR")


async def test_a_partner_sees_only_its_own_customers(demo: World) -> None:
    client = await demo.api("principal@alderfinch.example")
    text = (await client.get(CUSTOMERS)).text
    own = {str(tenant) for tenant in demo.tenants("alderfinch", "live")}
    assert {item["tenant_id"] for item in json.loads(text)["items"]} == own
    assert "Acme Fiber" not in text


async def test_every_answer_carries_what_clients_rely_on(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    for path, status in ((CUSTOMERS, 200), (f"{CUSTOMERS}/x", 404)):
        answer = await client.get(path)
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert uuid.UUID(answer.headers["x-request-id"])
        assert "set-cookie" not in answer.headers
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.json()["instance"] == f"{CUSTOMERS}/x"
