"""What staff do over HTTP, and what the partner or the customer feels on the next request."""

import json

import pytest

from support_welcome import walked
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, READER = "lead@halcyon.example", "read_only@halcyon.example"
PATHS = (
    "/",
    "/partners",
    "/tenants",
    "/links",
    "/people",
    "/people?side=customer",
    "/audit",
    "/mail",
    "/jobs",
    "/notices",
)


def partner_id(world: World, slug: str) -> str:
    return str(world.sql("SELECT id FROM portal.partner WHERE slug = %s", slug)[0]["id"])


def person_id(world: World, table: str, email: str) -> str:
    return str(world.sql(f"SELECT id FROM {table} WHERE email = %s", email)[0]["id"])


@pytest.mark.parametrize("path", PATHS)
async def test_every_section_opens_and_filters(demo: World, path: str) -> None:
    client = await demo.sign_in(LEAD, "staff")
    mark = "&" if "?" in path else "?"
    for more in ("", f"{mark}q=%25_'", f"{mark}q=%00"):
        assert (await client.get(path + more)).status_code == 200, path + more
    if path != "/":
        assert (await client.get(f"{path}{mark}page=-1")).status_code in {200, 422}


async def test_pages_of_one_thing_open_and_absent_ones_do_not(demo: World) -> None:
    client = await demo.sign_in(LEAD, "staff")
    link = demo.sql("SELECT id FROM portal.partner_tenant_link WHERE status = 'active' LIMIT 1")[0]["id"]
    partner, tenant = partner_id(demo, "northwind"), demo.tenant("acme-fiber")
    for path in (
        f"/partners/{partner}",
        f"/tenants/{tenant}",
        f"/links/{link}",
        f"/links/{link}/revoke",
        "/links/new",
        f"/audit?chain=partner:{partner}",
        f"/audit?chain=tenant:{tenant}",
        f"/audit/tenant:{tenant}/1",
    ):
        assert (await client.get(path)).status_code == 200, path
    absent = "00000000-0000-7000-8000-000000000000"
    for path in (f"/partners/{absent}", f"/tenants/{absent}", f"/links/{absent}", f"/partners/{partner}/explode"):
        assert (await client.get(path)).status_code == 404, path
    assert (await client.get("/audit?chain=nonsense")).status_code == 422


async def test_read_only_staff_read_and_post_nothing(demo: World) -> None:
    client = await demo.sign_in(READER, "staff")
    partner, tenant = partner_id(demo, "northwind"), demo.tenant("acme-fiber")
    page = (await client.get(f"/partners/{partner}")).text
    assert "Suspend" not in page
    assert "Invite a person" not in (await client.get(f"/tenants/{tenant}")).text
    link = demo.sql("SELECT id FROM portal.partner_tenant_link WHERE status = 'active' LIMIT 1")[0]["id"]
    person = person_id(demo, "portal.partner_user", "principal@veritas.example")
    for path in (
        f"/partners/{partner}/suspend",
        f"/links/{link}/revoke",
        "/links/new",
        f"/people/partner/{person}/deactivate",
        f"/tenants/{tenant}/invite",
        "/jobs/1/retry",
    ):
        assert (await demo.post(client, path, reason="x")).status_code == 403, path


async def test_a_suspended_partner_reads_and_a_terminated_one_is_gone(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    partner, console = partner_id(world, "northwind"), await world.sign_in("principal@northwind.example")
    refused = await world.post(client, f"/partners/{partner}/suspend", reason=" ")
    assert refused.status_code == 422
    assert "field-error" in refused.text
    assert (await world.post(client, f"/partners/{partner}/suspend", reason="Unpaid")).status_code == 303
    assert (await console.get("/")).status_code == 200
    assert (await world.post(console, "/notices/read")).status_code in {303, 403}
    assert (await world.post(client, f"/partners/{partner}/terminate", reason="Over")).status_code == 303
    assert (await console.get("/")).status_code == 303
    rows = world.sql("SELECT status FROM portal.partner_tenant_link WHERE partner_id = %s", partner)
    assert not {row["status"] for row in rows} & {"active", "paused", "scheduled", "requested", "countered"}


async def test_a_deactivated_person_is_out_on_the_next_request(world: World) -> None:
    client, email = await world.sign_in(LEAD, "staff"), "msp_support@northwind.example"
    console, person = await world.sign_in(email), person_id(world, "portal.partner_user", email)
    assert (await world.post(client, f"/people/partner/{person}/deactivate", reason="Left")).status_code == 303
    assert (await console.get("/")).status_code == 303
    assert (await world.post(client, f"/people/partner/{person}/reactivate", reason="Back")).status_code == 303
    assert (await console.get("/")).status_code == 303, "the old session stays ended"
    customer = await world.sign_in("admin@acme-fiber.example", "customers")
    person = person_id(world, "tenancy.customer_user", "admin@acme-fiber.example")
    assert (await world.post(client, f"/people/customer/{person}/deactivate", reason="Left")).status_code == 303
    assert (await customer.get("/")).status_code == 303


async def test_the_last_principal_stays(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    person = person_id(world, "portal.partner_user", "principal@veritas.example")
    world.sql(
        "UPDATE portal.partner_user SET status = 'deactivated' WHERE 'principal' = ANY (roles) AND id <> %s"
        " AND partner_id = (SELECT partner_id FROM portal.partner_user WHERE id = %s)",
        person,
        person,
    )
    await world.post(client, f"/people/partner/{person}/deactivate", reason="Left")
    assert "last active principal" in (await client.get("/people")).text
    assert world.sql("SELECT status FROM portal.partner_user WHERE id = %s", person)[0]["status"] == "active"


async def test_a_beta_link_needs_a_reason_and_can_be_revoked(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    tenant = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("bluepeak"))[0]["domain"]
    wish = {
        "partner_id": partner_id(world, "bluepeak"),
        "domain": tenant,
        "access_role": "msp_support",
        "operating_model": "co_managed",
        "relationship_type": "msp_managed",
    }
    for wrong in ({"reason": ""}, {"reason": "x", "domain": "nobody"}, {"reason": "x", "access_role": "king"}):
        answer = await world.post(client, "/links/new", **(wish | wrong))
        assert answer.status_code == 422
        assert "field-error" in answer.text
    made = await world.post(client, "/links/new", **wish, reason="Beta")
    assert made.status_code == 303, made.text
    link = made.headers["location"]
    assert (await world.post(client, f"{link}/pause", reason="Wait")).status_code == 303
    assert (await world.post(client, f"{link}/resume")).status_code == 303
    assert (await world.post(client, f"{link}/revoke", reason="")).status_code == 422
    assert (await world.post(client, f"{link}/revoke", reason="Done")).status_code == 303
    assert "Revoked" in (await client.get(link)).text


async def invited(world: World) -> str:
    client, tenant = await world.sign_in(LEAD, "staff"), world.tenant("quarry-lake")
    wrong = await world.post(client, f"/tenants/{tenant}/invite", name="", email="nobody", role="king")
    assert wrong.status_code == 422
    page = await world.post(
        client, f"/tenants/{tenant}/invite", name="Nuria Soler", email="Nuria@Quarry-Lake.example", role="approver"
    )
    assert page.status_code == 200, page.text
    return "/welcome/" + page.text.split("/welcome/", 1)[1].split('"', 1)[0]


async def test_nobody_is_invited_at_what_no_letter_can_go_to(world: World) -> None:
    client = await world.sign_in("lead@halcyon.example", "staff")
    tenant = world.tenant("quarry-lake")
    before = world.sql("SELECT count(*) AS n FROM tenancy.customer_user")
    for email in ("ana@acme..com", "a@b@c.dd", "(x)@yonder.com", "a@[x.y"):
        wrong = await world.post(client, f"/tenants/{tenant}/invite", name="Ana", email=email, role="approver")
        assert wrong.status_code == 422, email
        assert "This is not an e-mail address" in wrong.text
    assert world.sql("SELECT count(*) AS n FROM tenancy.customer_user") == before


async def test_a_first_approver_is_invited_and_comes_in_with_the_link(world: World) -> None:
    path, customer = await invited(world), world.client("customers")
    await walked(world, customer, path)
    assert "Who has access" in (await customer.get("/")).text
    assert "Link already used" in (await customer.get(path)).text
    acts = world.sql("SELECT action FROM portal.audit_entry WHERE chain_id = %s", world.tenant("quarry-lake"))
    assert {"person.invited", "sign_in.enrolled"} <= {row["action"] for row in acts}


async def test_a_new_invitation_kills_the_link_of_before(world: World) -> None:
    old, customer = await invited(world), world.client("customers")
    assert (await customer.get(old)).status_code == 200
    await invited(world)
    assert (await customer.get(old)).status_code == 410


async def test_a_person_of_two_customers_switches(world: World) -> None:
    client = await world.sign_in("it@alpenglow.example", "customers")
    assert "/switch" in (await client.get("/")).text
    there = world.tenant("costa-verde")
    assert (await world.post(client, "/switch", tenant_id=str(there))).status_code == 303
    page = (await client.get("/")).text
    assert "Costa Verde" in page
    assert "Stop all partner access" not in page, "a viewer there"
    assert (await world.post(client, "/switch", tenant_id=str(world.tenant("harborline")))).status_code == 404


async def test_a_chain_is_exported_with_a_fresh_code(world: World) -> None:
    client, chain = await world.sign_in(LEAD, "staff"), f"tenant:{world.tenant('acme-fiber')}"
    world.sql("UPDATE portal.staff_session SET factor_at = now() - interval '1 hour'")
    assert 'action="/audit/export"' in (await client.get(f"/audit?chain={chain}")).text
    asked = await world.post(client, "/audit/export", chain=chain)
    assert asked.status_code == 403
    assert f'name="chain" value="{chain}"' in asked.text, "which chain is kept"
    assert world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'trail.exported'") == []
    answer = await world.post(client, "/audit/export", chain=chain, step_up_code=world.code(LEAD))
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["chain"] for line in lines[:-1]} == {lines[-1]["head"]["chain"]} == {chain}
    assert (await world.post(client, "/audit/export", chain="nonsense")).status_code == 422
    reader = await world.sign_in(READER, "staff")
    assert "/audit/export" not in (await reader.get("/audit")).text
    assert (await world.post(reader, "/audit/export", chain=chain)).status_code == 403


async def test_a_request_that_nobody_can_approve_is_a_notice_until_it_was_read(world: World) -> None:
    tenant = world.tenant("quarry-lake")
    world.sql(
        'INSERT INTO portal.notice (id, audience, kind, tenant_id, "values", dedupe) VALUES'
        " (gen_random_uuid(), 'staff', 'link.no_approver', %s, %s, 'x')",
        tenant,
        json.dumps({"partner": "Bluepeak", "tenant": "Quarry"}),
    )
    client = await world.sign_in(READER, "staff")
    page = (await client.get("/notices?show=unread")).text
    assert "Bluepeak asks for access to Quarry, where nobody can approve" in page
    assert f'href="/tenants/{tenant}"' in page
    world.sql("UPDATE portal.notice SET created_at = now() - interval '5 minutes' WHERE audience = 'staff'")
    assert (await world.post(client, "/notices/read")).status_code == 303
    assert "Nothing unread" in (await client.get("/notices?show=unread")).text
    other = await world.sign_in(LEAD, "staff")
    assert "Bluepeak asks" in (await other.get("/notices?show=unread")).text, "each person reads for themselves"
    assert (await world.post(client, "/notices/read", id="nonsense")).status_code == 422


async def test_a_failed_sign_in_is_nobodys_not_an_erased_name(world: World) -> None:
    stranger = world.client("partners")
    refused = await world.post(stranger, "/sign-in", email="nobody@example.org", password="not a word", code="000000")
    assert refused.status_code == 401
    page = (await (await world.sign_in(LEAD, "staff")).get("/audit")).text
    assert "Somebody not signed in" in page
    assert "Erased name" not in page
