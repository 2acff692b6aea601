"""What staff do with applications, who may, and what of two decisions at once becomes."""

import asyncio
import re

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from guildhall.core import db
from support_applying import GOOD, applied, apply, stored
from support_mail import letters
from support_world import World

pytestmark = pytest.mark.anyio
LEAD, MANAGER = "lead@halcyon.example", "partner_manager@halcyon.example"
TERMS = {
    "name": "Harbour Lights",
    "type": "mssp",
    "tier": "gold",
    "commercial_model": "referral",
    "customer_limit": "25",
}
ADDRESS = "rita@harbour-lights.example"


def demo_application(world: World, status: str) -> str:
    return str(world.sql("SELECT id FROM portal.application WHERE status = %s LIMIT 1", status)[0]["id"])


async def seen(client: httpx.AsyncClient, application: str) -> str:
    """Return what the page of approval says of how it saw the application."""
    page = await client.get(f"/applications/{application}/approve")
    found = re.search(r'name="seen" value="([^"]+)"', page.text)
    return found[1] if found else ""


async def approve(world: World, client: httpx.AsyncClient, application: str, **terms: str) -> httpx.Response:
    """Open the page of approval and send it."""
    said = TERMS | terms | {"seen": await seen(client, application)}
    return await world.post(client, f"/applications/{application}/approve", **said)


async def test_the_queue_filters_sorts_and_shows_clock_and_signals(demo: World) -> None:
    client = await demo.sign_in(LEAD, "staff")
    whole = (await client.get("/applications")).text
    for word in ("Orchard IT Services Ltd", "Overdue", "On time", "Domain of a partner", "Domain takes no mail"):
        assert word in whole, word
    waiting = (await client.get("/applications?state=waiting")).text
    assert "Comarca Digital" not in waiting
    assert "Fjordnett" not in (await client.get("/applications?assigned=nobody")).text
    assert "Cardinal Audit" in (await client.get("/applications?assigned=me&clock=late")).text
    assert "Redes del Sol" in (await client.get("/applications?q=redes&type=reseller&sort=-customers")).text
    assert (await client.get("/applications?state=king")).status_code == 422
    assert "Applications that wait" in (await client.get("/")).text
    for status in ("submitted", "in_review", "needs_info", "approved", "declined"):
        assert (await client.get(f"/applications/{demo_application(demo, status)}")).status_code == 200


async def test_support_and_read_only_read_finance_does_not_and_none_of_them_writes(demo: World) -> None:
    application = demo_application(demo, "in_review")
    before = stored(demo, application)
    for role, reads in (("support", 200), ("read_only", 200), ("finance", 403)):
        client = await demo.sign_in(f"{role}@halcyon.example", "staff")
        page = await client.get(f"/applications/{application}")
        assert page.status_code == reads
        assert f"/applications/{application}/" not in page.text
        for act in ("take", "assign", "note", "ask", "decline", "approve", "resend"):
            answer = await demo.post(client, f"/applications/{application}/{act}", question="x", text="x", **TERMS)
            assert answer.status_code == 403, (role, act)
        assert (await demo.post(client, "/email-domains", domain="gmail.com", reason="x")).status_code == 403
        assert (await demo.post(client, "/tiers/gold", name="x", rank="1")).status_code == 403
    assert stored(demo, application) == before


async def test_approval_makes_the_partner_its_principal_and_a_letter_with_the_first_link(world: World) -> None:
    application, path = await applied(world)
    client = await world.sign_in(LEAD, "staff")
    early = await world.post(client, f"/applications/{application}/approve", **TERMS)
    assert early.status_code == 303
    assert world.sql("SELECT 1 FROM portal.partner WHERE name = 'Harbour Lights'") == []
    await world.post(client, f"/applications/{application}/take")
    wrong = await approve(world, client, application, tier="king", customer_limit="-1", name="")
    assert wrong.status_code == 422
    assert wrong.text.count("field-error") == 3
    assert 'name="seen" value="20' in wrong.text
    done = await approve(world, client, application)
    assert done.status_code == 303
    partner = world.sql("SELECT * FROM portal.partner WHERE name = 'Harbour Lights'")[0]
    assert done.headers["location"] == f"/partners/{partner['id']}"
    assert (partner["slug"], partner["tier"], partner["commercial_model"], partner["customer_limit"]) == (
        "harbour-lights",
        "gold",
        "referral",
        25,
    )
    person = world.sql("SELECT * FROM portal.partner_user WHERE email = %s", ADDRESS)[0]
    assert (person["roles"], person["partner_id"], person["name"]) == (["principal"], partner["id"], "Rita Melo")
    letter = letters(world, ADDRESS)[-1]
    assert letter.kind == "partner.welcome"
    assert letter.link is not None
    assert (await world.client("partners").get(letter.link[1])).status_code == 200
    chains = {
        row["kind"]
        for row in world.sql(
            "SELECT kind FROM portal.audit_entry WHERE action = 'application.approved' AND target_id = %s", application
        )
    }
    assert chains == {"partner", "vendor"}
    assert "you are a partner" in (await world.client("partners").get(path)).text
    page = (await client.get(f"/partners/{partner['id']}")).text
    assert "Referral" in page


async def test_an_address_that_an_answer_changed_is_shown_before_anything_goes_there(world: World) -> None:
    application, path = await applied(world)
    client = await world.sign_in(LEAD, "staff")
    await world.post(client, f"/applications/{application}/take")
    stale = await seen(client, application)
    await world.post(client, f"/applications/{application}/ask", question="Which towns?")
    other = GOOD | {"email": "eve@elsewhere.example"}
    assert (await world.post(world.client("partners"), path, **other, answer="Faro")).status_code == 303
    refused = await world.post(client, f"/applications/{application}/approve", **TERMS, seen=stale)
    assert refused.status_code == 303
    page = (await client.get(refused.headers["location"])).text
    assert "has changed since you opened it" in page
    assert f"Changed from {ADDRESS}" in page
    assert stored(world, application)["status"] == "in_review"
    assert world.sql("SELECT 1 FROM portal.partner WHERE name = 'Harbour Lights'") == []
    asked = (await client.get(f"/applications/{application}/approve")).text
    assert "eve@elsewhere.example" in asked
    assert f"Changed from {ADDRESS}" in asked
    await approve(world, client, application)
    assert [letter.kind for letter in letters(world, "eve@elsewhere.example")] == ["partner.welcome"]
    assert world.sql("SELECT name FROM portal.partner_user WHERE email = 'eve@elsewhere.example'")


async def test_approval_without_what_was_seen_approves_nothing(world: World) -> None:
    application, _ = await applied(world)
    client = await world.sign_in(LEAD, "staff")
    await world.post(client, f"/applications/{application}/take")
    for wrong in ("", "yesterday", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00"):
        answer = await world.post(client, f"/applications/{application}/approve", **TERMS, seen=wrong)
        assert answer.headers["location"] == f"/applications/{application}"
    assert stored(world, application)["status"] == "in_review"
    assert world.sql("SELECT 1 FROM portal.partner WHERE name = 'Harbour Lights'") == []


async def test_the_first_link_is_sent_again_until_somebody_has_signed_in(world: World) -> None:
    application, _ = await applied(world)
    client = await world.sign_in(LEAD, "staff")
    await world.post(client, f"/applications/{application}/take")
    assert (await world.post(client, f"/applications/{application}/resend")).status_code == 303
    assert len(letters(world, ADDRESS)) == 1, "nothing was approved yet"
    await approve(world, client, application)
    first = letters(world, ADDRESS)[-1].link
    await world.post(client, f"/applications/{application}/resend")
    second = letters(world, ADDRESS)[-1].link
    assert first
    assert second
    assert first != second
    stranger = world.client("partners")
    assert (await stranger.get(first[1])).status_code == 410
    assert (await stranger.get(second[1])).status_code == 200
    world.sql("UPDATE portal.partner_user SET last_active_at = now() WHERE email = %s", ADDRESS)
    before = len(letters(world, ADDRESS))
    await world.post(client, f"/applications/{application}/resend")
    assert len(letters(world, ADDRESS)) == before
    assert "Send the first link again" not in (await client.get(f"/applications/{application}")).text


async def test_an_address_that_has_an_account_makes_no_second_one(world: World) -> None:
    application, _ = await applied(world, email="principal@bluepeak.example")
    client = await world.sign_in(LEAD, "staff")
    await world.post(client, f"/applications/{application}/take")
    partners = world.sql("SELECT count(*) AS n FROM portal.partner")
    await approve(world, client, application)
    assert "has an account at a partner already" in (await client.get(f"/applications/{application}")).text
    assert world.sql("SELECT count(*) AS n FROM portal.partner") == partners
    assert stored(world, application)["status"] == "in_review"


async def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    application, _ = await applied(world)
    lead, manager = await world.sign_in(LEAD, "staff"), await world.sign_in(MANAGER, "staff")
    await world.post(lead, f"/applications/{application}/take")
    no = {"code": "no_fit", "note": "Sorry"}
    await asyncio.gather(
        approve(world, lead, application),
        world.post(manager, f"/applications/{application}/decline", **no),
        approve(world, manager, application, name="Second"),
    )
    status = stored(world, application)["status"]
    made = world.sql("SELECT name FROM portal.partner WHERE name IN ('Harbour Lights', 'Second')")
    assert len(made) == (1 if status == "approved" else 0)
    acts = world.sql(
        "SELECT action FROM portal.audit_entry WHERE kind = 'vendor' AND target_id = %s AND action IN"
        " ('application.approved', 'application.declined')",
        application,
    )
    assert [row["action"] for row in acts] == [f"application.{status}"]
    assert len(letters(world, ADDRESS)) == 2


async def test_declining_needs_a_reason_and_a_note_that_the_applicant_reads(world: World) -> None:
    application, path = await applied(world)
    client = await world.sign_in(MANAGER, "staff")
    await world.post(client, f"/applications/{application}/take")
    for wrong in ({"code": "", "note": "x"}, {"code": "no_fit", "note": " "}, {"code": "king", "note": "x" * 5000}):
        answer = await world.post(client, f"/applications/{application}/decline", **wrong)
        assert answer.status_code == 422
    assert stored(world, application)["status"] == "in_review"
    await world.post(client, f"/applications/{application}/decline", code="no_fit", note="Come back in spring")
    assert "Come back in spring" in (await world.client("partners").get(path)).text
    assert letters(world, ADDRESS)[-1].values["note"] == "Come back in spring"
    for act in ("take", "ask", "approve", "decline"):
        await world.post(client, f"/applications/{application}/{act}", question="x", code="other", note="x", **TERMS)
    assert stored(world, application)["status"] == "declined"


async def test_an_application_is_handed_on_to_somebody_who_decides_and_notes_stay_inside(world: World) -> None:
    application, path = await applied(world)
    client = await world.sign_in(LEAD, "staff")
    manager = world.sql("SELECT id FROM portal.staff_user WHERE email = %s", MANAGER)[0]["id"]
    support = world.sql("SELECT id FROM portal.staff_user WHERE email = 'support@halcyon.example'")[0]["id"]
    assert (await world.post(client, f"/applications/{application}/assign", assigned=str(manager))).status_code == 303
    for wrong in (str(support), "nonsense"):
        assert (await world.post(client, f"/applications/{application}/assign", assigned=wrong)).status_code == 422
    assert stored(world, application)["assigned_to"] == manager
    (entry,) = world.sql("SELECT body FROM portal.audit_entry WHERE action = 'application.assigned'")
    assert str(manager) in entry["body"]
    name = world.sql("SELECT name FROM portal.staff_user WHERE id = %s", manager)[0]["name"]
    assert name not in entry["body"], "names stay where they can be erased"
    number = world.sql("SELECT sequence FROM portal.audit_entry WHERE action = 'application.assigned'")[0]["sequence"]
    read = (await client.get(f"/audit/vendor/{number}")).text
    assert f"<ins>{name}</ins>" in read
    assert (await world.post(client, f"/applications/{application}/note", text=" ")).status_code == 422
    await world.post(client, f"/applications/{application}/note", text="Knows Dale")
    assert "Knows Dale" in (await client.get(f"/applications/{application}")).text
    assert "Knows Dale" not in (await world.client("partners").get(path)).text
    assert (await world.post(client, f"/applications/{application}/assign", assigned="")).status_code == 303
    assert stored(world, application)["assigned_to"] is None


async def test_a_public_domain_on_the_allow_list_passes_with_a_signal_until_it_is_removed(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    for wrong in (
        {"domain": "no", "reason": "x"},
        {"domain": "gmx.de", "reason": ""},
        {"domain": "siemens.com", "reason": "x"},
    ):
        assert (await world.post(client, "/email-domains", **wrong)).status_code == 422
    assert (await world.post(client, "/email-domains", domain="@GMX.de", reason="Bought it")).status_code == 303
    assert (await world.post(client, "/email-domains", domain="gmx.de", reason="Again")).status_code == 422
    application, _ = await applied(world, email="rita@gmx.de")
    assert stored(world, application)["listed"] == "gmx.de"
    assert "On the allow-list" in (await client.get(f"/applications/{application}")).text
    assert (await client.get("/email-domains/gmx.de/remove")).status_code == 200
    assert (await world.post(client, "/email-domains/gmx.de/remove")).status_code == 303
    assert (await world.post(client, "/email-domains/gmx.de/remove")).status_code == 404
    assert (await apply(world, 2, email="rita@gmx.de")).status_code == 422


async def test_tiers_are_renamed_added_closed_and_the_last_open_one_stays(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    new = {"code_name": "diamond", "name": "Diamond", "rank": "4", "description": "The few"}
    for wrong in ({"code_name": "No!"}, {"name": ""}, {"rank": "0"}, {"code_name": "gold"}, {"code_name": "new"}):
        assert (await world.post(client, "/tiers/new", **(new | wrong))).status_code == 422, wrong
    assert (await world.post(client, "/tiers/new", **new)).status_code == 303
    assert (await world.post(client, "/tiers/gold", name="Oro", rank="2", description="")).status_code == 303
    assert "Oro" in (await client.get("/partners?tier=gold")).text
    for code in ("silver", "gold", "platinum"):
        assert (await world.post(client, f"/tiers/{code}/close")).status_code == 303
    await world.post(client, "/tiers/diamond/close")
    left = world.sql("SELECT code FROM portal.partner_tier WHERE closed_at IS NULL")
    assert [row["code"] for row in left] == ["diamond"]
    application, _ = await applied(world)
    await world.post(client, f"/applications/{application}/take")
    assert (await approve(world, client, application)).status_code == 422
    assert (await world.post(client, "/tiers/gold/open")).status_code == 303


async def test_the_database_refuses_steps_that_nobody_may_take_and_writes_of_those_who_do_not_decide(
    world: World,
) -> None:
    application, _ = await applied(world)
    lead = await world.actor(LEAD, "staff")
    for status in ("approved", "declined", "needs_info"):
        with pytest.raises(IntegrityError, match="no step from submitted"):
            async with db.transaction(lead) as connection:
                await connection.execute(
                    text("UPDATE portal.application SET status = :to WHERE id = :id"), {"to": status, "id": application}
                )
    reader = await world.actor("read_only@halcyon.example", "staff")
    async with db.transaction(reader) as connection:
        done = await connection.execute(
            text("UPDATE portal.application SET status = 'in_review' WHERE id = :id"), {"id": application}
        )
    assert done.rowcount == 0
    assert stored(world, application)["status"] == "submitted"
    assert GOOD["legal_name"] == stored(world, application)["legal_name"]


async def test_a_partner_gets_no_more_customers_than_it_was_allowed(world: World) -> None:
    client = await world.sign_in(LEAD, "staff")
    partner = world.sql("SELECT id FROM portal.partner WHERE slug = 'bluepeak'")[0]["id"]
    standing = world.sql(
        "SELECT count(*) AS n FROM portal.partner_tenant_link WHERE partner_id = %s AND status IN"
        " ('scheduled', 'active', 'paused')",
        partner,
    )[0]["n"]
    world.sql("UPDATE portal.partner SET customer_limit = %s WHERE id = %s", standing + 1, partner)
    wish = {"partner_id": str(partner), "access_role": "msp_support", "operating_model": "co_managed"}
    wish |= {"relationship_type": "msp_managed", "reason": "Beta"}
    for answer in (303, 409):
        domain = world.sql("SELECT domain FROM tenancy.tenant WHERE id = %s", world.unlinked("bluepeak"))[0]["domain"]
        made = await world.post(client, "/links/new", **wish, domain=domain)
        assert made.status_code == answer or "as many customers as" in made.text, made.status_code
    left = world.sql(
        "SELECT count(*) AS n FROM portal.partner_tenant_link WHERE partner_id = %s AND status IN"
        " ('scheduled', 'active', 'paused')",
        partner,
    )[0]["n"]
    assert left == standing + 1
