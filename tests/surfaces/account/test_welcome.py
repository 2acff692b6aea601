"""The one-time link, on every surface: password, second factor, recovery codes, signed in."""

import asyncio
import json

import pyotp
import pytest

from guildhall.core import clock
from support_trail import walked as verified
from support_welcome import (
    PASSWORD,
    TABLES,
    codes_on,
    hidden,
    later,
    link,
    newcomer,
    secret_on,
    walked,
    walked_to_codes,
)
from support_world import World, csrf

pytestmark = pytest.mark.anyio


def unused(world: World, label: str) -> bool:
    """Return whether nothing of a newcomer is set and the link still waits."""
    table = TABLES[label][1]
    rows = world.sql(
        f"SELECT u.password_hash, u.totp_secret, o.used_at FROM {table}_one_time AS o"
        f" JOIN {table}_user AS u ON u.id = o.user_id WHERE u.name = 'Nuria Soler'"
    )
    return all(value is None for row in rows for value in row.values())


@pytest.mark.parametrize("label", list(TABLES))
async def test_a_newcomer_sets_up_and_lands_signed_in(world: World, label: str) -> None:
    client, path = world.client(label), await link(world, label, newcomer(world, label))
    for _ in range(2):
        page = await client.get(path)
        assert page.status_code == 200, "looking consumes nothing"
    assert page.headers["referrer-policy"] == "same-origin", (
        "another policy makes a browser leave the origin of the form out"
    )
    third, secret = await walked_to_codes(world, client, path)
    codes = codes_on(third.text)
    assert len(set(codes)) == 10
    assert unused(world, label), "nothing is kept before the last step"
    done = await world.post(client, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await client.get("/")).status_code == 200
    assert (await client.get(path)).status_code == 410
    other = world.client(label)
    form = {"email": "newcomer@northwind.example", "password": PASSWORD, "code": later(secret)}
    assert (await other.post("/sign-in", data={"_csrf_token": await csrf(other), **form})).status_code == 303
    acts = [
        row["action"] for row in world.sql("SELECT action FROM portal.audit_entry WHERE actor_name = 'Nuria Soler'")
    ]
    assert {"sign_in.enrolled", "sign_in.succeeded"} <= set(acts)
    kept = json.dumps(world.sql(f"SELECT * FROM {TABLES[label][1]}_recovery_code"), default=repr)
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert verified(world).broken == []


async def test_each_wrong_step_says_why_and_keeps_nothing(world: World) -> None:
    client, path = world.client("partners"), await link(world, "partners", newcomer(world))
    for wrong in (
        "",
        "short",
        "nuria soler 12345",
        "password12345678",
        "x" * 201,
        "guildhall-demo",
        "northwind managed services",
    ):
        world.sql("DELETE FROM portal.sign_in_backoff")  # a few tries are free, and these are more
        answer = await world.post(client, path, step="password", password=wrong)
        assert (answer.status_code, "field-error" in answer.text) == (422, True), wrong
        assert f'value="{wrong}"' not in answer.text or not wrong
    second = await world.post(client, path, step="password", password=PASSWORD)
    draft = hidden(second.text, "draft")
    wrong_code = await world.post(client, path, step="factor", draft=draft, code="000000")
    assert wrong_code.status_code == 422
    assert secret_on(wrong_code.text) == secret_on(second.text), "the same authenticator entry goes on working"
    early = await world.post(client, path, step="codes", draft=draft, kept="yes")
    assert early.status_code == 422
    code = pyotp.TOTP(secret_on(second.text)).at(clock.now())
    third = await world.post(client, path, step="factor", draft=draft, code=code)
    unticked = await world.post(client, path, step="codes", draft=hidden(third.text, "draft"))
    assert unticked.status_code == 422
    assert codes_on(unticked.text) == codes_on(third.text)
    for forged in ("", "forged", "Zm9yZ2Vk", draft[:-4] + "AAAA"):
        assert (await world.post(client, path, step="factor", draft=forged, code=code)).status_code == 422
    assert unused(world, "partners")


async def test_a_new_link_kills_the_old_one_and_a_draft_fits_its_own_link_only(world: World) -> None:
    client, email = world.client("partners"), newcomer(world)
    old = await link(world, "partners", email)
    third, _ = await walked_to_codes(world, client, old)
    new = await link(world, "partners", email)
    for path in (old, new):
        answer = await world.post(client, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")
        assert answer.status_code == (410 if path == old else 422)
    assert "newer link" in (await client.get(old)).text
    assert unused(world, "partners")
    assert (await client.get("/welcome/" + "x" * 43)).status_code == 404
    assert (await world.client("staff").get(new)).status_code == 404, "a link opens on its own surface only"


async def test_of_two_who_finish_with_one_link_at_once_one_comes_in(world: World) -> None:
    email = newcomer(world)
    path = await link(world, "partners", email)
    walks = [(client := world.client("partners"), await walked_to_codes(world, client, path)) for _ in range(2)]
    answers = await asyncio.gather(
        *(
            world.post(client, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")
            for client, (third, _) in walks
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    won = next(number for number, answer in enumerate(answers) if answer.status_code == 303)
    codes = [codes_on(third.text)[0] for _, (third, _) in walks]
    for number, code in enumerate(codes):
        client = world.client("partners")
        form = {"email": email, "password": PASSWORD, "code": code}
        answer = await client.post("/sign-in", data={"_csrf_token": await csrf(client), **form})
        assert answer.status_code == (303 if number == won else 401)


async def test_a_stolen_link_opens_nothing_after_use_or_its_time_or_for_somebody_deactivated(world: World) -> None:
    email = newcomer(world)
    path = await link(world, "partners", email)
    third, _ = await walked_to_codes(world, world.client("partners"), path)
    await walked(world, world.client("partners"), path)
    thief = world.client("partners")
    assert "Link already used" in (await thief.get(path)).text
    late = await world.post(thief, path, step="codes", draft=hidden(third.text, "draft"), kept="yes")
    assert (late.status_code, "guildhall_partners" in thief.cookies) == (410, False)
    recover = await link(world, "partners", email, "recover")
    world.sql("UPDATE portal.partner_one_time SET expires_at = now() WHERE used_at IS NULL")
    assert (await thief.get(recover)).status_code == 410
    recover = await link(world, "partners", email, "recover")
    world.sql("UPDATE portal.partner_user SET status = 'deactivated' WHERE email = %s", email)
    assert (await thief.get(recover)).status_code == 404


async def test_somebody_who_is_set_up_already_is_told_to_sign_in(world: World) -> None:
    path = await link(world, "customers", "admin@acme-fiber.example")
    before = world.sql("SELECT password_hash FROM tenancy.customer_user WHERE email = 'admin@acme-fiber.example'")
    client = world.client("customers")
    assert "You are set up already" in (await client.get(path)).text
    assert "You are set up already" in (await world.post(client, path, password=PASSWORD)).text
    after = world.sql("SELECT password_hash FROM tenancy.customer_user WHERE email = 'admin@acme-fiber.example'")
    assert before == after


async def test_the_first_steps_of_a_new_principal_follow_what_is_really_so(world: World) -> None:
    email = newcomer(world)
    world.sql(
        "WITH made AS (INSERT INTO portal.partner (id, slug, name, type, tier, country, status) VALUES"
        " (gen_random_uuid(), 'new', 'New', 'mssp', 'silver', 'ES', 'active') RETURNING id)"
        " UPDATE portal.partner_user SET roles = '{principal}', partner_id = made.id FROM made WHERE email = %s",
        email,
    )
    client = world.client("partners")
    await walked(world, client, await link(world, "partners", email, "first"))
    assert "2 of 4 done" in (await client.get("/")).text
    own = "(SELECT id FROM portal.partner_user WHERE email = %s)"
    world.sql(f"UPDATE portal.partner_recovery_code SET used_at = now() WHERE user_id = {own}", email)
    assert "1 of 4 done" in (await client.get("/")).text
    assert "First steps" not in (await (await world.sign_in("principal@northwind.example")).get("/")).text
