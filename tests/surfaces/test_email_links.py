"""Signing in by a letter: the link, the code, and what a scanner of mail or a thief of cookies gets."""

import re
import statistics
import time

import httpx
import pytest

from guildhall.domain.people import backoff, methods
from support_mail import letters
from support_world import World, csrf

pytestmark = pytest.mark.anyio
EMAIL = "principal@northwind.example"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:127.0) Gecko/20100101 Firefox/127.0"


async def asked(
    world: World, email: str = EMAIL, label: str = "partners", *, ip: str = "127.0.0.1"
) -> tuple[httpx.AsyncClient, str, str]:
    """Return the browser in which `email` asked for a letter, the letter's link and its code."""
    client = world.client(label, ip=ip, **{"User-Agent": CHROME})
    answer = await world.post(client, "/sign-in/link", email=email)
    assert answer.status_code == 303, answer.text
    letter = letters(world, email)[-1]
    assert letter.link is not None
    return client, letter.link[1], letter.code


@pytest.mark.parametrize(
    ("label", "email", "schema"),
    [
        ("partners", EMAIL, "portal.partner"),
        ("customers", "admin@acme-fiber.example", "tenancy.customer"),
    ],
)
async def test_looking_at_a_link_consumes_nothing_and_using_it_works_once(
    world: World, label: str, email: str, schema: str
) -> None:
    _, path, _ = await asked(world, email, label)
    scanner = world.client(label)
    for _ in range(3):
        assert (await scanner.get(path)).status_code == 200
    assert world.sql(f"SELECT used_at FROM {schema}_email_link")[0]["used_at"] is None
    client = world.client(label)
    assert (await world.post(client, path)).status_code == 303
    assert (await client.get("/account")).status_code == 200
    assert "Link already used" in (await world.post(world.client(label), path)).text
    late = await world.client(label).get(path)
    assert late.status_code == 410
    assert "Link already used" in late.text
    row = world.sql(
        f"SELECT method, factor_at, expires_at - created_at > interval '29 days' AS long FROM {schema}_session"
        " ORDER BY created_at DESC LIMIT 1"
    )[0]
    assert (row["method"], row["factor_at"], row["long"]) == ("email_link", None, True)


async def test_the_code_works_in_the_browser_that_asked_and_in_no_other(world: World) -> None:
    client, path, code = await asked(world)
    other = world.client("partners")
    assert (await world.post(other, "/sign-in/code", code=code)).status_code == 422
    assert (await world.post(client, "/sign-in/code", code=code)).status_code == 303
    assert (await client.get("/account")).status_code == 200
    assert (await world.post(other, path)).status_code == 409, "code and link are one"


async def test_a_code_has_five_tries(world: World) -> None:
    client, _, code = await asked(world)
    for _ in range(5):
        assert (await world.post(client, "/sign-in/code", code=wrong(code))).status_code == 422
    assert (await world.post(client, "/sign-in/code", code=code)).status_code == 422
    assert world.sql("SELECT used_at FROM portal.partner_email_link")[0]["used_at"] is None


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def failures(world: World) -> int:
    count: int = world.sql("SELECT count(*) FROM portal.audit_entry WHERE action = 'sign_in.failed'")[0]["count"]
    return count


async def test_guessing_codes_of_many_people_from_one_network_has_to_wait(world: World) -> None:
    people = world.sql("SELECT email FROM portal.partner_user WHERE status = 'active' ORDER BY email LIMIT 5")
    answers = []
    before = failures(world)
    for person in people:
        client, path, code = await asked(world, person["email"])
        answers += [(await world.post(client, "/sign-in/code", code=wrong(code))).status_code for _ in range(5)]
    free = backoff.CODES_OF_NETWORK.free
    assert answers[: free + 1] == [422] * (free + 1)
    assert set(answers[free + 1 :]) == {429}
    assert failures(world) - before == free + 1, "the trail names each guess"
    late = await world.post(client, "/sign-in/code", code=code)
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert not world.sql("SELECT 1 FROM portal.partner_email_link WHERE used_at IS NOT NULL")
    assert (await world.post(client, path)).status_code == 303, "the link is no guess, and opens at any time"


@pytest.mark.parametrize("email", [EMAIL, "nobody@northwind.example"])
async def test_guessing_the_codes_of_one_address_from_many_networks_has_to_wait(world: World, email: str) -> None:
    answers = []
    for number in range(3):
        client = world.client("partners", ip=f"10.3.0.{number}")
        await world.post(client, "/sign-in/link", email=email)
        answers += [(await world.post(client, "/sign-in/code", code="no code")).status_code for _ in range(5)]
    free = backoff.CODES_OF_PERSON.free
    assert answers == [422] * (free + 1) + [429] * (14 - free), "known and unknown addresses alike"


async def test_a_right_code_gives_its_own_try_back(world: World) -> None:
    assert 3 * 3 < backoff.CODES_OF_PERSON.free < 3 * 4 - 1
    for _ in range(3):
        client, _, code = await asked(world)
        for _ in range(3):
            assert (await world.post(client, "/sign-in/code", code=wrong(code))).status_code == 422
        assert (await world.post(client, "/sign-in/code", code=code)).status_code == 303


async def test_a_code_is_for_the_letter_of_one_address(world: World) -> None:
    client, _, code = await asked(world)
    client.cookies.set("guildhall_partners_asked", "0123456789abcdef")
    assert (await world.post(client, "/sign-in/code", code=code)).status_code == 422, "or the count is nobody's"
    client.cookies.set("guildhall_partners_asked", "x" * 3000)
    assert (await world.post(client, "/sign-in/code", code=code)).status_code == 422
    assert not world.sql("SELECT 1 FROM portal.partner_email_link WHERE used_at IS NOT NULL")


async def test_the_session_stays_in_the_browser_that_opened_it(world: World) -> None:
    client, path, _ = await asked(world)
    assert (await world.post(client, path)).status_code == 303
    session = {"guildhall_partners": client.cookies["guildhall_partners"]}
    thief = world.client("partners", **{"User-Agent": CHROME})
    thief.cookies.update(session)
    assert (await thief.get("/account")).status_code == 303, "the session's cookie alone opens nothing"
    moved = world.client("partners", **{"User-Agent": FIREFOX})
    moved.cookies.update({**session, "guildhall_partners_browser": client.cookies["guildhall_partners_browser"]})
    assert (await moved.get("/account")).status_code == 303, "nor do all of them in another browser"
    newer = world.client("partners", **{"User-Agent": CHROME.replace("126", "131")})
    newer.cookies.update(dict(moved.cookies))
    assert (await newer.get("/account")).status_code == 200, "a newer version is the same browser"


async def test_it_outlives_a_quiet_night_and_a_password_session_does_not(world: World) -> None:
    client, path, _ = await asked(world)
    await world.post(client, path)
    quiet = await world.sign_in("finance@northwind.example")
    world.sql("UPDATE portal.partner_session SET last_seen_at = now() - interval '13 hours'")
    assert (await client.get("/account")).status_code == 200
    assert (await quiet.get("/account")).status_code == 303
    world.sql("UPDATE portal.partner_session SET expires_at = now()")
    assert (await client.get("/account")).status_code == 303


async def test_a_link_ends_after_half_an_hour_and_an_unknown_one_never_began(world: World) -> None:
    _, path, _ = await asked(world)
    world.sql("UPDATE portal.partner_email_link SET expires_at = now()")
    for gone in (path, "/sign-in/link/not-a-token"):
        assert (await world.client("partners").get(gone)).status_code == 410
        assert (await world.post(world.client("partners"), gone)).status_code == 409


async def test_an_unknown_address_gets_the_same_answer_no_letter_and_the_same_time(world: World) -> None:
    answers: dict[bool, list[str]] = {True: [], False: []}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    before = len(letters(world))
    people = world.sql("SELECT email FROM portal.partner_user WHERE status = 'active' LIMIT 8")
    for number, person in enumerate(people):
        for known in (True, False):
            client = world.client("partners")
            token = await csrf(client)
            email = person["email"] if known else f"nobody{number}@northwind.example"
            began = time.perf_counter()
            answer = await client.post("/sign-in/link", data={"_csrf_token": token, "email": email})
            seconds[known].append(time.perf_counter() - began)
            answers[known].append(f"{answer.status_code} {answer.headers['location']}")
    assert set(answers[True]) == set(answers[False]) == {"303 /sign-in/code"}
    assert len(letters(world)) - before == len(people)
    known, unknown = statistics.median(seconds[True]), statistics.median(seconds[False])
    assert abs(known - unknown) < 0.5 * max(known, unknown), (known, unknown)


async def test_an_address_gets_five_letters_an_hour_whoever_asks(world: World) -> None:
    for email in (EMAIL, "nobody@northwind.example"):
        client = world.client("partners")
        answers = [(await world.post(client, "/sign-in/link", email=email)).status_code for _ in range(6)]
        assert answers == [303] * 5 + [429]
    assert len(letters(world, EMAIL)) == 5


async def test_a_partner_that_does_not_allow_it_is_told_by_letter_and_no_link_opens(world: World) -> None:
    _, path, _ = await asked(world)
    world.sql("UPDATE portal.partner SET sign_in_methods = '{password}' WHERE slug = 'northwind'")
    client = world.client("partners")
    refused = await world.post(client, path)
    assert refused.status_code == 403
    assert "does not allow this way" in refused.text
    assert world.sql("SELECT used_at FROM portal.partner_email_link")[0]["used_at"] is None
    await world.post(client, "/sign-in/link", email=EMAIL)
    letter = letters(world, EMAIL)[-1]
    assert letter.kind == "sign_in.not_allowed"
    assert not letter.code
    assert letter.link == ("partners", "/sign-in")


async def test_where_it_is_not_offered_there_is_no_trace_of_it(world: World) -> None:
    methods.install(["password", "passkey"])
    client = world.client("partners")
    assert "/sign-in/link" not in (await client.get("/sign-in")).text
    assert (await client.get("/sign-in/link")).status_code == 404
    assert (await world.post(client, "/sign-in/link", email=EMAIL)).status_code == 403
    assert not letters(world, EMAIL)


async def test_staff_never_come_in_by_a_letter_even_where_partners_do(world: World) -> None:
    lead, client = "lead@halcyon.example", world.client("staff")
    assert "/sign-in/link" not in (await client.get("/sign-in")).text
    assert (await client.get("/sign-in/link")).status_code == 404
    assert (await world.post(client, "/sign-in/link", email=lead)).status_code == 403
    assert not letters(world, lead)
    assert not world.sql("SELECT 1 FROM portal.staff_email_link")
    session = "SELECT 1 FROM portal.staff_session WHERE method = 'email_link'"
    token = "a-letter-of-before-this-was-so-and-not-used-yet"
    await client.get("/sign-in")
    world.sql(
        "INSERT INTO portal.staff_email_link (id, user_id, token_hash, code_hash, browser_hash, expires_at)"
        " SELECT gen_random_uuid(), id, sha256(%s), '', '', now() + interval '1 hour' FROM portal.staff_user"
        " WHERE email = %s",
        token.encode(),
        lead,
    )
    await world.post(client, f"/sign-in/link/{token}")
    assert not world.sql(session)


async def test_where_links_are_all_that_is_offered_staff_keep_their_two_factors(world: World) -> None:
    methods.install(["email_link"])
    assert "/sign-in/passkey" in (await world.client("staff").get("/sign-in")).text
    assert (await world.sign_in("lead@halcyon.example", "staff")).cookies


async def test_a_person_without_a_second_factor_is_told_to_add_one_before_such_an_act(world: World) -> None:
    world.sql("UPDATE portal.partner_user SET totp_secret = NULL WHERE email = %s", EMAIL)
    client, path, _ = await asked(world)
    await world.post(client, path)
    assert (await world.post(client, "/account/passkeys/start")).headers["location"] == "/account/passkeys/new"
    world.sql("UPDATE portal.partner_session SET created_at = now() - interval '11 minutes'")
    late = await world.post(client, "/account/passkeys/start")
    assert late.status_code == 403
    assert re.search("Sign in anew", late.text)
