"""Limits and quotas: what a call counts as, when it is one too many, and what its answer says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from guildhall.core.actor import DbRole, Surface, anonymous
from guildhall.domain.quotas import kinds
from guildhall.settings import SettingsError, load
from guildhall.surfaces.api.app import ENDPOINTS
from guildhall.surfaces.api.limits import kind_of
from support_clients import behind_a_proxy, client_of, forwarded, software, token_of
from support_platform import platform, platform_client
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
CUSTOMERS = "/api/v1/partner/customers"
TICKETS = "/api/v1/partner/support/tickets"
ME = "/api/v1/auth/me"
LISTS = {
    "listCustomers",
    "getBillingSummary",
    "listInvoices",
    "listLinks",
    "listTeam",
    "listAuditEntries",
    "listTickets",
    "listTicketFiles",
    "listWebhooks",
    "listWebhookDeliveries",
    "getUsageReport",
    "getSlaReport",
    "getRevenueReport",
    "listSubscribers",
    "listSlaAlerts",
    "listBillingAlerts",
}


@pytest.fixture
def limited(world: World) -> Iterator[World]:
    """A world with the limits of the contract."""
    kinds.install({})
    yield world
    kinds.install(dict.fromkeys(kinds.STANDARD, kinds.MOST))


def few(**calls: int) -> None:
    """Have an installation allow only `calls` of each kind."""
    kinds.install(calls)


def later(world: World, seconds: int) -> None:
    """Let time pass for everything that was counted."""
    world.sql("UPDATE portal.call_count SET used_at = used_at - make_interval(secs => %s)", seconds)


async def many(client: httpx.AsyncClient, path: str, times: int) -> list[int]:
    """Return the statuses of as many calls at once."""
    return [answer.status_code for answer in await asyncio.gather(*(client.get(path) for _ in range(times)))]


def counted(world: World, kind: str) -> int:
    found = world.sql(
        "SELECT coalesce(sum(n), 0) AS n FROM portal.call_count, unnest(slots) AS n WHERE kind = %s", kind
    )
    return int(found[0]["n"])


def test_every_operation_counts_as_what_the_contract_says() -> None:
    for endpoint in ENDPOINTS:
        operation = endpoint.operation
        kind = kind_of(operation.method, operation.path, operation.marks)
        if operation.id in LISTS:
            expected = "list"
        elif operation.path.startswith("/platform/"):
            expected = "platform"
        elif operation.id == "exportInvoices":
            expected = "export"
        elif operation.id in {"login", "refreshToken", "issueClientToken", "logout"}:
            expected = None
        elif operation.method == "GET":
            expected = "detail"
        else:
            expected = "write"
        assert kind == expected, operation.id


async def test_the_101st_list_in_a_minute_is_refused_before_any_work_and_counts_for_nobody_else(limited: World) -> None:
    client, other = await limited.api(PRINCIPAL), await limited.api("principal@alderfinch.example")
    statuses = await many(client, CUSTOMERS, 110)
    assert (statuses.count(200), statuses.count(429)) == (100, 10)
    refused = await client.get(CUSTOMERS + "?limit=wrong")
    assert refused.status_code == 429, "not even read"
    problem = refused.json()
    assert problem["code"] == "RATE_LIMIT_EXCEEDED"
    wait = int(refused.headers["retry-after"])
    assert 55 <= wait <= 61
    assert refused.headers["ratelimit-policy"] == '"list";q=100;w=60'
    assert refused.headers["ratelimit"] == f'"list";r=0;t={wait}'
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert (await other.get(CUSTOMERS)).headers["ratelimit"].startswith('"list";r=99;')
    assert (await client.get(ME)).status_code == 200, "each kind has its own"
    later(limited, 30)
    assert (await client.get(CUSTOMERS)).status_code == 429
    later(limited, 31)
    assert (await many(client, CUSTOMERS, 2)) == [200, 200]


async def test_no_minute_has_more_than_the_quota_however_calls_are_spread(limited: World) -> None:
    few(list=6)
    client = await limited.api(PRINCIPAL)
    assert await many(client, CUSTOMERS, 2) == [200, 200]
    later(limited, 40)
    assert sorted(await many(client, CUSTOMERS, 6)) == [200] * 4 + [429] * 2
    later(limited, 25)
    assert sorted(await many(client, CUSTOMERS, 4)) == [200] * 2 + [429] * 2, "only the first two are forgotten"


async def test_every_answer_says_how_the_quota_stands(limited: World) -> None:
    client = await limited.api(PRINCIPAL)
    first = await client.get(CUSTOMERS)
    assert first.headers["ratelimit-policy"] == '"list";q=100;w=60'
    assert first.headers["ratelimit"].startswith('"list";r=99;t=')
    assert first.headers["x-ratelimit-limit"] == "100"
    assert first.headers["x-ratelimit-remaining"] == "99"
    assert int(first.headers["x-ratelimit-reset"]) > 1_700_000_000
    assert "retry-after" not in first.headers
    wrong = await client.get(CUSTOMERS + "?limit=wrong")
    assert (wrong.status_code, wrong.headers["x-ratelimit-remaining"]) == (422, "98"), "a failure counts too"
    foreign = await client.get(f"{CUSTOMERS}/{limited.unlinked('northwind')}")
    assert (foreign.status_code, foreign.headers["x-ratelimit-remaining"]) == (404, "199")
    nobody = await limited.client("api").get(CUSTOMERS)
    assert nobody.status_code == 401
    assert "ratelimit" not in nobody.headers


async def test_lists_over_several_customers_have_half_of_the_quota(limited: World) -> None:
    few(list=5)
    client = await limited.api(PRINCIPAL)
    one, two = limited.tenant("acme-fiber"), shared(limited)
    first = await client.get(TICKETS)
    assert first.headers["ratelimit-policy"] == '"list";q=5;w=60, "across";q=3;w=60'
    assert first.headers["x-ratelimit-limit"] == "3"
    assert sorted(await many(client, f"{TICKETS}?tenant_ids={one},{two}", 3)) == [200, 200, 429]
    refused = await client.get(TICKETS)
    assert refused.status_code == 429
    assert '"across";r=0;' in refused.headers["ratelimit"]
    assert '"list";r=2;' in refused.headers["ratelimit"], "what was refused is not counted"
    assert (await client.get(f"{TICKETS}?tenant_ids={str(one).upper()},{one}")).status_code == 200, (
        "twice the same is one"
    )
    assert (await client.get(f"{TICKETS}?tenant_ids={one}")).status_code == 200
    assert (await client.get(f"{TICKETS}?tenant_ids={one}")).status_code == 429


async def test_a_customers_limit_counts_every_partner_and_tells_none_of_the_others(limited: World) -> None:
    few(tenant=4)
    tenant = shared(limited)
    one, two = await limited.api(PRINCIPAL, tenant), await limited.api("principal@veritas.example", tenant)
    assert [(await client.get(TICKETS)).status_code for client in (one, two, one, two)] == [200] * 4
    refused = await two.get(TICKETS)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.headers["ratelimit-policy"] == '"list";q=100;w=60, "tenant";q=4;w=60'
    assert refused.headers["x-ratelimit-remaining"] == "98", "the own count, and what was refused is not in it"
    assert "tenant" not in refused.headers["ratelimit"]
    assert (await one.get(f"{CUSTOMERS}/{tenant}")).status_code == 429
    assert (await two.get(f"{TICKETS}?tenant_ids={tenant}", headers={"X-Active-Tenant-Id": str(tenant)})).is_error
    elsewhere = await limited.api(PRINCIPAL)
    assert (await elsewhere.get(CUSTOMERS)).status_code == 200


def shared(world: World) -> UUID:
    """Return a tenant that both Northwind and Veritas have a live link to."""
    rows = world.sql(
        "SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug IN ('northwind', 'veritas') AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'partner.support.tickets.list' = ANY (l.permissions)"
        " GROUP BY l.tenant_id HAVING count(DISTINCT p.id) = 2 LIMIT 1"
    )
    found: UUID = rows[0]["tenant_id"]
    return found


async def test_a_stranger_uses_up_nobodys_customer_and_cannot_tell_one_that_is_busy(limited: World) -> None:
    few(tenant=1)
    foreign = limited.unlinked("northwind")
    client = await limited.api(PRINCIPAL, foreign)
    answers = [await client.get(TICKETS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert counted(limited, "tenant") == 0
    assert counted(limited, "list") == 3, "refused by a gate, and counted all the same"


async def test_writes_and_exports_are_counted_apart(limited: World) -> None:
    few(write=1, export=1)
    client = await limited.api(PRINCIPAL, limited.tenant("acme-fiber"))
    opened = [await client.post(TICKETS, json={"subject": "a"}) for _ in range(2)]
    assert [answer.status_code for answer in opened] == [201, 429]
    asked = [await client.post("/api/v1/partner/billing/invoices/export", json={}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [422, 429]
    assert asked[1].headers["ratelimit-policy"] == '"export";q=1;w=3600, "tenant";q=500;w=60'
    assert int(asked[1].headers["retry-after"]) > 3500
    assert (await client.post("/api/v1/auth/logout")).status_code == 200, "leaving is never too much"


async def test_people_and_software_of_a_partner_share_its_quota(limited: World) -> None:
    few(list=2)
    person, program = await limited.api(PRINCIPAL), await software(limited, await client_of(limited))
    assert [(await client.get(CUSTOMERS)).status_code for client in (person, program, person)] == [200, 200, 429]


@pytest.mark.parametrize("whose", [client_of, platform_client])
async def test_a_token_used_from_outside_of_its_networks_uses_up_nobodys_calls(
    limited: World, whose: Callable[..., Awaitable[Any]]
) -> None:
    behind_a_proxy(limited)
    token = await token_of(limited, await whose(limited, networks=("203.0.113.0/24",)), "203.0.113.7")
    counted = "SELECT coalesce(sum(refused), 0) AS refused, count(*) AS n FROM portal.call_count"
    before = limited.sql(counted)
    stolen = limited.client("api", **forwarded("198.51.100.1"), Authorization=f"Bearer {token}")
    assert {(await stolen.get(ME)).status_code for _ in range(3)} == {401}
    assert limited.sql(counted) == before
    owned = limited.client("api", **forwarded("203.0.113.7"), Authorization=f"Bearer {token}")
    assert (await owned.get(ME)).headers["x-ratelimit-remaining"] == str(kinds.standard("detail").calls - 1)


async def test_the_platform_has_a_limit_of_its_own(limited: World) -> None:
    few(platform=1)
    client = await platform(limited)
    body: dict[str, Any] = {}
    answers = [await client.put("/api/v1/platform/tenants/t-1", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]
    assert answers[1].headers["ratelimit-policy"] == '"platform";q=1;w=60'


async def test_an_own_quota_takes_the_place_of_the_standard(limited: World) -> None:
    limited.sql(
        "INSERT INTO portal.partner_quota (partner_id, list_calls, reason, set_by)"
        " SELECT id, 3, 'A pilot', 'Lead' FROM portal.partner WHERE slug = 'northwind'"
    )
    client = await limited.api(PRINCIPAL)
    assert sorted(await many(client, CUSTOMERS, 4)) == [200, 200, 200, 429]
    assert (await client.get(ME)).headers["x-ratelimit-limit"] == "200"


async def test_a_partner_reads_what_it_may_call_and_has_called(limited: World) -> None:
    client = await limited.api(PRINCIPAL)
    await many(client, TICKETS, 3)
    calls = {each["kind"]: each for each in (await client.get(ME)).json()["limits"]["calls"]}
    assert calls["list"] == {"kind": "list", "limit": 100, "seconds": 60, "used": 3}
    assert calls["across"] == {"kind": "across", "limit": 50, "seconds": 60, "used": 3}
    assert calls["export"] == {"kind": "export", "limit": 10, "seconds": 3600, "used": 0}
    other = await limited.api("principal@alderfinch.example")
    assert [each["used"] for each in (await other.get(ME)).json()["limits"]["calls"]] == [0, 0, 1, 0, 0]
    later(limited, 61)
    assert [each["used"] for each in (await client.get(ME)).json()["limits"]["calls"]] == [0, 0, 1, 0, 0]


async def test_counts_that_rest_for_a_day_are_swept(limited: World) -> None:
    from guildhall.domain.quotas.sweeping import sweep

    client = await limited.api(PRINCIPAL)
    await client.get(CUSTOMERS)
    await client.get(ME)
    limited.sql("UPDATE portal.call_count SET used_at = now() - interval '25 hours' WHERE kind = 'list'")
    assert await sweep(anonymous(Surface.WORKER, DbRole.WORKER)) == 1
    assert (counted(limited, "list"), counted(limited, "detail")) == (0, 1)


async def test_the_document_names_the_refusal_and_the_headers_of_every_limited_operation(demo: World) -> None:
    document = (await demo.client("api").get("/api/v1/openapi.json")).json()
    for endpoint in ENDPOINTS:
        operation = endpoint.operation
        said = document["paths"][operation.path][operation.method.lower()]["responses"]
        headers = said[str(operation.status)]["headers"]
        limited = kind_of(operation.method, operation.path, operation.marks) is not None
        assert ("RateLimit" in headers) == limited, operation.id
        if limited:
            assert {"Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Reset"} <= set(said["429"]["headers"])
            assert "RATE_LIMIT_EXCEEDED" in said["429"]["content"]["application/problem+json"]["examples"]
        assert "deprecated" not in document["paths"][operation.path][operation.method.lower()]


def test_an_installation_sets_limits_by_kind_and_no_others() -> None:
    known = {"GUILDHALL_HOME": "/nonexistent"}
    read = load(known | {"GUILDHALL_API_LIMITS": "list=200, tenant=1000"})
    assert read.api_limits == {"list": 200, "tenant": 1000}
    for wrong in ("lists=200", "list=0", "list=many", "list", "list=2000000"):
        with pytest.raises(SettingsError):
            load(known | {"GUILDHALL_API_LIMITS": wrong})
    assert load(known | {"GUILDHALL_TENANT_FILE_BYTES": "50000000"}).tenant_file_bytes == 50_000_000
    for wrong in ("9999999", "much", ""):
        with pytest.raises(SettingsError):
            load(known | {"GUILDHALL_TENANT_FILE_BYTES": wrong})
