"""The platform's feed: who may send, what comes twice, what is at fault, and how fast it goes."""

import time
from datetime import date, timedelta

import httpx
import pytest

from support_clients import ask, behind_a_proxy, client_of, forwarded, software, token_of
from support_platform import FEED, LINES, platform, platform_client, send
from support_world import World

pytestmark = pytest.mark.anyio
TENANT = {"external_id": "feed-1", "name": "Feed One", "slug": "feed-one", "domain": "feed-one.example"}
ROWS = {
    "subscribers": {"tenant": "feed-1", "external_id": "s-1", "name": "Lena Ortiz"},
    "invoices": {
        "tenant": "feed-1",
        "external_id": "i-1",
        "number": "1",
        "status": "finalized",
        "currency": "EUR",
        "amount": "100.50",
        "issued_on": "2026-10-01",
        "due_on": "2026-10-31",
        "subscriber": "s-1",
    },
    "invoice-lines": {
        "tenant": "feed-1",
        "invoice": "i-1",
        "position": 1,
        "description": "Line",
        "quantity": "1",
        "unit_price": "100.50",
        "amount": "100.50",
    },
    "payments": {
        "tenant": "feed-1",
        "external_id": "p-1",
        "invoice": "i-1",
        "currency": "EUR",
        "amount": "40",
        "paid_on": "2026-10-05",
    },
    "usage": {"tenant": "feed-1", "metric": "traffic_gb", "day": "2026-10-01", "quantity": "7.5"},
    "outages": {
        "tenant": "feed-1",
        "external_id": "o-1",
        "started_at": "2026-10-02T10:00:00Z",
        "ended_at": "2026-10-02T10:30:00Z",
    },
    "tickets": {"tenant": "feed-1", "external_id": "k-1", "subject": "Down", "status": "open", "priority": "high"},
    "posture": {"tenant": "feed-1", "taken_at": "2026-10-01T00:00:00Z", "score": 80},
}
COUNTS = (
    "SELECT (SELECT sum(down_seconds) FROM tenancy.uptime_daily WHERE tenant_id = t.id) AS down,"
    " (SELECT sum(quantity) FROM tenancy.usage_daily WHERE tenant_id = t.id) AS used,"
    " (SELECT count(*) FROM tenancy.ticket WHERE tenant_id = t.id) AS tickets,"
    " (SELECT outstanding FROM tenancy.billing_rollup WHERE tenant_id = t.id) AS outstanding,"
    " (SELECT count(*) FROM tenancy.payment WHERE tenant_id = t.id) AS payments"
    " FROM tenancy.tenant AS t WHERE external_id = 'feed-1'"
)


@pytest.fixture
async def feed(world: World) -> httpx.AsyncClient:
    """The platform, with one tenant sent."""
    client = await platform(world)
    assert (await send(client, "tenants", [TENANT])).json()["added"] == 1
    return client


async def test_every_kind_comes_in_once_however_often_it_is_sent(world: World, feed: httpx.AsyncClient) -> None:
    for kind, row in ROWS.items():
        answer = await send(feed, kind, [row])
        assert (answer.status_code, answer.json()["added"]) == (200, 1), (kind, answer.text)
    before = world.sql(COUNTS)
    assert before[0]["down"] == 1800
    for kind, row in reversed(ROWS.items()):  # late, and out of order
        answer = await send(feed, kind, [row])
        assert {name: answer.json()[name] for name in ("added", "changed", "unchanged")} == {
            "added": 0,
            "changed": 0,
            "unchanged": 1,
        }, kind
    assert world.sql(COUNTS) == before
    entries = world.sql(
        "SELECT body FROM portal.audit_entry WHERE action = 'data.imported' AND actor_kind = 'platform'"
    )
    assert len(entries) == 1 + 2 * len(ROWS)


async def test_a_tenant_is_put_by_its_own_name(world: World) -> None:
    client = await platform(world)
    body = {name: value for name, value in TENANT.items() if name != "external_id"}
    outcomes = []
    for change in ({}, {}, {"plan_type": "business"}, {}):
        answer = await client.put(f"{FEED}/tenants/unit%207", json=body | change)
        assert answer.status_code == 200, answer.text
        outcomes.append(answer.json())
    assert [one["outcome"] for one in outcomes] == ["added", "unchanged", "changed", "unchanged"]
    assert outcomes[0]["external_id"] == "unit 7"
    assert world.sql("SELECT plan_type FROM tenancy.tenant WHERE external_id = 'unit 7'") == [{"plan_type": "business"}]
    taken = await client.put(f"{FEED}/tenants/other", json=body)
    assert taken.status_code == 422
    assert {error["pointer"] for error in taken.json()["errors"]} == {"/slug", "/domain"}
    wrong = await client.put(f"{FEED}/tenants/other", json={"name": "", "colour": "red"})
    assert {"/name", "/slug", "/domain", "/colour"} == {error["pointer"] for error in wrong.json()["errors"]}


async def test_a_new_name_reaches_the_links_that_stand_and_no_other(world: World) -> None:
    client, acme = await platform(world), world.tenant("acme-fiber")
    known = world.sql("SELECT * FROM tenancy.tenant WHERE id = %s", acme)[0]
    kept = "SELECT status, tenant_name, version FROM portal.partner_tenant_link WHERE tenant_id = %s ORDER BY id"
    world.sql(
        "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s AND partner_id ="
        " (SELECT id FROM portal.partner WHERE slug = 'veritas')",
        acme,
    )
    before = world.sql(kept, acme)
    assert {link["status"] for link in before} == {"active", "revoked"}
    body = {name: known[name] for name in ("slug", "domain")} | {"name": "Acme Light"}
    answer = await client.put(f"{FEED}/tenants/{known['external_id']}", json=body)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "changed")
    standing = {"scheduled", "active", "paused"}
    named = [link | ({"tenant_name": "Acme Light"} if link["status"] in standing else {}) for link in before]
    assert world.sql(kept, acme) == named
    console = await world.sign_in("principal@northwind.example")
    for page in ("/reports/usage?q=acme+light", "/links?q=acme+light", "/customers?q=acme+light"):
        assert "Acme Light" in (await console.get(page)).text, page


async def test_one_fault_keeps_a_whole_batch_out_and_names_its_row(world: World, feed: httpx.AsyncClient) -> None:
    good = ROWS["usage"]
    rows = [good, good | {"tenant": "nobody"}, good | {"quantity": "-1", "day": "2026-10-02"}, "", "[1]", good]
    answer = await send(feed, "usage", rows)
    said = answer.json()
    assert (answer.status_code, said["code"]) == (422, "VALIDATION_ERROR")
    assert answer.headers["content-type"] == "application/problem+json"
    pointers = [error["pointer"] for error in said["errors"]]
    assert pointers == ["/2/tenant", "/3/quantity", "/5", "/6/day"]
    assert said["detail"] == "4 faults in 5 rows; nothing was written"
    assert world.sql(
        "SELECT count(*) AS n FROM tenancy.usage_daily AS u JOIN tenancy.tenant AS t ON t.id = u.tenant_id"
        " WHERE t.external_id = 'feed-1'"
    ) == [{"n": 0}]


async def test_a_part_is_taken_where_the_caller_says_so(world: World, feed: httpx.AsyncClient) -> None:
    good = ROWS["usage"]
    rows = [good, good | {"tenant": "nobody"}, good | {"day": "2026-10-02"}, "{broken", good]
    answer = await send(feed, "usage", rows, partial=True)
    said = answer.json()
    assert answer.status_code == 200
    assert {name: said[name] for name in ("rows", "added", "changed", "unchanged", "refused")} == {
        "rows": 5,
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "refused": 3,
    }
    assert [(one["row"], one["errors"][0]["pointer"]) for one in said["results"]] == [
        (2, "/tenant"),
        (4, ""),
        (5, "/day"),
    ]
    assert [
        row["day"]
        for row in world.sql(
            "SELECT day FROM tenancy.usage_daily AS u JOIN tenancy.tenant AS t ON t.id = u.tenant_id"
            " WHERE t.external_id = 'feed-1' ORDER BY day"
        )
    ] == [date(2026, 10, 1), date(2026, 10, 2)]


async def test_what_is_too_much_is_refused_whole(world: World, feed: httpx.AsyncClient) -> None:
    rows = [ROWS["usage"] | {"day": str(date(1990, 1, 1) + timedelta(days=day))} for day in range(10_001)]
    for partial in (False, True):
        answer = await send(feed, "usage", rows, partial=partial)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/10001"]
    large = await feed.post(f"{FEED}/usage:batch", content=b" " * 20_000_001, headers=LINES)
    assert (large.status_code, large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    plain = await feed.post(f"{FEED}/usage:batch", json=ROWS["usage"])
    assert plain.status_code == 415
    assert world.sql("SELECT count(*) AS n FROM tenancy.usage_daily WHERE day < '2000-01-01'") == [{"n": 0}]


async def test_a_whole_batch_of_usage_comes_in_within_seconds(world: World, feed: httpx.AsyncClient) -> None:
    rows = [
        ROWS["usage"] | {"metric": f"m{number % 20}", "day": str(date(2024, 1, 1) + timedelta(days=number // 20))}
        for number in range(10_000)
    ]
    started = time.perf_counter()
    answer = await send(feed, "usage", rows)
    taken = time.perf_counter() - started
    assert answer.json()["added"] == 10_000
    # The bar of 20,000 is for a machine that does nothing else; beside other tests a fifth of it is held.
    assert 10_000 / taken > 4_000, f"{10_000 / taken:,.0f} rows/s"


async def test_a_partner_is_refused_by_the_feed_and_the_platform_by_everything_else(world: World) -> None:
    before = world.sql("SELECT count(*) AS n FROM tenancy.tenant")
    partner = await world.api("principal@northwind.example")
    for caller in (partner, await software(world, await client_of(world))):
        refused = await send(caller, "tenants", [TENANT])
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    made = await platform_client(world)
    client = await software(world, made)
    for method, path in (("GET", "/partner/customers"), ("GET", "/auth/me"), ("POST", "/auth/logout")):
        refused = await client.request(method, f"/api/v1{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN"), path
    tenant_id = world.tenants("northwind", "live")[0]
    within = await client.post(
        f"{FEED}/tenants:batch", content="{}", headers=LINES | {"X-Active-Tenant-Id": str(tenant_id)}
    )
    assert (within.status_code, within.json()["code"]) == (403, "TENANT_ACCESS_DENIED")
    assert world.sql("SELECT count(*) AS n FROM tenancy.tenant") == before
    assert (await ask(world, made, scope="partner.tenants.list")).json()["error"] == "invalid_scope"


async def test_a_platform_client_ends_with_its_secret_its_network_its_day_and_its_revocation(world: World) -> None:
    made = await platform_client(world, networks=("203.0.113.0/24",))
    inside = "203.0.113.9"
    behind_a_proxy(world)
    assert (await ask(world, made, "198.51.100.1")).status_code == 401
    token = await token_of(world, made, inside)
    client = world.client("api", **forwarded(inside), Authorization=f"Bearer {token}")
    assert (await send(client, "tenants", [TENANT])).status_code == 200
    elsewhere = world.client("api", **forwarded("198.51.100.1"), Authorization=f"Bearer {token}")
    assert (await send(elsewhere, "tenants", [TENANT])).status_code == 401
    for change in (
        "UPDATE portal.platform_client SET expires_at = now() WHERE id = %s",
        "UPDATE portal.platform_client SET expires_at = now() + interval '1 day', revoked_at = now() WHERE id = %s",
        "UPDATE portal.platform_client_secret SET ends_at = now() WHERE client_id = %s",
    ):
        world.sql(change, made.client_id)
        assert (await send(client, "tenants", [TENANT])).status_code == 401, change
        assert (await ask(world, made, inside)).status_code == 401
        world.sql("UPDATE portal.platform_client SET revoked_at = NULL WHERE id = %s", made.client_id)
