"""Passkeys through the public door, with an authenticator in software; tests/journeys has the real browser."""

import hashlib
import json

import cbor2
import pytest

from guildhall.core import crypto
from guildhall.domain.mail.office import Look
from guildhall.domain.mail.rendering import written
from support_mail import letters
from support_passkeys import Authenticator, asked, with_passkey
from support_world import World, csrf

pytestmark = pytest.mark.anyio
EMAIL = "principal@northwind.example"
ORIGIN = "http://partners.localhost:8000"
REFUSED = "This passkey did not work here."


def count(world: World, table: str = "portal.partner_passkey") -> int:
    found: int = world.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"]
    return found


@pytest.mark.parametrize(
    ("label", "email", "kind"),
    [
        ("partners", EMAIL, "portal.partner"),
        ("customers", "admin@acme-fiber.example", "tenancy.customer"),
        ("staff", "finance@halcyon.example", "portal.staff"),
    ],
)
async def test_a_passkey_alone_signs_in_on_its_surface(world: World, label: str, email: str, kind: str) -> None:
    _, key = await with_passkey(world, email, label)
    client = world.client(label)
    answer = await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)))
    assert answer.status_code == 303, answer.text
    assert (await client.get("/account")).status_code == 200
    row = world.sql(f"SELECT method, factor_at FROM {kind}_session ORDER BY created_at DESC LIMIT 1")[0]
    assert row["method"] == "passkey"
    assert row["factor_at"], "it is both factors"
    assert world.sql(f"SELECT last_used_at FROM {kind}_passkey")[0]["last_used_at"]


async def test_an_answer_is_taken_once_and_in_the_browser_that_was_asked(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    client = world.client("partners")
    shown = key.show(await asked(client))
    thief = world.client("partners")
    stolen = await world.post(thief, "/sign-in/passkey", passkey=shown)
    assert stolen.status_code == 401
    assert (await world.post(client, "/sign-in/passkey", passkey=shown)).status_code == 303
    again = await world.post(client, "/sign-in/passkey", passkey=shown)
    assert again.status_code == 401
    assert "That took too long." in again.text


async def test_another_site_another_key_and_a_finger_not_shown_open_nothing(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    sessions = count(world, "portal.partner_session")
    client = world.client("partners")
    for wrong in (
        Authenticator("http://evil.example", id=key.id, _key=key._key),
        Authenticator(ORIGIN, id=key.id),
        Authenticator(ORIGIN),
        Authenticator(ORIGIN, verified=False, id=key.id, _key=key._key),
    ):
        answer = await world.post(client, "/sign-in/passkey", passkey=wrong.show(await asked(client)))
        assert answer.status_code == 401
        assert REFUSED in answer.text
    for broken in ("", "{}", "[]", "null", "x" * 50_000, '{"id": 1}', "[" * 10_000):
        await asked(client)
        assert (await world.post(client, "/sign-in/passkey", passkey=broken)).status_code == 401
    assert count(world, "portal.partner_session") == sessions


async def test_a_broken_answer_to_the_question_for_a_new_passkey_is_told_beside_the_field(world: World) -> None:
    client, key = await with_passkey(world, EMAIL)
    made = json.loads(Authenticator(ORIGIN).make(await asked(client, "/account/passkeys/options")))
    data = hashlib.sha256(b"partners.localhost").digest()
    torn = [
        b"",
        b"\xa0",
        b"\xff",
        b"\xa1",
        cbor2.dumps([]),
        cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b""}),
    ]
    torn += [
        cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data + bytes([0x45]) + bytes(4) + more})
        for more in (b"", bytes(1), bytes(16), bytes(16) + b"\x00\x10", bytes(16) + b"\xff\xff" + bytes(4))
    ]
    answers = [
        json.dumps(made | {"response": made["response"] | {"attestationObject": crypto.base64url(octets)}})
        for octets in torn
    ]
    for broken in (*answers, "[" * 10_000, "[]", "", json.dumps(made | {"response": []})):
        await asked(client, "/account/passkeys/options")
        answer = await world.post(client, "/account/passkeys", passkey=broken, name="blue key")
        assert answer.status_code == 422, broken[:80]
    assert count(world) == 1
    assert key.id


async def test_what_can_be_no_address_is_refused_beside_the_password_as_on_the_plain_form(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    client = world.client("partners")
    tried = world.sql("SELECT count(*) AS n FROM portal.sign_in_backoff")
    for email in ("", "x" * 300):
        typed = {"email": email, "password": "guildhall-demo"}
        shown = key.show(await asked(client))
        answer = await world.post(client, "/sign-in/passkey", passkey=shown, **typed)
        assert answer.status_code == 422, (email, answer.text)
    assert world.sql("SELECT count(*) AS n FROM portal.sign_in_backoff") == tried


async def test_a_copied_key_whose_count_went_back_is_refused(world: World) -> None:
    _, key = await with_passkey(world, EMAIL, count=7)
    client = world.client("partners")
    assert (await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)))).status_code == 303
    copy = Authenticator(ORIGIN, id=key.id, _key=key._key, count=6)
    other = world.client("partners")
    assert (await world.post(other, "/sign-in/passkey", passkey=copy.show(await asked(other)))).status_code == 401


async def test_a_passkey_of_one_surface_opens_no_other(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    client = world.client("staff")
    moved = Authenticator("http://staff.localhost:8000", id=key.id, _key=key._key)
    assert (await world.post(client, "/sign-in/passkey", passkey=moved.show(await asked(client)))).status_code == 401


async def test_a_passkey_stands_in_for_the_code_and_only_its_owners(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    client = world.client("partners")
    typed = {"email": "finance@northwind.example", "password": "guildhall-demo"}
    other = await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)), **typed)
    assert other.status_code == 401
    wrong = {"email": EMAIL, "password": "not-the-password"}
    assert (
        await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)), **wrong)
    ).status_code == 401
    right = {"email": EMAIL, "password": "guildhall-demo"}
    opened = await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)), **right)
    assert opened.status_code == 303
    row = world.sql("SELECT method FROM portal.partner_session ORDER BY created_at DESC LIMIT 1")[0]
    assert row["method"] == "password+passkey"


async def test_a_deactivated_person_signs_in_with_no_passkey(world: World) -> None:
    _, key = await with_passkey(world, EMAIL)
    world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE email = 'principal@northwind.example'")
    client = world.client("partners")
    assert (await world.post(client, "/sign-in/passkey", passkey=key.show(await asked(client)))).status_code == 401


async def test_adding_one_needs_a_fresh_factor_a_name_and_a_key_not_known_yet(world: World) -> None:
    client, key = await with_passkey(world, EMAIL)
    options = await asked(client, "/account/passkeys/options")
    assert [one["id"] for one in options["excludeCredentials"]], "a key that is known is not made again"
    twice = await world.post(client, "/account/passkeys", passkey=key.make(options), name="again")
    assert twice.status_code == 422
    assert "known already" in twice.text
    other = Authenticator(ORIGIN)
    nameless = other.make(await asked(client, "/account/passkeys/options"))
    assert (await world.post(client, "/account/passkeys", passkey=nameless, name=" ")).status_code == 422
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'")
    late = other.make(await asked(client, "/account/passkeys/options"))
    answer = await world.post(client, "/account/passkeys", passkey=late, name="blue key")
    assert answer.status_code == 403
    assert "Confirm it is you" in answer.text
    assert count(world) == 1


async def test_a_stale_session_steps_up_with_a_passkey_and_the_act_is_carried_out(world: World) -> None:
    client, key = await with_passkey(world, EMAIL)
    passkey_id = world.sql("SELECT id FROM portal.partner_passkey")[0]["id"]
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'")
    path = f"/account/passkeys/{passkey_id}/remove"
    wrong = await world.post(client, path, step_up_passkey=Authenticator(ORIGIN).show(await asked(client)))
    assert wrong.status_code == 422
    assert count(world) == 1
    done = await world.post(client, path, step_up_passkey=key.show(await asked(client)))
    assert done.status_code == 303, done.text
    assert count(world) == 0
    acts = [row["action"] for row in world.sql("SELECT action FROM portal.audit_entry")]
    assert {"passkey.added", "passkey.removed", "sign_in.stepped_up"} <= set(acts)


async def test_a_colleagues_passkey_confirms_nothing(world: World) -> None:
    _, colleagues = await with_passkey(world, "finance@northwind.example")
    client, _ = await with_passkey(world, EMAIL)
    passkey_id = world.sql(
        "SELECT k.id FROM portal.partner_passkey AS k JOIN portal.partner_user AS u ON u.id = k.user_id"
        " WHERE u.email = %s",
        EMAIL,
    )[0]["id"]
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'")
    answer = await world.post(
        client, f"/account/passkeys/{passkey_id}/remove", step_up_passkey=colleagues.show(await asked(client))
    )
    assert answer.status_code == 422
    assert count(world) == 2


async def test_the_last_way_in_stays(world: World) -> None:
    client, _ = await with_passkey(world, EMAIL)
    world.sql("UPDATE portal.partner_user SET password_hash = NULL, totp_secret = NULL WHERE email = %s", EMAIL)
    world.sql("UPDATE portal.partner SET sign_in_methods = '{password,passkey}' WHERE slug = 'northwind'")
    passkey_id = world.sql("SELECT id FROM portal.partner_passkey")[0]["id"]
    answer = await world.post(client, f"/account/passkeys/{passkey_id}/remove")
    assert answer.headers["location"] == "/account"
    assert "last way in" in (await client.get("/account")).text
    assert count(world) == 1


async def test_somebody_elses_passkey_is_not_there(world: World) -> None:
    await with_passkey(world, "finance@northwind.example")
    client = await world.sign_in(EMAIL)
    passkey_id = world.sql("SELECT id FROM portal.partner_passkey")[0]["id"]
    assert (await client.get(f"/account/passkeys/{passkey_id}/rename")).status_code == 404
    assert (await world.post(client, f"/account/passkeys/{passkey_id}/rename", name="mine")).status_code == 404
    assert (await world.post(client, f"/account/passkeys/{passkey_id}/remove")).status_code == 404
    assert world.sql("SELECT name FROM portal.partner_passkey")[0]["name"] == "work laptop"


async def test_a_passkey_gets_another_name_or_is_told_what_is_wrong_with_it(world: World) -> None:
    client, _ = await with_passkey(world, EMAIL)
    passkey_id = world.sql("SELECT id FROM portal.partner_passkey")[0]["id"]
    token = await csrf(client)
    long = await client.post(f"/account/passkeys/{passkey_id}/rename", data={"_csrf_token": token, "name": "n" * 61})
    assert long.status_code == 422
    assert "n" * 61 in long.text, "what was typed stays"
    assert (await world.post(client, f"/account/passkeys/{passkey_id}/rename", name="blue key")).status_code == 303
    assert "Passkey: blue key" in (await client.get("/account")).text


@pytest.mark.parametrize(
    ("label", "email", "kind"),
    [
        ("partners", EMAIL, "portal.partner"),
        ("customers", "admin@acme-fiber.example", "tenancy.customer"),
        ("staff", "finance@halcyon.example", "portal.staff"),
    ],
)
async def test_the_person_is_told_by_letter_of_a_passkey_that_comes_or_goes(
    world: World, label: str, email: str, kind: str
) -> None:
    client, _ = await with_passkey(world, email, label)
    world.sql(f"UPDATE {kind}_user SET language = 'es' WHERE email = %s", email)
    gone = world.sql(f"SELECT id FROM {kind}_passkey")[0]["id"]
    await world.post(client, f"/account/passkeys/{gone}/rename", name="llave <b>azul</b>")
    assert (await world.post(client, f"/account/passkeys/{gone}/remove")).status_code == 303
    look = Look(world.settings.brand, world.settings.brand_colour, world.settings.origin)
    came, went = (written(letter, look) for letter in letters(world, email))
    assert came.subject == "A passkey was added to your account"
    assert "The passkey “work laptop” signs you in" in came.text
    assert went.subject == "Se ha quitado una llave de acceso de su cuenta"
    assert "«llave <b>azul</b>»" in went.text
    assert "<b>azul" not in went.html
    assert all(f"http://{label}.localhost:8000/account" in letter.text for letter in (came, went))


async def test_no_letter_tells_of_a_passkey_that_stayed_out_or_stayed(world: World) -> None:
    client, _ = await with_passkey(world, EMAIL)
    passkey_id = world.sql("SELECT id FROM portal.partner_passkey")[0]["id"]
    sent = len(letters(world, EMAIL))
    assert (await world.post(client, "/account/passkeys", passkey="{}", name="blue key")).status_code == 422
    world.sql("UPDATE portal.partner_user SET password_hash = NULL, totp_secret = NULL WHERE email = %s", EMAIL)
    world.sql("UPDATE portal.partner SET sign_in_methods = '{password,passkey}' WHERE slug = 'northwind'")
    await world.post(client, f"/account/passkeys/{passkey_id}/remove")
    assert (count(world), len(letters(world, EMAIL))) == (1, sent)
