"""Codes, trail, people, notices and tickets of a customer."""

import json

import pytest

from support_world import World, csrf

pytestmark = pytest.mark.anyio
APPROVER = "admin@acme-fiber.example"


async def test_a_code_is_shown_once_and_can_be_withdrawn(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    made = await world.post(client, "/codes")
    assert made.status_code == 200
    code = made.text.split('id="code" type="text" value="', 1)[1].split('"', 1)[0]
    assert len(code.replace("-", "")) == 12
    assert code not in (await client.get("/codes")).text
    kept = world.sql("SELECT id FROM tenancy.link_code WHERE tenant_id = %s", world.tenant("acme-fiber"))
    newest = max(str(row["id"]) for row in kept)
    assert (await world.post(client, f"/codes/{newest}/withdraw")).status_code == 303
    assert (await world.post(client, f"/codes/{newest}/withdraw")).status_code == 404


async def test_the_trail_is_exported_with_its_head_and_the_export_is_noted(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    answer = await world.post(client, "/trail/export")
    assert answer.status_code == 200
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert "head" in lines[-1]
    assert len(lines) == lines[-1]["head"]["sequence"] + 1
    assert "The trail was exported" in (await client.get("/trail?family=trail")).text


async def test_an_export_asks_for_a_fresh_code_and_is_sent_with_it(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    world.sql("UPDATE tenancy.customer_session SET factor_at = now() - interval '1 hour'")
    asked = await world.post(client, "/trail/export")
    assert asked.status_code == 403
    assert 'name="step_up_code"' in asked.text
    noted = "SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'trail.exported'"
    assert world.sql(noted) == [{"n": 0}]
    answer = await world.post(client, "/trail/export", step_up_code=world.code(APPROVER))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert '"signature"' in answer.text.splitlines()[-1]
    assert world.sql(noted) == [{"n": 1}]


async def test_after_the_code_an_export_leads_back_to_the_page_on_which_the_file_comes(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    world.sql("UPDATE tenancy.customer_session SET factor_at = now() - interval '1 hour'")
    where = {"referer": "http://customers.localhost:8000/trail?family=link"}
    asked = await client.post("/trail/export", data={"_csrf_token": await csrf(client)}, headers=where)
    assert 'name="step_up_back" value="/trail?family=link"' in asked.text
    back = {"step_up_back": "/trail?family=link"}
    wrong = await world.post(client, "/trail/export", step_up_code="000000", **back)
    assert wrong.status_code == 422
    assert 'value="/trail?family=link"' in wrong.text
    led = await world.post(client, "/trail/export", step_up_code=world.code(APPROVER), **back)
    assert (led.status_code, led.headers["location"]) == (303, "/trail?family=link")
    page = await client.get(led.headers["location"])
    assert "data-download" in page.text
    assert 'action="/trail/export"' in page.text
    assert "data-download" not in (await client.get("/trail")).text, "said once"
    file = await world.post(client, "/trail/export")
    assert file.headers["content-disposition"].startswith("attachment")


async def test_people_and_notices_are_the_own_ones(demo: World) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    page = (await client.get("/people")).text
    assert APPROVER in page
    assert "admin@harborline.example" not in page
    assert (await client.get("/notices")).status_code == 200


async def test_a_deactivated_person_is_refused_on_the_next_request(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    assert (await client.get("/")).status_code == 200
    world.sql("UPDATE tenancy.customer_user SET status = 'deactivated' WHERE email = %s", APPROVER)
    answer = await client.get("/")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_tickets_are_opened_answered_closed_and_opened_again(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    made = await world.post(client, "/tickets/new", subject="No uplink", priority="high", category="network")
    assert made.status_code == 303, made.text
    ticket = made.headers["location"]
    assert (await world.post(client, f"{ticket}/comment", content="Since eight o'clock")).status_code == 303
    assert "Since eight o&#39;clock" in (await client.get(ticket)).text
    assert (await world.post(client, f"{ticket}/status", status="closed")).status_code == 303
    assert "Open again" in (await client.get(ticket)).text
    assert (await world.post(client, f"{ticket}/status", status="open")).status_code == 303
    for wrong in ({"subject": ""}, {"subject": "x" * 201}, {"subject": "x", "priority": "king"}):
        answer = await world.post(client, "/tickets/new", **wrong)
        assert answer.status_code == 422
        assert "field-error" in answer.text
    assert (await world.post(client, f"{ticket}/comment", content="  ")).status_code == 422
    assert (await world.post(client, f"{ticket}/status", status="pending")).status_code == 422


async def test_internal_notes_and_foreign_tickets_are_never_shown(demo: World) -> None:
    client = await demo.sign_in(APPROVER, "customers")
    notes = demo.sql(
        "SELECT ticket_id, content FROM tenancy.ticket_comment WHERE is_internal AND tenant_id = %s",
        demo.tenant("acme-fiber"),
    )
    assert notes
    for note in notes[:3]:
        page = await client.get(f"/tickets/{note['ticket_id']}")
        assert page.status_code == 200
        assert note["content"] not in page.text
        assert "Internal" not in page.text
    foreign = demo.sql("SELECT id FROM tenancy.ticket WHERE tenant_id = %s LIMIT 1", demo.tenant("harborline"))[0]["id"]
    assert (await client.get(f"/tickets/{foreign}")).status_code == 404
    assert (await demo.post(client, f"/tickets/{foreign}/comment", content="x")).status_code == 404
