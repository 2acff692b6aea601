"""What only code can keep, because the database works by area: single strings of a link, and masks of columns."""

import pytest

from support_world import World

pytestmark = pytest.mark.anyio
PERSON = "msp_full@northwind.example"


async def test_a_list_over_all_tenants_leaves_out_one_whose_link_denies_the_string(world: World) -> None:
    client = await world.api(PERSON)
    first = (await client.get("/api/v1/partner/support/tickets?limit=100")).json()["items"]
    tenant = first[0]["tenant_id"]
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, 'partner.support.tickets.list')"
        " WHERE tenant_id = %s AND status = 'active'",
        tenant,
    )
    second = (await client.get("/api/v1/partner/support/tickets?limit=100")).json()["items"]
    assert tenant not in {item["tenant_id"] for item in second}, "the area is open still, the string is not"
    console = await world.sign_in(PERSON)
    assert f"/t/{tenant}/tickets/" not in (await console.get("/tickets?size=100")).text
    refused = await client.get("/api/v1/partner/support/tickets", headers={"X-Active-Tenant-Id": tenant})
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


async def test_a_ticket_named_by_its_id_is_not_there_where_the_link_denies_the_string(world: World) -> None:
    client = await world.api(PERSON)
    listed = (await client.get("/api/v1/partner/support/tickets?limit=100")).json()["items"]
    tenant, ticket = listed[0]["tenant_id"], f"/api/v1/partner/support/tickets/{listed[0]['id']}"
    kept = await client.get(ticket)
    assert kept.status_code == 200
    world.sql(
        "UPDATE portal.partner_tenant_link SET permissions = array_remove(permissions, 'partner.support.tickets.read')"
        " WHERE tenant_id = %s AND status = 'active'",
        tenant,
    )
    assert (await client.get(ticket)).status_code == 404
    change = {"X-Active-Tenant-Id": tenant, "If-Match": kept.headers["ETag"]}
    assert (await client.patch(ticket, json={"priority": "low"}, headers=change)).status_code == 404
    assert world.sql("SELECT priority, version FROM tenancy.ticket WHERE id = %s", listed[0]["id"]) == [
        {"priority": listed[0]["priority"], "version": listed[0]["version"]}
    ]


async def test_a_money_blind_person_gets_the_same_answer_whatever_is_owed(world: World) -> None:
    client = await world.api("msp_support@northwind.example")
    paths = ["/api/v1/partner/customers", f"/api/v1/partner/customers/{world.tenants('northwind', 'live')[0]}"]
    before = [(await client.get(path)).json() for path in paths]
    world.sql("UPDATE tenancy.billing_rollup SET outstanding = outstanding + 1000, overdue = overdue + 7")
    world.sql("UPDATE portal.subscription SET mrr = mrr + 11")
    assert [(await client.get(path)).json() for path in paths] == before
    sorted_by = await client.get("/api/v1/partner/customers?sort_by=outstanding_balance")
    assert (sorted_by.status_code, sorted_by.json()["code"]) == (403, "FORBIDDEN")


async def test_a_persons_limits_bind_lists_and_objects(world: World) -> None:
    limited = world.sql(
        "SELECT u.email, u.tenant_scope, array_agg(x.tenant_id::text) AS tenants FROM portal.partner_user AS u"
        " JOIN portal.partner_user_tenant AS x ON x.user_id = u.id"
        " WHERE u.tenant_scope = 'include' GROUP BY 1, 2 LIMIT 1"
    )[0]
    client = await world.api(limited["email"])
    seen = {item["tenant_id"] for item in (await client.get("/api/v1/partner/customers?limit=100")).json()["items"]}
    assert seen
    assert seen <= set(limited["tenants"])
    outside = next(t for t in world.tenants("northwind", "live") if str(t) not in limited["tenants"])
    assert (await client.get(f"/api/v1/partner/customers/{outside}")).status_code == 404
