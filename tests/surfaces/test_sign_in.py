"""Signing in, as people do it."""

import statistics
import time

import pytest
from argon2 import PasswordHasher

from guildhall.domain.people import passwords
from guildhall.worlds import demo
from support_world import World, csrf

pytestmark = pytest.mark.anyio
WRONG = "E-mail address, password or code is not right."


@pytest.mark.parametrize(
    ("email", "label"),
    [
        ("principal@northwind.example", "partners"),
        ("admin@acme-fiber.example", "customers"),
        ("lead@halcyon.example", "staff"),
    ],
)
async def test_each_surface_signs_its_own_people_in(demo: World, email: str, label: str) -> None:
    client = await demo.sign_in(email, label)
    page = await client.get("/")
    assert page.status_code == 200
    assert "/sign-out" in page.text


@pytest.mark.parametrize("label", ["customers", "staff"])
async def test_no_surface_signs_in_people_of_another(world: World, label: str) -> None:
    client = world.client(label)
    email = "principal@northwind.example"
    form = {"_csrf_token": await csrf(client), "email": email, "password": "guildhall-demo", "code": world.code(email)}
    answer = await client.post("/sign-in", data=form)
    assert answer.status_code == 401
    assert WRONG in answer.text


async def test_a_wrong_address_a_wrong_password_and_a_wrong_code_get_one_answer(world: World) -> None:
    email = "principal@northwind.example"
    right = {"email": email, "password": "guildhall-demo", "code": world.code(email)}
    client = world.client("partners")
    for wrong in ({"email": "nobody@northwind.example"}, {"password": "guildhall-demos"}, {"code": "000000"}):
        answer = await client.post("/sign-in", data={"_csrf_token": await csrf(client), **right, **wrong})
        assert answer.status_code == 401
        assert WRONG in answer.text
        assert (wrong.get("email") or email) in answer.text, "the address stays typed"
        assert right["password"] not in answer.text


async def test_an_unknown_address_is_answered_in_the_words_and_the_time_of_a_known_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {"known": "finance@northwind.example", "unknown": "nobodys@northwind.example"}
    client, password = world.client("partners"), "wrong password"
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())  # the cost of an installation, not of these tests
    passwords._nobody.cache_clear()
    costly = passwords.hashed(demo.DEMO_PASSWORD)
    world.sql("UPDATE portal.partner_user SET password_hash = %s WHERE email = %s", costly, people["known"])
    token = await csrf(client)
    pages: dict[str, set[str]] = {who: set() for who in people}
    # Of the processor, of all threads: on a busy machine the clock on the wall tells of others.
    seconds: dict[str, list[float]] = {who: [] for who in (*people, "hash")}
    for _ in range(9):
        for who, email in people.items():
            world.sql("DELETE FROM portal.sign_in_backoff")
            form = {"_csrf_token": token, "email": email, "password": password, "code": "000000"}
            began = time.process_time()
            answer = await client.post("/sign-in", data=form)
            seconds[who].append(time.process_time() - began)
            assert (answer.status_code, WRONG in answer.text) == (401, True)
            pages[who].add(answer.text.replace(email, "…"))
        began = time.process_time()
        passwords.hashed(password)
        seconds["hash"].append(time.process_time() - began)
    assert pages["known"] == pages["unknown"]
    known, unknown, one = (statistics.median(seconds[name]) for name in (*people, "hash"))
    assert abs(known - unknown) < one / 2, (known, unknown, one)


async def test_a_code_opens_one_session_only(world: World) -> None:
    email = "principal@northwind.example"
    form = {"email": email, "password": "guildhall-demo", "code": world.code(email)}
    answers = []
    for _ in range(2):
        client = world.client("partners")
        answers.append(await client.post("/sign-in", data={"_csrf_token": await csrf(client), **form}))
    assert [answer.status_code for answer in answers] == [303, 401]


async def test_a_form_without_its_token_is_refused(world: World) -> None:
    answer = await world.client("partners").post("/sign-in", data={"email": "a@b.example"})
    assert answer.status_code == 403


async def test_a_form_from_another_site_is_refused(world: World) -> None:
    client = await world.sign_in("principal@northwind.example")
    form = {"_csrf_token": await csrf(client)}
    answer = await client.post("/sign-out", data=form, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert (await client.get("/account")).status_code == 200


async def test_signing_out_ends_the_session_in_the_database(world: World) -> None:
    client = await world.sign_in("principal@northwind.example")
    cookie = client.cookies["guildhall_partners"]
    assert (await world.post(client, "/sign-out")).status_code == 303
    client.cookies.set("guildhall_partners", cookie)
    assert (await client.get("/account")).status_code == 303


async def test_a_deactivated_person_is_refused_on_the_next_request(world: World) -> None:
    client = await world.sign_in("principal@northwind.example")
    assert (await client.get("/account")).status_code == 200
    world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE email = 'principal@northwind.example'")
    assert (await client.get("/account")).status_code == 303


async def test_outside_the_demo_its_password_opens_nothing(world: World) -> None:
    passwords.allow_demo(allowed=False)
    email = "principal@northwind.example"
    client = world.client("partners")
    form = {"_csrf_token": await csrf(client), "email": email, "password": "guildhall-demo", "code": world.code(email)}
    assert (await client.post("/sign-in", data=form)).status_code == 401


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_never_leads_to_another_site(world: World, target: str) -> None:
    email = "principal@northwind.example"
    client = world.client("partners")
    form = {"_csrf_token": await csrf(client), "email": email, "password": "guildhall-demo", "code": world.code(email)}
    answer = await client.post("/sign-in", data=form | {"next": target})
    assert answer.headers["location"] == "/"


async def test_failures_make_the_next_tries_wait_and_the_wait_ends(world: World) -> None:
    client = world.client("partners")
    form = {"email": "finance@northwind.example", "password": "wrong-password", "code": "000000"}
    answers = [
        (await client.post("/sign-in", data={"_csrf_token": await csrf(client), **form})).status_code for _ in range(6)
    ]
    assert answers[-1] == 429
    world.sql("UPDATE portal.sign_in_backoff SET blocked_until = now() - interval '1 second'")
    assert (await world.sign_in("finance@northwind.example")).cookies


async def test_a_suspended_partners_people_read_and_leave_and_do_nothing_else(world: World) -> None:
    client = await world.sign_in("principal@stillwater.example")
    assert (await client.get("/account")).status_code == 200
    assert (await world.post(client, "/account/zone", zone="Europe/Madrid")).status_code == 403
    assert (await world.post(client, "/sign-out")).status_code == 303


async def test_signing_out_everywhere_ends_every_session_and_token_of_the_person_and_no_other(world: World) -> None:
    email = "principal@northwind.example"
    here, colleague = await world.sign_in(email), await world.sign_in("finance@northwind.example")
    there = await world.api(email)
    assert (await here.get("/account/sessions/end-all")).status_code == 200, "it asks first"
    assert (await there.get("/api/v1/auth/me")).status_code == 200
    left = await world.post(here, "/account/sessions/end-all")
    assert left.headers["location"] == "/sign-in"
    assert (await there.get("/api/v1/auth/me")).status_code == 401
    left_open = world.sql(
        "SELECT 1 FROM portal.partner_session AS s JOIN portal.partner_user AS u ON u.id = s.user_id"
        " WHERE u.email = %s AND s.ended_at IS NULL",
        email,
    )
    assert not left_open
    assert (await colleague.get("/account")).status_code == 200
    assert world.sql("SELECT 1 FROM portal.audit_entry WHERE action = 'sign_in.all_ended'")
