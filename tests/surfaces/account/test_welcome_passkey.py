"""A passkey in place of the authenticator, chosen with the one-time link: on every surface, where it is a way in."""

import httpx
import pytest

from guildhall.domain.people import methods
from support_mail import letters
from support_passkeys import Authenticator, asked, welcomed_with_passkey
from support_trail import walked as verified
from support_welcome import (
    NEWCOMER,
    PASSWORD,
    TABLES,
    codes_on,
    hidden,
    later,
    link,
    newcomer,
    secret_on,
    walked,
)
from support_world import World

pytestmark = pytest.mark.anyio
LABELS = list(TABLES)
ACTS = "SELECT action FROM portal.audit_entry WHERE actor_name = 'Nuria Soler'"
NARROW = "UPDATE portal.partner SET sign_in_methods = %s WHERE slug = 'northwind'"


def kept(world: World, label: str = "partners") -> dict[str, object]:
    """Return what the newcomer signs in with, and how the newest session began."""
    kind = TABLES[label][1]
    return world.sql(
        f"SELECT u.password_hash IS NOT NULL AS password, u.totp_secret IS NOT NULL AS totp,"
        f" (SELECT string_agg(name, ',') FROM {kind}_passkey WHERE user_id = u.id) AS passkeys,"
        f" (SELECT count(*) FROM {kind}_recovery_code WHERE user_id = u.id) AS codes,"
        f" (SELECT method FROM {kind}_session WHERE user_id = u.id ORDER BY created_at DESC LIMIT 1) AS session"
        f" FROM {kind}_user AS u WHERE u.email = %s",
        NEWCOMER,
    )[0]


NOTHING = {"password": False, "totp": False, "passkeys": None, "codes": 0, "session": None}


async def finished(world: World, client: httpx.AsyncClient, path: str, third: httpx.Response) -> httpx.Response:
    """Keep the recovery codes and send the last form."""
    assert third.status_code == 200, third.text
    return await world.post(client, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")


@pytest.mark.parametrize("label", LABELS)
async def test_a_newcomer_sets_up_with_a_passkey_and_signs_in_with_it(world: World, label: str) -> None:
    client, path = world.client(label), await link(world, label, newcomer(world, label))
    third, key = await welcomed_with_passkey(world, client, path, label)
    codes = codes_on(third.text)
    assert kept(world, label) == NOTHING, "nothing is kept before the last step"
    assert letters(world, NEWCOMER) == []
    done = await finished(world, client, path, third)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await client.get("/")).status_code == 200
    expected = {"password": True, "totp": False, "passkeys": "work laptop", "codes": 10, "session": "password+passkey"}
    assert kept(world, label) == expected
    told = [(one.kind, one.values) for one in letters(world, NEWCOMER)]
    assert told == [("account.passkey_added", {"passkey": "work laptop"})]
    assert {"sign_in.enrolled", "passkey.added", "sign_in.succeeded"} <= {row["action"] for row in world.sql(ACTS)}
    assert verified(world).broken == []
    other = world.client(label)
    answer = await world.post(other, "/sign-in/passkey", passkey=key.show(await asked(other)))
    assert answer.status_code == 303, "the passkey alone"
    form = {"email": NEWCOMER, "password": PASSWORD, "code": codes[0]}
    answer = await world.post(world.client(label), "/sign-in", **form)
    assert answer.status_code == 303, "the password with a recovery code in the passkey’s place"
    assert (await client.get(path)).status_code == 410


async def test_the_step_shows_both_choices_and_the_authenticator_remains(world: World) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    second = await world.post(client, path, step="password", password=PASSWORD)
    assert f'data-passkey="{path}/passkey"' in second.text
    assert "needs a browser that runs scripts" in second.text
    assert secret_on(second.text)
    await walked(world, client, path)
    assert kept(world)["session"] == "password+totp"
    assert kept(world)["passkeys"] is None
    assert letters(world, NEWCOMER) == []


@pytest.mark.parametrize("by", ["the installation", "the partner"])
async def test_where_passkeys_are_no_way_in_none_is_offered_or_taken(world: World, by: str) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    early = await asked(client, f"{path}/passkey")
    if by == "the partner":
        world.sql(NARROW, ["password"])
    else:
        methods.install(["password"])
    second = await world.post(client, path, step="password", password=PASSWORD)
    assert "data-passkey" not in second.text
    assert secret_on(second.text)
    assert (await client.get(f"{path}/passkey")).status_code == 404
    answer = Authenticator("http://partners.localhost:8000").make(early)
    form = {"draft": hidden(second.text, "draft"), "passkey": answer, "name": "work laptop"}
    refused = await world.post(client, path, step="passkey", **form)
    assert refused.status_code == 409
    assert "have changed meanwhile" in refused.text
    assert kept(world) == NOTHING


@pytest.mark.parametrize("narrowed", [["password"], ["password", "passkey"]])
async def test_ways_in_that_changed_between_two_steps_are_begun_again(world: World, narrowed: list[str]) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    if "passkey" in narrowed:
        world.sql(NARROW, ["passkey"])  # so that no password was chosen, and then one is asked for
    third, _ = await welcomed_with_passkey(world, client, path)
    world.sql(NARROW, narrowed)
    late = await finished(world, client, path, third)
    assert (late.status_code, kept(world)) == (409, NOTHING)
    assert "have changed meanwhile" in late.text
    await walked(world, client, path)
    assert kept(world)["session"] == "password+totp"


async def test_where_passwords_are_off_a_passkey_is_all_there_is(world: World) -> None:
    methods.install(["passkey"])
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    third, key = await welcomed_with_passkey(world, client, path)
    done = await finished(world, client, path, third)
    assert done.headers["location"] == "/", "there is no passkey left to add"
    expected = {"password": False, "totp": False, "passkeys": "work laptop", "codes": 10, "session": "link+passkey"}
    assert kept(world) == expected
    assert "One-time link and passkey" in (await client.get("/account")).text
    other = world.client("partners")
    assert (await world.post(other, "/sign-in/passkey", passkey=key.show(await asked(other)))).status_code == 303


async def test_what_is_no_passkey_is_told_and_the_name_stays(world: World) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    second = await world.post(client, path, step="password", password=PASSWORD)
    draft, key = hidden(second.text, "draft"), Authenticator("http://partners.localhost:8000")
    elsewhere = Authenticator("http://evil.example").make(await asked(client, f"{path}/passkey"))
    unasked = key.make(await asked(world.client("partners"), f"{path}/passkey"))
    for wrong in ("", "{}", "[]", elsewhere, unasked):
        answer = await world.post(client, path, step="passkey", draft=draft, passkey=wrong, name="my “key” <b>")
        assert answer.status_code == 422, wrong
        assert 'href="#f-passkey"' in answer.text
        assert "my “key” &lt;b&gt;" in answer.text
        assert secret_on(answer.text) == secret_on(second.text)
    made = key.make(await asked(client, f"{path}/passkey"))
    nameless = await world.post(client, path, step="passkey", draft=draft, passkey=made, name=" ")
    assert (nameless.status_code, "Give it a name" in nameless.text) == (422, True)
    assert (await world.post(client, path, step="passkey", draft="forged", passkey=made, name="x")).status_code == 422
    assert kept(world) == NOTHING
    taken = await world.post(client, path, step="passkey", draft=draft, passkey=made, name="work laptop")
    assert taken.status_code == 200, "a refused name does not use the answer up"
    again = await world.post(client, path, step="passkey", draft=draft, passkey=made, name="work laptop")
    assert (again.status_code, kept(world)) == (422, NOTHING)


async def test_of_one_passkey_for_two_people_the_second_is_refused(world: World) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    third, key = await welcomed_with_passkey(world, client, path)
    world.sql(
        "INSERT INTO portal.partner_passkey (id, user_id, credential_id, public_key, sign_count, name, synced)"
        " SELECT gen_random_uuid(), id, %s, '\\x01', 0, 'x', false FROM portal.partner_user WHERE email = %s",
        key.id,
        "principal@northwind.example",
    )
    refused = await finished(world, client, path, third)
    assert (refused.status_code, kept(world)) == (409, NOTHING)
    assert "This passkey is known already" in refused.text
    await walked(world, client, path)


async def test_no_browser_is_asked_for_a_passkey_by_a_link_that_has_none_to_make(world: World) -> None:
    email, nobody = newcomer(world), world.client("partners")
    await walked(world, world.client("partners"), used := await link(world, "partners", email))
    await world.post(nobody, "/forgotten", email=email)
    reset = (letters(world, email)[-1].link or ("", ""))[1]
    assert (await nobody.get(reset)).status_code == 200
    for path in (used, reset, "/welcome/" + "x" * 43):
        assert (await nobody.get(f"{path}/passkey")).status_code == 404


async def test_a_recovery_with_a_passkey_takes_the_place_of_all_of_before(world: World) -> None:
    email, client = newcomer(world), world.client("partners")
    secret, _ = await walked(world, client, await link(world, "partners", email))
    path, fresh = await link(world, "partners", email, "recover"), world.client("partners")
    third, _ = await welcomed_with_passkey(world, fresh, path, name="blue key")
    assert kept(world)["totp"], "until the last step everything stays"
    assert (await finished(world, fresh, path, third)).status_code == 303
    expected = {"password": True, "totp": False, "passkeys": "blue key", "codes": 10, "session": "password+passkey"}
    assert kept(world) == expected
    assert (await client.get("/account")).status_code == 303, "sessions of before have ended"
    old = {"email": email, "password": PASSWORD, "code": later(secret)}
    assert (await world.post(world.client("partners"), "/sign-in", **old)).status_code == 401
    assert [one.kind for one in letters(world, email)] == ["account.passkey_added", "account.recovered"]


@pytest.mark.parametrize("label", LABELS)
async def test_who_has_a_passkey_only_confirms_an_act_with_a_recovery_code(world: World, label: str) -> None:
    client, path = world.client(label), await link(world, label, newcomer(world, label))
    third, _ = await welcomed_with_passkey(world, client, path, label)
    await finished(world, client, path, third)
    world.sql(f"UPDATE {TABLES[label][1]}_session SET factor_at = now() - interval '11 minutes'")
    shown = await world.post(client, "/account/authenticator")
    assert (shown.status_code, "Recovery code" in shown.text) == (403, True)
    wrong = await world.post(client, "/account/authenticator", step_up_code="aaaaa-aaaaa")
    assert wrong.status_code == 422
    right = await world.post(client, "/account/authenticator", step_up_code=codes_on(third.text)[0])
    assert secret_on(right.text)
    form = {"sealed": hidden(right.text, "sealed"), "code": later(secret_on(right.text), 0)}
    assert (await world.post(client, "/account/authenticator", **form)).status_code == 303
    assert kept(world, label)["totp"]
