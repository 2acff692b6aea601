"""Service level and alerts of a link over the API: set at once, with the link's ETag, by whoever may ask for terms."""

import pytest

from support_actors import link_id
from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
WANTED = {"response_hours": 3, "uptime_target": 99.95, "billing_threshold": {"amount": "12.50", "currency": "EUR"}}


async def test_settings_hold_at_once_and_ask_for_the_links_version(world: World) -> None:
    link = link_id(world, "northwind", "acme-fiber")
    world.sql("UPDATE portal.partner_tenant_link SET sla_config = '{}', alert_config = '{}' WHERE id = %s", link)
    client, path = await world.api(PRINCIPAL), f"/api/v1/partner/links/{link}"
    tag = (await client.get(path)).headers["etag"]
    answer = await client.patch(f"{path}/settings", json=WANTED)
    assert (answer.status_code, answer.json()["code"]) == (428, "PRECONDITION_REQUIRED")
    answer = await client.patch(f"{path}/settings", json=WANTED, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["sla_config"] == {"response_hours": 3, "uptime_target": 99.95}
    assert made["alert_config"] == {"billing_threshold": {"amount": "12.50", "currency": "EUR"}}
    assert answer.headers["etag"] != tag
    stale = await client.patch(f"{path}/settings", json={"sla_breach": False}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "PRECONDITION_FAILED")
    part = {"response_hours": None, "sla_breach": False}
    answer = await client.patch(f"{path}/settings", json=part, headers={"If-Match": answer.headers["etag"]})
    assert answer.json()["sla_config"] == {"uptime_target": 99.95}
    assert answer.json()["alert_config"] == {
        "billing_threshold": {"amount": "12.50", "currency": "EUR"},
        "sla_breach": False,
    }
    assert (await client.get(path)).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"response_hours": 0}, "/response_hours"),
        ({"response_hours": 1.5}, "/response_hours"),
        ({"uptime_target": 100.5}, "/uptime_target"),
        ({"uptime_target": 99.99999}, "/uptime_target"),
        ({"billing_threshold": {"amount": "-1", "currency": "EUR"}}, "/billing_threshold/amount"),
        ({"billing_threshold": {"amount": "1", "currency": "euro"}}, "/billing_threshold/currency"),
        ({"sla_breach": None}, "/sla_breach"),
        ({"nonsense": 1}, "/nonsense"),
    ],
)
async def test_a_wrong_value_is_named(demo: World, body: dict[str, object], pointer: str) -> None:
    path = f"/api/v1/partner/links/{link_id(demo, 'northwind', 'acme-fiber')}/settings"
    answer = await (await demo.api(PRINCIPAL)).patch(path, json=body, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer], answer.text


async def test_others_set_nothing(demo: World) -> None:
    path = f"/api/v1/partner/links/{link_id(demo, 'northwind', 'acme-fiber')}/settings"
    for email, expected in (
        ("finance@northwind.example", (403, "FORBIDDEN")),
        ("auditor@northwind.example", (403, "FORBIDDEN")),
        ("principal@alderfinch.example", (404, "LINK_NOT_FOUND")),
    ):
        answer = await (await demo.api(email)).patch(path, json=WANTED, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["code"]) == expected, email
