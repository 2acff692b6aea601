"""A person's own password, authenticator and recovery codes, and the way back for who forgot or lost one."""

import time

import httpx
import pyotp
import pytest

from guildhall.core import clock
from guildhall.domain.people.forgetting import ANSWER_AFTER
from support_mail import letters
from support_welcome import PASSWORD, codes_on, hidden, later, link, newcomer, secret_on, walked
from support_world import World, csrf

pytestmark = pytest.mark.anyio
EMAIL = "newcomer@northwind.example"
NEW = "quite another sentence"
ACTION = "SELECT count(*) AS n FROM portal.audit_entry WHERE action = %s AND kind = 'vendor'"


async def settled(world: World, label: str = "partners") -> tuple[httpx.AsyncClient, str, list[str]]:
    """Return somebody who has just come in with a link, the authenticator's secret and the recovery codes."""
    client = world.client(label)
    secret, codes = await walked(world, client, await link(world, label, newcomer(world, label)))
    return client, secret, codes


async def signs_in(world: World, label: str = "partners", **form: str) -> httpx.Response:
    """Try to sign in with a browser of its own."""
    client = world.client(label)
    return await client.post("/sign-in", data={"_csrf_token": await csrf(client), "email": EMAIL, **form})


def noted(world: World, action: str) -> int:
    found: int = world.sql(ACTION, action)[0]["n"]
    return found


async def test_the_account_page_promises_no_choice_of_language_where_there_is_none(demo: World) -> None:
    page = (await (await demo.sign_in("principal@northwind.example")).get("/account")).text
    assert 'name="zone"' in page
    assert "Language and time zone" not in page


@pytest.mark.parametrize("label", ["partners", "staff", "customers"])
async def test_a_recovery_code_stands_in_for_a_one_time_code_once(world: World, label: str) -> None:
    client, _, codes = await settled(world, label)
    typed = codes[0].upper().replace("-", " ")
    assert (await signs_in(world, label, password=PASSWORD, code=typed)).status_code == 303
    again = await signs_in(world, label, password=PASSWORD, code=codes[0])
    wrong = await signs_in(world, label, password=PASSWORD, code="aaaaa-aaaaa")
    assert (again.status_code, wrong.status_code) == (401, 401)
    assert "9 codes left" in (await client.get("/account")).text
    told = letters(world, EMAIL)
    assert [(one.kind, one.values) for one in told] == [("account.recovery_code_used", {"left": "9"})]
    assert noted(world, "sign_in.recovery_code_used") == 1


async def test_a_recovery_code_of_somebody_else_opens_nothing(world: World) -> None:
    _, _, codes = await settled(world)
    client, email = world.client("partners"), "principal@northwind.example"
    form = {"email": email, "password": "guildhall-demo", "code": codes[0]}
    assert (await client.post("/sign-in", data={"_csrf_token": await csrf(client), **form})).status_code == 401
    assert noted(world, "sign_in.recovery_code_used") == 0


async def test_new_codes_take_the_place_of_the_old_ones_after_a_fresh_factor(world: World) -> None:
    client, secret, codes = await settled(world)
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes' WHERE ended_at IS NULL")
    asked = await world.post(client, "/account/recovery-codes")
    assert (asked.status_code, codes_on(asked.text)) == (403, [])
    shown = await world.post(client, "/account/recovery-codes", step_up_code=later(secret))
    fresh = codes_on(shown.text)
    assert len(fresh) == 10
    unticked = await world.post(client, "/account/recovery-codes", draft=hidden(shown.text, "draft"))
    assert (unticked.status_code, codes_on(unticked.text)) == (422, fresh)
    assert noted(world, "sign_in.recovery_codes_made") == 0
    done = await world.post(client, "/account/recovery-codes", draft=hidden(shown.text, "draft"), kept="yes")
    assert done.status_code == 303
    assert (await signs_in(world, password=PASSWORD, code=codes[1])).status_code == 401
    assert (await signs_in(world, password=PASSWORD, code=fresh[1])).status_code == 303


async def test_codes_offered_to_one_person_are_not_taken_from_another(world: World) -> None:
    client, _, _ = await settled(world)
    shown = await world.post(client, "/account/recovery-codes")
    other = await world.sign_in("principal@northwind.example")
    answer = await world.post(other, "/account/recovery-codes", draft=hidden(shown.text, "draft"), kept="yes")
    assert answer.status_code == 200
    assert not set(codes_on(answer.text)) & set(codes_on(shown.text))
    assert noted(world, "sign_in.recovery_codes_made") == 0


async def test_a_password_is_changed_with_the_old_one_and_ends_the_other_sessions(world: World) -> None:
    client, secret, codes = await settled(world)
    other = world.client("partners")
    form = {"email": EMAIL, "password": PASSWORD, "code": codes[0]}
    assert (await other.post("/sign-in", data={"_csrf_token": await csrf(other), **form})).status_code == 303
    for old, new in (("not the old one at all", NEW), (PASSWORD, "short"), (PASSWORD, "password12345678")):
        answer = await world.post(client, "/account/password", old_password=old, password=new)
        assert (answer.status_code, "field-error" in answer.text) == (422, True)
    assert (await other.get("/account")).status_code == 200
    done = await world.post(client, "/account/password", old_password=PASSWORD, password=NEW)
    assert done.status_code == 303
    assert (await client.get("/account")).status_code == 200
    assert (await other.get("/account")).status_code == 303
    assert (await signs_in(world, password=PASSWORD, code=codes[1])).status_code == 401
    assert (await signs_in(world, password=NEW, code=later(secret))).status_code == 303
    assert letters(world, EMAIL)[-1].kind == "account.password_changed"
    assert noted(world, "sign_in.password_changed") == 1


async def test_the_old_password_cannot_be_guessed_on_and_on(world: World) -> None:
    client, _, _ = await settled(world)
    answers = [
        (await world.post(client, "/account/password", old_password="guess after guess", password=NEW)).status_code
        for _ in range(7)
    ]
    assert answers[-1] == 429


async def test_an_authenticator_is_replaced_after_a_fresh_factor(world: World) -> None:
    client, secret, codes = await settled(world)
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes' WHERE ended_at IS NULL")
    assert (await world.post(client, "/account/authenticator")).status_code == 403
    shown = await world.post(client, "/account/authenticator", step_up_code=codes[0])
    new = secret_on(shown.text)
    sealed = hidden(shown.text, "sealed")
    wrong = await world.post(client, "/account/authenticator", sealed=sealed, code="000000")
    assert (wrong.status_code, secret_on(wrong.text)) == (422, new)
    code = pyotp.TOTP(new).at(clock.now())
    assert (await world.post(client, "/account/authenticator", sealed=sealed, code=code)).status_code == 303
    assert (await signs_in(world, password=PASSWORD, code=later(secret))).status_code == 401
    assert (await signs_in(world, password=PASSWORD, code=later(new))).status_code == 303
    assert letters(world, EMAIL)[-1].kind == "account.factor_replaced"


async def forgot(world: World, email: str, label: str = "partners") -> tuple[str, float]:
    client = world.client(label)
    token, began = await csrf(client), time.perf_counter()
    answer = await client.post("/forgotten", data={"_csrf_token": token, "email": email})
    assert answer.status_code == 200, answer.text
    return answer.text.replace(token, ""), time.perf_counter() - began


@pytest.mark.parametrize("label", ["partners", "staff", "customers"])
async def test_a_forgotten_password_is_set_by_letter_and_second_factor(world: World, label: str) -> None:
    client, secret, codes = await settled(world, label)
    await forgot(world, EMAIL.upper(), label)
    letter = letters(world, EMAIL)[-1]
    assert letter.link is not None
    assert letter.link[0] == label
    path, stranger = letter.link[1], world.client(label)
    assert (await stranger.get(path)).status_code == 200
    for wrong in ({"code": "000000"}, {"code": ""}, {"password": "short"}):
        answer = await world.post(stranger, path, **({"password": NEW, "code": codes[0]} | wrong))
        assert (answer.status_code, "field-error" in answer.text) == (422, True)
    assert (await client.get("/account")).status_code == 200
    done = await world.post(stranger, path, password=NEW, code=codes[0])
    assert done.status_code == 303, done.text
    assert (await stranger.get("/account")).status_code == 200
    assert (await client.get("/account")).status_code == 303, "the sessions of before have ended"
    assert (await stranger.get(path)).status_code == 410
    assert (await signs_in(world, label, password=NEW, code=later(secret))).status_code == 303
    assert (await signs_in(world, label, password=PASSWORD, code=codes[1])).status_code == 401
    assert {"account.password_changed", "account.recovery_code_used"} <= {one.kind for one in letters(world, EMAIL)}


async def test_whoever_asks_for_a_new_password_hears_the_same_at_the_same_time(world: World) -> None:
    newcomer(world)
    known, nobody, unset = "principal@northwind.example", "nobody@northwind.example", EMAIL
    heard = {email: await forgot(world, email) for email in (known, nobody, unset)}
    assert len({text for text, _ in heard.values()}) == 1
    assert all(seconds >= ANSWER_AFTER for _, seconds in heard.values())
    assert [(one.to, one.kind) for one in letters(world)] == [(known, "account.password_reset")]
    assert noted(world, "sign_in.password_reset_asked") == 3


async def test_letters_for_a_new_password_are_few_and_the_newest_link_works(world: World) -> None:
    email = "principal@northwind.example"
    for _ in range(4):
        await forgot(world, email)
    sent = letters(world, email)
    assert len(sent) == 3
    client = world.client("partners")
    states = [(await client.get(one.link[1])).status_code for one in sent if one.link]
    assert states == [410, 410, 200]
    answers = [(await world.post(client, "/forgotten", email=email)).status_code for _ in range(3)]
    assert answers[-1] == 429


async def test_asking_for_a_new_password_ends_no_invitation(world: World) -> None:
    client, _, _ = await settled(world)
    recovering = await link(world, "partners", EMAIL, "recover")
    await forgot(world, EMAIL)
    assert (await client.get(recovering)).status_code == 200
