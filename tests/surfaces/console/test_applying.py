"""A stranger applies: what is refused, what is kept, what arrives, and how it goes on without an account."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from guildhall.core import db
from guildhall.core.actor import system
from guildhall.domain.partners import application_upkeep
from support_applying import GOOD, applied, apply, stored
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
LEAD = "lead@halcyon.example"


def count(world: World) -> int:
    return int(world.sql("SELECT count(*) AS n FROM portal.application")[0]["n"])


async def test_the_form_opens_in_both_languages_with_countries_in_each(demo: World) -> None:
    english = (await demo.client("partners").get("/apply")).text
    spanish = (await demo.client("partners", **{"accept-language": "es"}).get("/apply")).text
    assert "Become a partner" in english
    assert ">Germany<" in english
    assert "Ser partner" in spanish
    assert ">Alemania<" in spanish


async def test_an_application_arrives_with_letter_notice_and_trail_and_its_link_shows_it(world: World) -> None:
    application, path = await applied(world)
    row = stored(world, application)
    assert (row["status"], row["email"], row["website_domain"]) == (
        "submitted",
        "rita@harbour-lights.example",
        "harbour-lights.example",
    )
    (letter,) = letters(world, "rita@harbour-lights.example")
    assert letter.link == ("partners", path)
    page = await world.client("partners").get(path)
    assert page.status_code == 200
    assert "Nothing to do for you now" in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    entry = world.sql("SELECT body FROM portal.audit_entry WHERE target_id = %s", application)[0]["body"]
    assert "application.submitted" in entry
    assert "Rita" not in entry
    staff = await world.sign_in(LEAD, "staff")
    assert f"/applications/{application}" in (await staff.get("/notices?show=unread")).text


async def test_everything_wrong_is_said_at_once_beside_what_was_typed_and_nothing_is_kept(world: World) -> None:
    before = count(world)
    wrong = {
        "legal_name": " ",
        "website": "no site",
        "country": "XX",
        "type": "king",
        "email": "rita@gmail.com",
        "expected_customers": "many",
        "note": "kept & <shown>",
        "consent": "",
    }
    answer = await apply(world, **wrong)
    assert answer.status_code == 422
    assert answer.text.count("field-error") == 7
    assert "public mail provider" in answer.text
    assert 'value="rita@gmail.com"' in answer.text
    assert "kept &amp; &lt;shown&gt;" in answer.text
    for email in ("rita", "rita@sub.mailinator.com", "RITA@YAHOO.ES"):
        assert (await apply(world, email=email)).status_code == 422, email
    assert (await apply(world, website="javascript:alert(1)")).status_code == 422
    assert count(world) == before
    assert letters(world, "rita@gmail.com") == []


async def test_the_same_form_sent_twice_is_one_application_also_at_the_same_moment(world: World) -> None:
    before = count(world)
    answers = await asyncio.gather(*(apply(world) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert count(world) == before + 1
    assert len(letters(world, "rita@harbour-lights.example")) == 1


async def test_three_in_an_hour_from_one_place_then_wait_with_everything_kept(world: World) -> None:
    before = count(world)
    for number in range(3):
        assert (await apply(world, number, email=f"rita{number}@harbour-lights.example")).status_code == 303
    fourth = await apply(world, 4, email="rita4@harbour-lights.example")
    assert fourth.status_code == 429
    assert 0 < int(fourth.headers["retry-after"]) <= 3600
    assert 'value="rita4@harbour-lights.example"' in fourth.text
    assert count(world) == before + 3
    world.sql("UPDATE portal.application_attempt SET at = at - interval '61 minutes'")
    assert (await apply(world, 4, email="rita4@harbour-lights.example")).status_code == 303


async def test_one_network_of_ip_version_6_is_one_place(world: World) -> None:
    before = count(world)
    for number in range(4):
        email = f"rita{number}@harbour-lights.example"
        answer = await apply(world, number, ip=f"2001:db8:1:2:{number}::1", email=email)
        assert answer.status_code == (429 if number == 3 else 303)
    assert count(world) == before + 3
    assert letters(world, "rita3@harbour-lights.example") == []


async def test_one_mailbox_under_many_addresses_is_one_address(world: World) -> None:
    before = count(world)
    for number in range(4):
        answer = await apply(world, number, ip=f"10.4.0.{number}", email=f"rita+{number}@harbour-lights.example")
        assert answer.status_code == (429 if number == 3 else 303)
    assert count(world) == before + 3
    assert letters(world, "rita+3@harbour-lights.example") == []


@pytest.mark.parametrize("field", ["legal_name", "contact_name"])
@pytest.mark.parametrize("name", ["Win at https://prize.example", "Visit WWW.prize.example now"])
async def test_a_name_that_is_an_address_of_a_page_is_refused(world: World, field: str, name: str) -> None:
    before = count(world)
    answer = await apply(world, **{field: name})
    assert answer.status_code == 422
    assert answer.text.count("field-error") == 1
    assert "no web address" in answer.text
    assert count(world) == before
    assert letters(world, "rita@harbour-lights.example") == []


async def test_what_staff_ask_is_answered_on_the_same_form_without_typing_it_again(world: World) -> None:
    application, path = await applied(world)
    staff, stranger = await world.sign_in(LEAD, "staff"), world.client("partners")
    early = await world.post(stranger, path, **GOOD, answer="Too early")
    assert early.status_code == 303
    assert stored(world, application)["status"] == "submitted"
    await world.post(staff, f"/applications/{application}/take")
    asked = await world.post(staff, f"/applications/{application}/ask", question="Which towns?")
    assert asked.status_code == 303
    letter = letters(world, "rita@harbour-lights.example")[-1]
    assert (letter.kind, letter.link) == ("application.asked", ("partners", path))
    page = (await stranger.get(path)).text
    assert "Which towns?" in page
    assert 'value="Harbour Lights Ltd"' in page
    refused = await world.post(stranger, path, **(GOOD | {"email": "rita@gmail.com"}), answer=" ")
    assert refused.status_code == 422
    assert refused.text.count("field-error") == 2
    assert stored(world, application)["status"] == "needs_info"
    done = await world.post(stranger, path, **(GOOD | {"legal_name": "Harbour Lights SA"}), answer="Faro")
    assert done.status_code == 303
    row = stored(world, application)
    assert (row["status"], row["legal_name"], row["answer"]) == ("in_review", "Harbour Lights SA", "Faro")
    assert "answered what was asked" in (await staff.get("/notices?show=unread")).text
    assert "Faro" in (await staff.get(f"/applications/{application}")).text


async def test_a_link_that_nobody_signed_leads_nowhere(demo: World) -> None:
    stranger = demo.client("partners")
    for token in ("x", "0" * 64, "%00"):
        assert (await stranger.get(f"/application/{token}")).status_code == 404
        assert (await demo.post(stranger, f"/application/{token}", **GOOD, answer="x")).status_code == 404


def passed(world: World, application: str) -> None:
    """Let half a year pass since an application and its letters."""
    for column in ("created_at", "decided_at"):
        world.sql(
            f"UPDATE portal.application SET {column} = {column} - interval '181 days' WHERE id = %s",
            application,
        )
    world.sql(
        "UPDATE portal.mail SET created_at = created_at - interval '181 days', status = 'sent'"
        " WHERE recipient = 'rita@harbour-lights.example'"
    )


async def test_a_declined_application_is_erased_when_its_time_is_over_and_the_reason_stays(world: World) -> None:
    application, path = await applied(world)
    staff = await world.sign_in(LEAD, "staff")
    await world.post(staff, f"/applications/{application}/take")
    await world.post(staff, f"/applications/{application}/note", text="Rita called")
    await world.post(staff, f"/applications/{application}/decline", code="region", note="Not there yet")
    application_upkeep.configure(mx_check=False, keep_days=180)
    worker = system("applications")
    await application_upkeep.tidy(worker)
    assert stored(world, application)["contact_name"] == "Rita Melo"
    passed(world, application)
    await application_upkeep.tidy(worker)
    row = stored(world, application)
    assert (row["status"], row["decline_reason"], row["country"]) == ("declined", "region", "PT")
    said = " ".join(str(value) for value in row.values())
    assert "Rita" not in said
    assert "arbour" not in said
    assert world.sql("SELECT 1 FROM portal.application_note WHERE application_id = %s", application) == []
    assert letters(world, "rita@harbour-lights.example") == []
    assert world.sql("SELECT 1 FROM portal.mail WHERE recipient LIKE 'rita%'") == []
    assert (await world.client("partners").get(path)).status_code == 404
    assert (await staff.get(f"/applications/{application}")).status_code == 200


async def test_erasing_an_old_application_leaves_the_letters_of_a_newer_one(world: World) -> None:
    old, _ = await applied(world)
    staff = await world.sign_in(LEAD, "staff")
    await world.post(staff, f"/applications/{old}/take")
    await world.post(staff, f"/applications/{old}/decline", code="region", note="Not there yet")
    passed(world, old)
    await applied(world, 2)
    application_upkeep.configure(mx_check=False, keep_days=180)
    await application_upkeep.tidy(system("applications"))
    assert stored(world, old)["erased_at"] is not None
    (letter,) = letters(world, "rita@harbour-lights.example")
    assert letter.kind == "application.received"
    gone = world.sql("SELECT sealed, erased_at FROM portal.mail WHERE recipient = '-'")
    assert len(gone) == 2
    assert all(row["sealed"] is None and row["erased_at"] is not None for row in gone)


async def test_a_silent_name_service_is_no_finding_and_an_absent_domain_is_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    application, _ = await applied(world)
    worker = system("applications")
    application_upkeep.configure(mx_check=True, keep_days=180)
    found: list[bool | None] = [None, False, True]

    async def looked_up(_domain: str) -> bool | None:
        return found.pop(0)

    monkeypatch.setattr(application_upkeep, "takes_mail", looked_up)
    try:
        seen = []
        for _ in range(3):
            await application_upkeep.look_up(worker, UUID(application))
            seen.append(stored(world, application)["mx"])
    finally:
        application_upkeep.configure(mx_check=False, keep_days=180)
    assert seen == ["unknown", "missing", "found"]


async def test_the_role_of_the_console_reads_no_application(demo: World) -> None:
    actor = await demo.actor("principal@northwind.example")
    for table in ("application", "application_note", "application_attempt", "email_domain_allowed"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with db.transaction(actor) as connection:
                await connection.execute(text(f"SELECT 1 FROM portal.{table}"))
