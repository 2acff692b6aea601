"""Stepping into a customer: the context, and what is said where the gates refuse."""

import re
from uuid import uuid4

import pytest

from support_console import PRINCIPAL, TECHNICAL, VIEWER, hrefs, link_in, words
from support_world import World

pytestmark = pytest.mark.anyio


async def test_navigation_shows_only_what_the_person_may_use(demo: World) -> None:
    principal, viewer = await demo.sign_in(PRINCIPAL), await demo.sign_in(VIEWER)
    assert {"/customers", "/tickets", "/links", "/audit", "/team", "/notices"} <= set(
        hrefs(await principal.get("/team"))
    )
    assert not {"/tickets", "/audit"} & set(hrefs(await viewer.get("/team")))


async def test_inside_a_customer_the_bar_names_it_and_outside_there_is_none(demo: World) -> None:
    client, tenant = await demo.sign_in(PRINCIPAL), demo.tenant("acme-fiber")
    assert "Acting in Acme Fiber Co-managed" in words(await client.get(f"/t/{tenant}/tickets"))
    assert "Acting in" not in words(await client.get("/customers"))


async def test_two_tabs_are_two_customers(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    first, second = demo.tenant("acme-fiber"), demo.tenant("thistle")
    await client.get(f"/t/{first}/tickets")
    await client.get(f"/t/{second}/tickets")
    assert "Acting in Acme Fiber" in words(await client.get(f"/t/{first}/tickets"))
    assert "Acting in Thistle Broadband" in words(await client.get(f"/t/{second}/tickets"))


@pytest.mark.parametrize("part", ["", "tickets", "tickets/new", "billing", "subscribers", "usage"])
async def test_a_foreign_customer_answers_as_one_that_does_not_exist(demo: World, part: str) -> None:
    client = await demo.sign_in(PRINCIPAL)
    foreign, absent = demo.unlinked("northwind"), uuid4()
    revoked = demo.tenants("northwind", "revoked")[0]
    answers = [await client.get(f"/t/{tenant}/{part}") for tenant in (absent, foreign, revoked)]
    masked = {
        re.sub(r"<code>[^<]+</code>|value=\"[0-9a-f]{64,}\"", "", answer.text.replace(str(tenant), "ID"))
        for answer, tenant in zip(answers, (absent, foreign, revoked), strict=True)
    }
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len(masked) == 1


async def test_an_expired_link_says_who_can_give_access_again(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    tenant = demo.tenants("northwind", "expired")[0]
    answer = await client.get(f"/t/{tenant}/tickets")
    assert answer.status_code == 403
    assert "can give you access again" in words(answer)
    assert f"/links/{link_in(demo, 'expired')}" in hrefs(answer)
    assert "Acting in" not in words(answer)


async def test_a_paused_link_says_who_can_resume_it(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    answer = await client.get(f"/t/{demo.tenants('northwind', 'paused')[0]}/tickets")
    assert answer.status_code == 403
    assert "can resume it" in words(answer)


async def test_without_the_role_a_principal_is_named_and_without_the_link_an_approver(demo: World) -> None:
    tenant = demo.tenant("acme-fiber")
    viewer = await (await demo.sign_in(VIEWER)).get(f"/t/{tenant}/tickets")
    assert viewer.status_code == 403
    assert "A principal of your organisation" in words(viewer)
    principal = await (await demo.sign_in(PRINCIPAL)).get(f"/t/{demo.tenant('northgate')}/subscribers")
    assert principal.status_code == 403
    assert "An approver there can allow it" in words(principal)


async def test_pausing_binds_on_the_next_request(world: World) -> None:
    client, tenant = await world.sign_in(PRINCIPAL), world.tenant("acme-fiber")
    assert (await client.get(f"/t/{tenant}/tickets")).status_code == 200
    world.sql(
        "UPDATE portal.partner_tenant_link SET status = 'paused', paused_by = 'tenant' WHERE tenant_id = %s"
        " AND status = 'active'",
        tenant,
    )
    assert (await client.get(f"/t/{tenant}/tickets")).status_code == 403


async def test_a_suspended_partner_reads_and_changes_nothing(demo: World) -> None:
    client = await demo.sign_in("principal@stillwater.example")
    assert (await client.get("/links")).status_code == 200
    refused = await demo.post(client, f"/links/{uuid4()}/end")
    assert refused.status_code == 403
    assert "Your organisation is suspended" in words(refused)


async def test_the_selector_finds_customers_by_name_and_leads_into_them(demo: World) -> None:
    client = await demo.sign_in(TECHNICAL)
    answer = await client.get("/tenants/options?q=acme")
    assert f'data-href="/t/{demo.tenant("acme-fiber")}/"' in answer.text
    assert "Thistle" not in answer.text


async def test_at_home_the_first_list_is_shown(demo: World) -> None:
    home = demo.sql("SELECT home_tenant_id FROM portal.partner WHERE slug = 'alderfinch'")[0]["home_tenant_id"]
    client = await demo.sign_in("principal@alderfinch.example")
    answer = await client.get(f"/t/{home}/")
    assert answer.headers["location"] == f"/t/{home}/tickets"
    assert (await client.get(answer.headers["location"])).status_code == 200
    other = await demo.sign_in(PRINCIPAL)
    assert (await other.get(f"/t/{home}/")).status_code == 404
