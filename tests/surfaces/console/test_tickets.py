"""Tickets: opened, answered, changed; nothing typed is lost; nobody overwrites another."""

import pytest

from support_console import AUDITOR, PRINCIPAL, SUPPORT, ticket_of, words
from support_world import World

pytestmark = pytest.mark.anyio


async def test_a_ticket_is_opened_and_shown_with_its_clock(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    answer = await world.post(
        client,
        f"/t/{tenant}/tickets/new",
        subject="No uplink in Lugo",
        description="Since 08:10.\nNothing changed here.",
        priority="urgent",
        category="network",
        tags="lugo, uplink",
        notify_customer="yes",
    )
    assert answer.status_code == 303
    shown = words(await client.get(answer.headers["location"]))
    assert all(each in shown for each in ("No uplink in Lugo", "Urgent", "lugo", "On time", "Its clock runs out at"))
    assert "No uplink in Lugo" in words(await client.get("/tickets?q=Lugo"))
    assert (
        world.sql(
            "SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'ticket.opened' AND target_id = %s",
            answer.headers["location"].rsplit("/", 1)[-1],
        )[0]["n"]
        == 2
    )


@pytest.mark.parametrize(
    "wrong",
    [{"subject": ""}, {"subject": "x" * 300}, {"priority": "nonsense"}, {"category": ""}, {"tags": "y" * 99}],
)
async def test_a_ticket_that_cannot_be_keeps_what_was_typed(world: World, wrong: dict[str, str]) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    before = world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"]
    right = {"subject": "Kept", "description": "Words & <more>", "priority": "low", "category": "other", "tags": "a"}
    answer = await world.post(client, f"/t/{tenant}/tickets/new", **(right | wrong))
    assert answer.status_code == 422
    assert "Words &amp; &lt;more&gt;" in answer.text
    assert "field-error" in answer.text
    assert world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"] == before


async def test_nul_octets_and_halves_of_characters_do_no_harm(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    answer = await world.post(
        client, f"/t/{tenant}/tickets/new", subject="a\x00b", description="\x00", priority="low", category="other"
    )
    assert answer.status_code == 303


async def test_an_internal_note_is_marked_and_an_answer_is_not(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    url = f"/t/{tenant}/tickets/{ticket_of(world, tenant)}"
    await world.post(client, f"{url}/comment", content="For the customer", audience="public")
    await world.post(client, f"{url}/comment", content="For us alone", audience="internal")
    shown = words(await client.get(url))
    assert "Internal note For us alone" in shown
    assert "Internal note For the customer" not in shown


async def test_an_empty_answer_is_told_beside_its_field(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    url = f"/t/{tenant}/tickets/{ticket_of(world, tenant)}"
    answer = await world.post(client, f"{url}/comment", content=" ", audience="internal")
    assert answer.status_code == 422
    assert 'id="answer-content-error"' in answer.text


async def test_whoever_saves_second_is_shown_what_changed_and_loses_nothing(world: World) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    url, version = f"/t/{tenant}/tickets/{ticket}", _version(world, ticket)
    was = {"version": version, "was_status": "open", "was_priority": _priority(world, ticket)}
    same = {"was_assigned_to": "", "assigned_to": ""}
    first = await world.post(client, f"{url}/change", status="pending", priority=was["was_priority"], **was, **same)
    assert first.status_code == 303
    second = await world.post(client, f"{url}/change", status="resolved", priority="low", **was, **same)
    assert second.status_code == 412
    assert "Changed meanwhile" in words(second)
    assert '<option value="resolved" selected' in second.text
    assert '<option value="low" selected' in second.text
    assert f'name="version" value="{int(version) + 1}"' in second.text
    assert world.sql("SELECT status FROM tenancy.ticket WHERE id = %s", ticket)[0]["status"] == "pending"


@pytest.mark.parametrize(
    "wrong", [{"version": "x"}, {"version": "9" * 40}, {"status": "nonsense"}, {"assigned_to": "x"}, {"priority": ""}]
)
async def test_a_change_that_cannot_be_changes_nothing(world: World, wrong: dict[str, str]) -> None:
    client, tenant = await world.sign_in(SUPPORT), world.tenant("acme-fiber")
    ticket = ticket_of(world, tenant)
    values = {"version": _version(world, ticket), "was_status": "", "status": "pending", "was_assigned_to": ""}
    answer = await world.post(client, f"/t/{tenant}/tickets/{ticket}/change", **(values | wrong))
    assert answer.status_code in {409, 412, 422}
    assert _version(world, ticket) == values["version"]


async def test_a_ticket_of_another_customer_is_not_found_here(demo: World) -> None:
    client = await demo.sign_in(PRINCIPAL)
    here, there = demo.tenant("acme-fiber"), demo.tenant("thistle")
    other = ticket_of(demo, there)
    assert (await client.get(f"/t/{there}/tickets/{other}")).status_code == 200
    assert (await client.get(f"/t/{here}/tickets/{other}")).status_code == 404
    assert (await demo.post(client, f"/t/{here}/tickets/{other}/comment", content="x")).status_code == 404
    foreign = ticket_of(demo, demo.tenant("cascadia-clinics"))
    assert (await client.get(f"/t/{here}/tickets/{foreign}")).status_code == 404


async def test_who_only_reads_sees_no_form_and_cannot_send_one(demo: World) -> None:
    client, tenant = await demo.sign_in(AUDITOR), demo.tenant("acme-fiber")
    ticket = ticket_of(demo, tenant)
    page = await client.get(f"/t/{tenant}/tickets/{ticket}")
    assert f"{ticket}/comment" not in page.text
    assert f"{ticket}/change" not in page.text
    assert (await demo.post(client, f"/t/{tenant}/tickets/{ticket}/comment", content="x")).status_code == 403
    assert (await client.get(f"/t/{tenant}/tickets/new")).status_code == 403


def _version(world: World, ticket: object) -> str:
    return str(world.sql("SELECT version FROM tenancy.ticket WHERE id = %s", ticket)[0]["version"])


def _priority(world: World, ticket: object) -> str:
    return str(world.sql("SELECT priority FROM tenancy.ticket WHERE id = %s", ticket)[0]["priority"])
