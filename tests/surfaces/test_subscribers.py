"""Subscribers: read, activated and suspended over API and console, by those whom person and link let."""

from typing import Any

import pytest

from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"
PATH = "/api/v1/partner/provisioning/subscribers"


def one_of(world: World, status: str) -> dict[str, Any]:
    """Return a subscriber in `status` of a tenant whose link opens both acts to Northwind."""
    return world.sql(
        "SELECT s.id, s.name, s.tenant_id FROM tenancy.subscriber AS s"
        " JOIN portal.partner_tenant_link AS l ON l.tenant_id = s.tenant_id"
        " JOIN portal.partner AS p ON p.id = l.partner_id WHERE p.slug = 'northwind' AND s.status = %s"
        " AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND l.areas @> ARRAY['provisioning_activate', 'provisioning_suspend'] ORDER BY s.id LIMIT 1",
        status,
    )[0]


def status_of(world: World, found: dict[str, Any]) -> str:
    status: str = world.sql("SELECT status FROM tenancy.subscriber WHERE id = %s", found["id"])[0]["status"]
    return status


def told(world: World, found: dict[str, Any]) -> list[str]:
    rows = world.sql(
        "SELECT kind FROM portal.notice WHERE audience = 'tenant' AND audience_id = %s AND kind LIKE 'subscriber.%%'"
        " AND \"values\" ->> 'subscriber' = %s ORDER BY created_at",
        found["tenant_id"],
        found["name"],
    )
    return [row["kind"] for row in rows]


async def test_a_subscriber_is_suspended_and_activated_and_the_customer_is_told_each_time(world: World) -> None:
    found = one_of(world, "active")
    client = await world.api(PRINCIPAL, found["tenant_id"])
    before = world.sql(
        "SELECT active, suspended FROM tenancy.subscriber_rollup WHERE tenant_id = %s", found["tenant_id"]
    )
    for act, status in (("suspend", "suspended"), ("activate", "active")):
        headers = {"Idempotency-Key": f"once-{act}"}
        answer = await client.post(f"{PATH}/{found['id']}/{act}", headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
        again = await client.post(f"{PATH}/{found['id']}/{act}", headers=headers)
        assert (again.status_code, again.json()) == (200, answer.json())
        refused = await client.post(f"{PATH}/{found['id']}/{act}")
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert status_of(world, found) == status
    assert told(world, found) == ["subscriber.suspended", "subscriber.activated"]
    trail = world.sql(
        "SELECT kind, action FROM portal.audit_entry WHERE target_id = %s ORDER BY sequence, kind", str(found["id"])
    )
    assert sorted((row["kind"], row["action"]) for row in trail) == [
        ("partner", "subscriber.activated"),
        ("partner", "subscriber.suspended"),
        ("tenant", "subscriber.activated"),
        ("tenant", "subscriber.suspended"),
    ]
    rollup = "SELECT active, suspended FROM tenancy.subscriber_rollup WHERE tenant_id = %s"
    assert world.sql(rollup, found["tenant_id"]) == before


async def test_the_list_and_one_of_it_are_of_the_tenant_in_context_alone(demo: World) -> None:
    found = one_of(demo, "active")
    client = await demo.api(PRINCIPAL, found["tenant_id"])
    page = (await client.get(PATH, params={"search": found["name"], "status": "active"})).json()
    assert str(found["id"]) in {item["id"] for item in page["items"]}
    assert page["total"] >= len(page["items"]) >= 1
    assert (await client.get(f"{PATH}/{found['id']}")).json()["name"] == found["name"]
    elsewhere = next(each for each in demo.tenants("northwind", "live") if each != found["tenant_id"])
    other = await client.get(f"{PATH}/{found['id']}", headers={"X-Active-Tenant-Id": str(elsewhere)})
    assert other.status_code in {403, 404}
    nowhere = await (await demo.api(PRINCIPAL)).get(PATH)
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "TENANT_CONTEXT_REQUIRED")


@pytest.mark.parametrize("order", ["name", "created_at"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_pages_by_cursor_hold_every_subscriber_once_in_the_lists_order(
    demo: World, order: str, direction: str
) -> None:
    client = await demo.api(PRINCIPAL, one_of(demo, "active")["tenant_id"])
    asked = {"sort_by": order, "sort_order": direction}
    everything = (await client.get(PATH, params={"limit": 100, **asked})).json()
    found: list[Any] = []
    page = (await client.get(PATH, params={"limit": 4, **asked})).json()
    while page["next_cursor"]:
        found += page["items"]
        page = (await client.get(PATH, params={"limit": 4, **asked, "cursor": page["next_cursor"]})).json()
    found += page["items"]
    assert found[:100] == everything["items"]
    assert len({each["id"] for each in found}) == len(found) == everything["total"]
    other = await client.get(PATH, params={"sort_by": "name", "cursor": "eyJzb3J0X2J5IjoibmFtZSJ9"})
    assert (other.status_code, other.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_whoever_may_only_read_sees_no_act_and_is_refused(world: World) -> None:
    found = one_of(world, "active")
    client = await world.sign_in("technical@northwind.example")
    where = f"/t/{found['tenant_id']}/subscribers/{found['id']}"
    shown = await client.get(where)
    assert shown.status_code == 200
    assert f"{where}/suspend" not in shown.text
    assert (await world.post(client, f"{where}/suspend")).status_code == 403
    assert status_of(world, found) == "active"
    assert told(world, found) == []


async def test_the_database_keeps_a_subscriber_from_a_step_that_the_link_does_not_open(world: World) -> None:
    found = one_of(world, "suspended")
    world.sql(
        "UPDATE portal.partner_tenant_link SET areas = array_remove(areas, 'provisioning_activate')"
        " WHERE tenant_id = %s",
        found["tenant_id"],
    )
    client = await world.api(PRINCIPAL, found["tenant_id"])
    answer = await client.post(f"{PATH}/{found['id']}/activate")
    assert answer.status_code >= 400
    assert status_of(world, found) == "suspended"


async def test_the_console_asks_first_and_says_what_it_did(world: World) -> None:
    found = one_of(world, "active")
    client = await world.sign_in(PRINCIPAL)
    where = f"/t/{found['tenant_id']}/subscribers/{found['id']}"
    assert found["name"] in (await client.get(f"/t/{found['tenant_id']}/subscribers?q={found['name']}")).text
    asked = await client.get(f"{where}/suspend")
    assert asked.status_code == 200
    assert status_of(world, found) == "active"
    done = await world.post(client, f"{where}/suspend")
    assert (done.status_code, done.headers["location"]) == (303, where)
    assert f"{where}/activate" in (await client.get(where)).text
    assert (status_of(world, found), told(world, found)) == ("suspended", ["subscriber.suspended"])
