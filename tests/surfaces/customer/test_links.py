"""A customer answers, narrows and stops its partners over HTTP; the partner feels it on its next request."""

import re

import pytest

from support_world import World

pytestmark = pytest.mark.anyio
APPROVER, PARTNER = "admin@acme-fiber.example", "principal@northwind.example"


def link_of(world: World, slug: str, partner: str, status: str) -> str:
    rows = world.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " JOIN tenancy.tenant AS t ON t.id = l.tenant_id WHERE t.slug = %s AND p.slug = %s AND l.status = %s",
        slug,
        partner,
        status,
    )
    return str(rows[0]["id"])


def status_of(world: World, link: str) -> str:
    found: str = world.sql("SELECT status FROM portal.partner_tenant_link WHERE id = %s", link)[0]["status"]
    return found


async def test_the_first_page_says_who_has_access_and_what_it_may_see(demo: World) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    page = (await client.get("/")).text
    for name in ("Northwind Managed Services", "Veritas Audit", "Bluepeak Labs", "Security posture", "Stop all"):
        assert name in page
    assert "@northwind.example" not in page, "a partner's people have no address here"


async def test_a_request_is_approved_exactly_as_asked(world: World) -> None:
    client = await world.sign_in("admin@kestrel.example", "customers")
    link = link_of(world, "kestrel", "northwind", "requested")
    partner = await world.sign_in(PARTNER)
    tenant = world.tenant("kestrel")
    assert (await partner.get(f"/t/{tenant}/")).status_code == 404
    assert "Waiting for your answer" in (await client.get("/")).text
    asked = world.sql("SELECT permissions FROM portal.partner_tenant_link WHERE id = %s", link)
    done = await world.post(client, f"/links/{link}/approve")
    assert done.status_code == 303
    assert "You approved the access of Northwind" in (await client.get(f"/links/{link}")).text
    assert status_of(world, link) == "active"
    assert world.sql("SELECT permissions FROM portal.partner_tenant_link WHERE id = %s", link) == asked
    assert (await partner.get(f"/t/{tenant}/")).status_code == 200


async def test_approving_asks_for_a_fresh_code_and_keeps_what_was_entered(world: World) -> None:
    client = await world.sign_in("admin@kestrel.example", "customers")
    link = link_of(world, "kestrel", "northwind", "requested")
    world.sql("UPDATE tenancy.customer_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, f"/links/{link}/approve")
    assert asked.status_code == 403
    assert 'name="step_up_code"' in asked.text
    wrong = await world.post(client, f"/links/{link}/approve", step_up_code="000000")
    assert wrong.status_code == 422
    assert status_of(world, link) == "requested"
    done = await world.post(client, f"/links/{link}/approve", step_up_code=world.code("admin@kestrel.example"))
    assert done.status_code == 303
    assert status_of(world, link) == "active"


async def test_less_is_offered_after_the_difference_was_seen(world: World) -> None:
    client = await world.sign_in("admin@kestrel.example", "customers")
    link = link_of(world, "kestrel", "northwind", "requested")
    kept = ["partner.support.tickets.list", "partner.support.tickets.read"]
    page = (await client.get(f"/links/{link}/counter")).text
    field = next(tag for tag in re.findall(r"<input[^>]*>", page) if 'name="ends_at"' in tag)
    end = re.findall(r'value="([^"]*)"', field)[0]
    offer = {"permissions": kept, "operating_model": "customer_managed", "ends_at": end, "reason": "Enough"}
    seen = await world.post(client, f"/links/{link}/counter", **offer)
    assert seen.status_code == 200
    assert "Taken away" in seen.text
    assert status_of(world, link) == "requested", "seeing the difference sends nothing"
    done = await world.post(client, f"/links/{link}/counter", **offer, confirmed="yes")
    assert done.status_code == 303, done.text
    assert status_of(world, link) == "countered"
    rows = world.sql("SELECT permissions FROM portal.link_change WHERE link_id = %s AND status = 'open'", link)
    assert rows[0]["permissions"] == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("permissions", ["partner.billing.write", "partner.support.tickets.read"]),
        ("permissions", []),
        ("operating_model", "fully_managed"),
        ("operating_model", "nonsense"),
        ("ends_at", "not a day"),
        ("ends_at", "9999-12-31"),
        ("reason", "x" * 2001),
    ],
)
async def test_an_offer_that_is_no_less_is_refused_beside_its_field(world: World, field: str, value: object) -> None:
    client = await world.sign_in("admin@kestrel.example", "customers")
    link = link_of(world, "kestrel", "northwind", "requested")
    offer = {"permissions": ["partner.support.tickets.read"], "operating_model": "customer_managed", "ends_at": ""}
    world.sql("UPDATE portal.partner_tenant_link SET ends_at = now() + interval '90 days' WHERE id = %s", link)
    offer["ends_at"] = str(world.sql("SELECT (now() + interval '20 days')::date AS day")[0]["day"])
    answer = await world.post(client, f"/links/{link}/counter", **(offer | {field: value}), confirmed="yes")
    if field == "permissions" and value:
        assert answer.status_code == 303, "what was not asked for is not offered"
        rows = world.sql("SELECT permissions FROM portal.link_change WHERE link_id = %s AND status = 'open'", link)
        assert rows[0]["permissions"] == ["partner.support.tickets.read"]
        return
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert status_of(world, link) == "requested"


async def test_revoking_shuts_the_partner_out_on_its_next_request(world: World) -> None:
    client, partner = await world.sign_in(APPROVER, "customers"), await world.sign_in(PARTNER)
    tenant, link = world.tenant("acme-fiber"), link_of(world, "acme-fiber", "northwind", "active")
    assert (await partner.get(f"/t/{tenant}/")).status_code == 200
    done = await world.post(client, f"/links/{link}/revoke", reason="Contract over")
    assert done.status_code == 303
    assert (await partner.get(f"/t/{tenant}/")).status_code == 404
    page = (await client.get(f"/links/{link}")).text
    assert "You revoked the access" in page
    assert "Contract over" in page
    assert "/revoke" not in page, "what is over has no buttons"
    assert (await world.post(client, f"/links/{link}/revoke")).status_code == 409


async def test_a_pause_is_lifted_only_by_the_side_that_set_it(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    link = link_of(world, "acme-fiber", "northwind", "active")
    assert (await world.post(client, f"/links/{link}/pause")).status_code == 303
    assert status_of(world, link) == "paused"
    assert (await world.post(client, f"/links/{link}/resume")).status_code == 303
    assert status_of(world, link) == "active"
    world.sql("UPDATE portal.partner_tenant_link SET status = 'paused', paused_by = 'partner' WHERE id = %s", link)
    assert (await world.post(client, f"/links/{link}/resume")).status_code == 409
    assert "Only the partner can resume it" in (await client.get(f"/links/{link}")).text


async def test_narrowing_binds_at_once(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    link = link_of(world, "acme-fiber", "northwind", "active")
    end = world.sql("SELECT (now() + interval '30 days')::date AS day")[0]["day"]
    less = {"permissions": "partner.billing.read", "operating_model": "customer_managed", "ends_at": str(end)}
    assert (await world.post(client, f"/links/{link}/narrow", **less)).status_code == 200
    assert (await world.post(client, f"/links/{link}/narrow", **less, confirmed="yes")).status_code == 303
    row = world.sql("SELECT permissions, operating_model FROM portal.partner_tenant_link WHERE id = %s", link)[0]
    assert row == {"permissions": ["partner.billing.read"], "operating_model": "customer_managed"}


async def test_one_press_stops_every_partner(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    assert (await client.get("/stop-all")).status_code == 200
    done = await world.post(client, "/stop-all", reason="Incident")
    assert done.status_code == 303
    assert "3 partners lost access" in (await client.get("/")).text
    tenant = world.tenant("acme-fiber")
    rows = world.sql("SELECT status FROM portal.partner_tenant_link WHERE tenant_id = %s", tenant)
    assert {row["status"] for row in rows} == {"revoked"}
    for email in (PARTNER, "principal@veritas.example"):
        partner = await world.sign_in(email)
        assert (await partner.get(f"/t/{tenant}/")).status_code == 404


async def test_a_wish_for_more_is_granted_as_the_difference(world: World) -> None:
    client = await world.sign_in("admin@blue-mesa.example", "customers")
    link = link_of(world, "blue-mesa", "northwind", "active")
    page = (await client.get(f"/links/{link}")).text
    assert "asks to change its access" in page
    assert (await world.post(client, f"/links/{link}/approve-change")).status_code == 303
    row = world.sql("SELECT access_role FROM portal.partner_tenant_link WHERE id = %s", link)[0]
    assert row["access_role"] == "msp_full"
    assert (await world.post(client, f"/links/{link}/approve-change")).status_code == 409


async def test_a_viewer_sees_everything_and_decides_nothing(world: World) -> None:
    client = await world.sign_in("viewer@acme-fiber.example", "customers")
    link = link_of(world, "acme-fiber", "northwind", "active")
    for path in ("/", f"/links/{link}"):
        page = await client.get(path)
        assert page.status_code == 200
        assert "Stop all" not in page.text
        assert "/revoke" not in page.text
    for path in (f"/links/{link}/revoke", f"/links/{link}/pause", "/stop-all", "/codes", "/trail/export"):
        assert (await world.post(client, path)).status_code == 403
    assert status_of(world, link) == "active"


async def test_the_link_of_another_customer_does_not_exist(demo: World) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    foreign = link_of(demo, "harborline", "northwind", "active")
    absent = "00000000-0000-7000-8000-000000000000"
    for path in ("", "/revoke", "/narrow"):
        assert (await client.get(f"/links/{foreign}{path}")).status_code == 404
        assert (await client.get(f"/links/{absent}{path}")).status_code == 404
    for act in ("approve", "decline", "pause", "resume", "revoke", "narrow"):
        assert (await demo.post(client, f"/links/{foreign}/{act}")).status_code == 404
    assert status_of(demo, foreign) == "active"


@pytest.mark.parametrize(
    "path",
    [
        "/links?page=-1",
        "/links?page=99999999999999",
        "/links?state=nonsense",
        "/trail?partner=1",
        "/trail?since=never",
        "/trail?cursor=-1",
        "/tickets?status=%00",
        "/people?role=king",
    ],
)
async def test_an_address_that_means_nothing_gets_a_sentence(demo: World, path: str) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    assert (await client.get(path)).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/links?q=%00%25_", "/trail?q=%00", "/people?q=%25&sort=-active", "/links?sort=';--", "/trail?since=2020-01-01"],
)
async def test_odd_searches_are_searches(demo: World, path: str) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    assert (await client.get(path)).status_code == 200


async def test_a_number_past_every_chain_is_no_entry(demo: World) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    for number in ("0", "999999999", "9" * 40):
        assert (await client.get(f"/trail/{number}")).status_code == 404
    assert (await client.get("/trail/1")).status_code == 200
