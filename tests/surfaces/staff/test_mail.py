"""The staff page of mail: who sees that a letter went, who reads it, and what of it."""

import re

import httpx
import pytest

from guildhall.core import db
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from support_actors import partner_person, staff_person
from support_smtp import deliver_over, smtp, work_off
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, READER, SUPPORT, FINANCE = (f"{role}@halcyon.example" for role in ("lead", "read_only", "support", "finance"))
SECRET, CODE = "/welcome/the-one-time-link", "482913"


async def written(world: World, to: str = "ana@acme.example") -> str:
    """Post an invitation and let the worker deliver it; return the letter's address."""
    letter = Letter(
        kind="person.invited",
        to=to,
        name="Ana <b>Ruiz</b>",
        subject="Your invitation to %(vendor)s",
        paragraphs=("You are invited to work with %(vendor)s. The link is yours alone and works for 7 days.",),
        values={"vendor": "Halcyon Cloud"},
        link=("partners", SECRET),
        button="Accept the invitation",
        code=CODE,
    )
    actor = partner_person(world)
    async with db.transaction(actor) as connection:
        mail_id = await post(connection, letter)
    await work_off(world)
    return f"/mail/{mail_id}"


async def opened(world: World, client: httpx.AsyncClient, letter: str) -> httpx.Response:
    """Open a letter as its button does."""
    answer = await world.post(client, f"{letter}/open")
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


def entries(world: World, action: str) -> int:
    found: int = world.sql("SELECT count(*) AS n FROM portal.audit_entry WHERE action = %s", action)[0]["n"]
    return found


async def test_a_kept_letter_is_read_by_a_lead_who_hands_its_link_over(world: World) -> None:
    deliver_over(world, None)
    letter = await written(world)
    client = await world.sign_in(LEAD, "staff")
    before = await client.get(letter)
    assert before.status_code == 200
    assert SECRET not in before.text
    assert entries(world, "mail.opened") == 0, "a look at how it went is no reading"
    page = await opened(world, client, letter)
    assert f"http://partners.localhost:8000{SECRET}" in page.text
    assert CODE in page.text
    assert "<b>Ruiz</b>" not in page.text
    assert entries(world, "mail.opened") == 1
    frame = await client.get(re.search(r'src="(/mail/[^"]+)"', page.text)[1].replace("&amp;", "&"))  # type: ignore[index]
    assert SECRET in frame.text
    assert "<b>Ruiz</b>" not in frame.text
    assert frame.headers["content-security-policy"].endswith("; sandbox")
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-src 'self'" in page.headers["content-security-policy"]


async def test_what_was_opened_is_shown_to_that_session_only_and_for_a_while(world: World) -> None:
    deliver_over(world, None)
    letter, other = await written(world), await written(world, "ben@acme.example")
    client = await world.sign_in(LEAD, "staff")
    answer = await world.post(client, f"{letter}/open")
    key = answer.headers["location"].partition("?")[2]
    assert SECRET in (await client.get(f"{letter}?{key}")).text
    assert SECRET not in (await client.get(f"{other}?{key}")).text
    assert (await client.get(f"{other}/letter?{key}")).status_code == 404
    world.signed.keys.clear()
    again = await world.sign_in(LEAD, "staff")
    assert SECRET not in (await again.get(f"{letter}?{key}")).text
    endless = f"key={'1' * 5000}.0"
    old = re.sub(r"key=\d+", lambda found: f"key={int(found[0][4:]) - 601}", key)
    for wrong in (old, endless, "key=", "key=1.2", f"{key}0"):
        assert SECRET not in (await client.get(f"{letter}?{wrong}")).text, wrong
        assert (await client.get(f"{letter}/letter?{wrong}")).status_code == 404, wrong


async def test_a_letter_that_was_sent_shows_neither_link_nor_code(world: World) -> None:
    with smtp() as inbox:
        deliver_over(world, inbox)
        letter = await written(world)
        assert len(inbox.messages) == 1
    client = await world.sign_in(LEAD, "staff")
    page = await opened(world, client, letter)
    assert "Your invitation to Halcyon Cloud" in page.text
    assert SECRET not in page.text
    assert CODE not in page.text
    frame = await client.get(re.search(r'src="(/mail/[^"]+)"', page.text)[1].replace("&amp;", "&"))  # type: ignore[index]
    assert SECRET not in frame.text
    assert CODE not in frame.text


async def test_a_letter_that_its_reader_has_stays_closed_when_a_later_try_fails(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    with smtp() as inbox:
        deliver_over(world, inbox)
        letter = await written(world)
        inbox.answers["ana@acme.example"] = "550 5.1.1 no such mailbox"
        await world.post(client, f"{letter}/again")
        await work_off(world)
    assert world.sql("SELECT status FROM portal.mail WHERE id = %s", letter.removeprefix("/mail/")) == [
        {"status": "failed"}
    ]
    page = await opened(world, client, letter)
    assert "Your invitation to Halcyon Cloud" in page.text
    assert SECRET not in page.text
    assert CODE not in page.text


@pytest.mark.parametrize("email", [SUPPORT, READER])
async def test_others_see_that_a_letter_went_and_never_what_it_says(world: World, email: str) -> None:
    deliver_over(world, None)
    letter = await written(world)
    client = await world.sign_in(email, "staff")
    assert "ana@acme.example" in (await client.get("/mail?q=ana@acme")).text
    page = await client.get(letter)
    assert page.status_code == 200
    assert "Read this letter" not in page.text
    assert (await world.post(client, f"{letter}/open")).status_code == 403
    assert (await client.get(f"{letter}/letter?key=1.2")).status_code == 403
    assert entries(world, "mail.opened") == 0
    actor = staff_person(world, email)
    async with db.transaction(actor) as connection:
        sealed = await connection.exec_driver_sql(f"SELECT portal.open_letter('{letter.removeprefix('/mail/')}')")
        assert sealed.scalar() is None, "the database asks for a lead too"


async def test_the_database_gives_no_staff_the_sealed_column(world: World) -> None:
    actor = staff_person(world)
    with pytest.raises(Exception, match="permission denied"):
        async with db.transaction(actor) as connection:
            await connection.exec_driver_sql("SELECT sealed FROM portal.mail")


async def test_reading_a_letter_asks_for_a_fresh_code(world: World) -> None:
    deliver_over(world, None)
    letter = await written(world)
    client = await world.sign_in(LEAD, "staff")
    world.sql("UPDATE portal.staff_session SET factor_at = now() - interval '11 minutes'")
    asked = await world.post(client, f"{letter}/open")
    assert asked.status_code == 403
    assert "step_up_code" in asked.text
    assert entries(world, "mail.opened") == 0
    answer = await world.post(client, f"{letter}/open", step_up_code=world.code(LEAD))
    assert answer.status_code == 303
    assert SECRET in (await client.get(answer.headers["location"])).text


async def test_a_letter_goes_out_again_once_there_is_a_server(world: World) -> None:
    deliver_over(world, None)
    letter = await written(world)
    client = await world.sign_in(SUPPORT, "staff")
    assert "ana@acme.example" in (await client.get(f"{letter}/again")).text
    assert (await world.post(client, f"{letter}/again")).status_code == 303
    twice = await world.post(client, f"{letter}/again")
    assert "waits for its delivery already" in (await client.get(twice.headers["location"])).text
    with smtp() as inbox:
        deliver_over(world, inbox)
        await work_off(world)
        assert [message["To"].addresses[0].addr_spec for message in inbox.messages] == ["ana@acme.example"]
    assert entries(world, "mail.sent_again") == 1
    (entry,) = world.sql("SELECT body FROM portal.audit_entry WHERE action = 'mail.sent_again'")
    assert "acme.example" not in entry["body"], "addresses stay where they can be erased"
    reader = await world.sign_in(READER, "staff")
    assert (await world.post(reader, f"{letter}/again")).status_code == 403
    assert entries(world, "mail.sent_again") == 1


async def test_a_test_letter_goes_to_whoever_asks_for_it(world: World) -> None:
    client = await world.sign_in(SUPPORT, "staff")
    with smtp() as inbox:
        deliver_over(world, inbox)
        answer = await world.post(client, "/mail/test", to="somebody@elsewhere.example")
        assert "A letter to you is on its way" in (await client.get(answer.headers["location"])).text
        await work_off(world)
        assert [message["To"].addresses[0].addr_spec for message in inbox.messages] == [SUPPORT]
    assert entries(world, "mail.tested") == 1
    reader = await world.sign_in(READER, "staff")
    assert (await world.post(reader, "/mail/test")).status_code == 403
    assert entries(world, "mail.tested") == 1


async def test_letters_are_found_by_address_status_and_kind(demo: World) -> None:
    client = await demo.sign_in(LEAD, "staff")
    for query in ("", "?q=kestrel", "?status=failed", "?kind=person.invited", "?sort=to", "?sort=-kind"):
        page = await client.get(f"/mail{query}")
        assert page.status_code == 200
        assert "p.ortega@kestrel.example" in page.text, query
    assert "p.ortega" not in (await client.get("/mail?status=sent")).text
    assert "Nothing matches" in (await client.get("/mail?q=nobody-here")).text
    for wrong in ("?status=lost", "?kind=nothing", "?page=0"):
        assert (await client.get(f"/mail{wrong}")).status_code == 422, wrong
    nobody = await demo.sign_in(FINANCE, "staff")
    assert (await nobody.get("/mail")).status_code == 403
    assert "/mail" not in (await nobody.get("/")).text


async def test_the_dashboard_tells_of_letters_that_failed(demo: World) -> None:
    assert "/mail?status=failed" in (await (await demo.sign_in(LEAD, "staff")).get("/")).text
    assert "/mail?status=failed" not in (await (await demo.sign_in(FINANCE, "staff")).get("/")).text


async def test_an_erased_letter_says_so(demo: World) -> None:
    client = await demo.sign_in(LEAD, "staff")
    row = demo.sql("SELECT id FROM portal.mail WHERE sealed IS NULL")[0]
    assert "has been erased" in (await client.get(f"/mail/{row['id']}")).text
    assert (await client.get("/mail/00000000-0000-7000-8000-000000000000")).status_code == 404
