"""Alerts over the API: two lists, each with its permission, and acknowledging one."""

from typing import Any

import pytest

from guildhall.domain.alerts import reading
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
SLA, BILLING = "/api/v1/partner/alerts/sla", "/api/v1/partner/alerts/billing"


async def _items(world: World, email: str, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = await (await world.api(email)).get(path, params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_each_list_holds_its_kinds_and_nothing_else(demo: World) -> None:
    assert {each["kind"] for each in await _items(demo, PRINCIPAL, SLA)} == {
        "sla.ticket",
        "sla.uptime",
        "usage.capacity",
    }
    owed = await _items(demo, PRINCIPAL, BILLING)
    assert {each["kind"] for each in owed} == {"billing.threshold"}
    assert all(float(each["amount"]["amount"]) >= float(each["threshold"]["amount"]) for each in owed)
    assert "amount" not in owed[0]["details"]


@pytest.mark.parametrize(
    ("email", "sla", "billing"),
    [
        ("technical@northwind.example", 200, 403),
        ("msp_billing@northwind.example", 403, 200),
        ("viewer@northwind.example", 403, 403),
    ],
)
async def test_each_list_needs_its_own_permission(demo: World, email: str, sla: int, billing: int) -> None:
    client = await demo.api(email)
    assert [(await client.get(path)).status_code for path in (SLA, BILLING)] == [sla, billing]


async def test_filters_narrow_by_state_severity_day_and_tenant(demo: World) -> None:
    everything = await _items(demo, PRINCIPAL, SLA)
    for name in ("status", "severity"):
        value = everything[0][name]
        assert {each[name] for each in await _items(demo, PRINCIPAL, SLA, **{name: value})} == {value}
    tenant = everything[0]["tenant_id"]
    assert {each["tenant_id"] for each in await _items(demo, PRINCIPAL, SLA, tenant_ids=tenant)} == {tenant}
    day = everything[0]["raised_at"][:10]
    assert {each["raised_at"][:10] for each in await _items(demo, PRINCIPAL, SLA, from_date=day, to_date=day)} == {day}
    assert await _items(demo, PRINCIPAL, SLA, to_date="1990-01-01") == []


async def test_a_foreign_tenant_is_refused_and_a_wrong_value_named(demo: World) -> None:
    client = await demo.api(PRINCIPAL)
    foreign = await client.get(SLA, params={"tenant_ids": str(demo.unlinked("northwind"))})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "TENANT_ACCESS_DENIED")
    wrong = await client.get(SLA, params={"status": "open"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_acknowledging_answers_with_the_alert_and_once_more_changes_nothing(world: World) -> None:
    client = await world.api("msp_support@northwind.example")
    one = (await client.get(SLA, params={"status": "active"})).json()["items"][0]
    path = f"/api/v1/partner/alerts/{one['id']}/acknowledge"
    first, second = await client.post(path), await client.post(path)
    assert (first.status_code, first.json()["status"]) == (200, "acknowledged")
    assert second.json() == first.json()
    assert len(world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'alert.acknowledged'")) == 1


async def test_acknowledging_needs_the_permission_of_the_kind_and_an_alert_of_ones_own(world: World) -> None:
    sla = (await _items(world, PRINCIPAL, SLA, status="active"))[0]
    owed = (await _items(world, PRINCIPAL, BILLING))[0]
    nobodys = "00000000-0000-4000-8000-000000000000"
    for email, alert, status in (
        ("auditor@northwind.example", sla["id"], 403),
        ("msp_support@northwind.example", owed["id"], 404),
        (PRINCIPAL, nobodys, 404),
    ):
        answer = await (await world.api(email)).post(f"/api/v1/partner/alerts/{alert}/acknowledge")
        assert answer.status_code == status, email
    elsewhere = await world.api(
        PRINCIPAL, next(t for t in world.tenants("northwind", "live") if str(t) != sla["tenant_id"])
    )
    answer = await elsewhere.post(f"/api/v1/partner/alerts/{sla['id']}/acknowledge")
    assert (answer.status_code, answer.json()["code"]) == (404, "ALERT_NOT_FOUND")
    assert (
        world.sql("SELECT 1 FROM portal.alert WHERE acknowledged_at > now() - interval '1 hour' AND id = %s", sla["id"])
        == []
    )


async def test_pages_by_cursor_hold_every_alert_once_in_the_lists_order(demo: World) -> None:
    client, everything = await demo.api(PRINCIPAL), await _items(demo, PRINCIPAL, SLA)
    assert {each["status"] for each in everything} == {"active", "acknowledged", "resolved"}
    found: list[Any] = []
    page = (await client.get(SLA, params={"limit": 2})).json()
    while page["next_cursor"]:
        found += page["items"]
        page = (await client.get(SLA, params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert (page["total"], page["offset"]) == (None, None)
    assert found + page["items"] == everything
    assert page["has_more"] is False
    tickets = (await client.get("/api/v1/partner/support/tickets", params={"limit": 1})).json()["next_cursor"]
    for cursor in (tickets, "x"):
        refused = await client.get(SLA, params={"cursor": cursor})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/cursor")


async def test_counting_stops_in_the_lists_order_and_says_so(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, everything = await demo.api(PRINCIPAL), await _items(demo, PRINCIPAL, SLA)
    still_open = [each for each in everything if each["status"] != "resolved"]
    active = sum(each["status"] == "active" for each in everything)
    for most, asked, counted in (
        (len(everything), {}, (len(everything), None)),
        (len(still_open), {}, (None, len(still_open))),
        (len(still_open), {"status": "active"}, (active, None)),
        (1, {"status": "active,acknowledged"}, (None, 2)),
        (1, {"status": "resolved"}, (None, 2)),
    ):
        monkeypatch.setattr(reading, "COUNTED_TO", most)
        page = (await client.get(SLA, params={"limit": 1, **asked})).json()
        assert (page["total"], page["total_at_least"]) == counted, most
        assert page["items"] == [next(each for each in everything if not asked or each["status"] in asked["status"])]
        assert page["has_more"] is True
