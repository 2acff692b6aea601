"""Links asked for in bulk: each wish by itself, nothing told about who exists, once under a key."""

from typing import Any

import pytest

from support_world import World

pytestmark = pytest.mark.anyio
BATCH = "/api/v1/partner/links:batch"
TERMS: dict[str, Any] = {
    "access_role": "msp_support",
    "operating_model": "co_managed",
    "ends_at": "2027-10-01T00:00:00Z",
}
OPEN = (
    "SELECT tenant_domain FROM portal.partner_tenant_link WHERE status = 'requested'"
    " AND created_at > now() - interval '1 minute' ORDER BY 1"
)


def named(domain: str) -> dict[str, str]:
    return {"domain": domain, "approver_email": f"admin@{domain}"}


async def test_each_wish_stands_by_itself_and_a_customer_that_exists_answers_like_one_that_does_not(
    world: World,
) -> None:
    client = await world.api("principal@northwind.example")
    stranger = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("northwind"))[0]["domain"]
    body = TERMS | {"customers": [named("nobody.example"), {"domain": "nonsense"}, named(stranger), {"code": "WRONG"}]}
    answer = await client.post(BATCH, json=body, headers={"Idempotency-Key": "bulk-1"})
    assert answer.status_code == 202, answer.text
    results = answer.json()["results"]
    assert [one["status"] for one in results] == ["asked", "refused", "asked", "refused"]
    assert results[0] | {"index": 2} == results[2]
    assert {error["pointer"] for error in results[1]["errors"]} == {"/domain", "/approver_email"}
    asked = world.sql(OPEN)
    assert [row["tenant_domain"] for row in asked] == sorted(["nobody.example", stranger])
    again = await client.post(BATCH, json=body, headers={"Idempotency-Key": "bulk-1"})
    assert (again.status_code, again.json()) == (202, answer.json())
    twice = (await client.post(BATCH, json=body)).json()["results"]
    assert [one["code"] for one in twice] == ["CONFLICT", "VALIDATION_ERROR", "CONFLICT", "VALIDATION_ERROR"]
    assert world.sql(OPEN) == asked


async def test_too_many_and_malformed_wishes_ask_nobody(world: World) -> None:
    client = await world.api("principal@northwind.example")
    before = world.sql(OPEN)
    for customers in ([], [named("a.example")] * 201, [named("a.example") | {"code": "X"}]):
        answer = await client.post(BATCH, json=TERMS | {"customers": customers})
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert world.sql(OPEN) == before
