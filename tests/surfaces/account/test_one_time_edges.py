"""What a one-time link must not do: outlive a sign-in, an invitation, a password; be guessed at; open what is shut."""

import asyncio

import httpx
import msgspec
import pytest
from sqlalchemy import text

from guildhall.core import clock, crypto, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface, anonymous
from guildhall.domain.people import methods, one_time
from guildhall.domain.people.doors import DOORS
from guildhall.surfaces.entry import ROLES
from support_mail import letters
from support_welcome import PASSWORD, TABLES, codes_on, hidden, later, link, newcomer, secret_on, walked
from support_world import World

pytestmark = pytest.mark.anyio
EMAIL = "newcomer@northwind.example"
NEW = "quite another sentence"
LEAD = "lead@halcyon.example"


def password_of(world: World, label: str = "partners") -> str | None:
    kept: str | None = world.sql(f"SELECT password_hash FROM {TABLES[label][1]}_user WHERE email = %s", EMAIL)[0][
        "password_hash"
    ]
    return kept


def narrow(world: World, *ways_in: str) -> None:
    world.sql("UPDATE portal.partner SET sign_in_methods = %s WHERE slug = 'northwind'", list(ways_in))


@pytest.mark.parametrize("label", list(TABLES))
@pytest.mark.parametrize("came", ["by mail", "with a passkey"])
async def test_an_invitation_does_nothing_once_somebody_came_in_another_way(
    world: World, label: str, came: str
) -> None:
    path, kind = await link(world, label, newcomer(world, label)), TABLES[label][1]
    client = world.client(label)
    second = await world.post(client, path, step="password", password=PASSWORD)
    if came == "by mail":
        world.sql(f"UPDATE {kind}_user SET last_active_at = now() WHERE email = %s", EMAIL)
    else:
        world.sql(
            f"INSERT INTO {kind}_passkey (id, user_id, credential_id, public_key, sign_count, name, synced)"
            f" SELECT gen_random_uuid(), id, '\\x01', '\\x01', 0, 'x', false FROM {kind}_user WHERE email = %s",
            EMAIL,
        )
    assert second.status_code == 200
    assert "You are set up already" in (await client.get(path)).text
    row = world.sql(f"SELECT id FROM {kind}_user WHERE email = %s", EMAIL)[0]
    surface = TABLES[label][0]
    origin = anonymous(surface, ROLES[surface], request_id="test", ip="127.0.0.1", user_agent="tests")
    holder = msgspec.structs.replace(origin, kind=DOORS[surface].kind, user_id=row["id"])
    use = text(f"SELECT * FROM {kind.split('.')[0]}.use_{kind.split('.')[1]}_one_time(:token, 'x', NULL, NULL, '{{}}')")
    async with db.transaction(holder) as connection:
        token = crypto.token_hash(path.rpartition("/")[2])
        assert (await connection.execute(use, {"token": token})).first() is None
    assert password_of(world, label) is None


async def test_an_invitation_ends_with_the_membership(world: World) -> None:
    path = await link(world, "customers", newcomer(world, "customers"))
    world.sql(
        "UPDATE tenancy.customer_membership SET status = 'deactivated' WHERE tenant_id = %s AND user_id ="
        " (SELECT id FROM tenancy.customer_user WHERE email = %s)",
        world.tenant("acme-fiber"),
        EMAIL,
    )
    client = world.client("customers")
    assert (await client.get(path)).status_code == 404
    assert (await world.post(client, path, step="password", password=PASSWORD)).status_code == 404
    assert password_of(world, "customers") is None


async def came_in(world: World, label: str = "partners") -> tuple[httpx.AsyncClient, str]:
    client = world.client(label)
    secret, _ = await walked(world, client, await link(world, label, newcomer(world, label)))
    return client, secret


async def asked_for_links(world: World, label: str = "partners") -> tuple[str, str]:
    """Have a sign-in link and a reset link sent; return both paths."""
    methods.install(["password", "passkey", "email_link"])
    browser = world.client(label)
    await world.post(browser, "/sign-in/link", email=EMAIL)
    await world.post(browser, "/forgotten", email=EMAIL)
    found = {one.kind: one.link[1] for one in letters(world, EMAIL) if one.link}
    return found["sign_in.link"], found["account.password_reset"]


async def test_a_new_password_ends_the_links_of_before(world: World) -> None:
    client, _ = await came_in(world)
    by_mail, reset = await asked_for_links(world)
    done = await world.post(client, "/account/password", old_password=PASSWORD, password=NEW)
    assert done.status_code == 303
    thief = world.client("partners")
    assert (await world.post(thief, by_mail)).status_code in {409, 410}
    assert (await thief.get(reset)).status_code == 410
    assert (await thief.get("/account")).status_code == 303


async def test_a_reset_ends_the_sign_in_links_of_before(world: World) -> None:
    _, secret = await came_in(world)
    by_mail, reset = await asked_for_links(world)
    done = await world.post(world.client("partners"), reset, password=NEW, code=later(secret))
    assert done.status_code == 303
    thief = world.client("partners")
    assert (await world.post(thief, by_mail)).status_code in {409, 410}
    assert (await thief.get("/account")).status_code == 303


async def test_new_recovery_codes_are_told_by_letter(world: World) -> None:
    client, _ = await came_in(world)
    shown = await world.post(client, "/account/recovery-codes")
    assert "account.recovery_codes_made" not in [one.kind for one in letters(world, EMAIL)]
    await world.post(client, "/account/recovery-codes", draft=hidden(shown.text, "draft"), kept="yes")
    assert letters(world, EMAIL)[-1].kind == "account.recovery_codes_made"
    assert not any(code in str(letters(world, EMAIL)) for code in codes_on(shown.text))


async def test_a_guess_at_the_second_factor_of_a_reset_leaves_a_trace(world: World) -> None:
    await came_in(world)
    path, before = await link_of_reset(world), password_of(world)
    failures = "SELECT count(*) AS n FROM portal.audit_entry WHERE action = 'sign_in.failed'"
    count = world.sql(failures)[0]["n"]
    answer = await world.post(world.client("partners"), path, password=NEW, code="000000")
    assert answer.status_code == 422
    assert world.sql(failures)[0]["n"] == count + 1
    assert password_of(world) == before


async def link_of_reset(world: World) -> str:
    await world.post(world.client("partners"), "/forgotten", email=EMAIL)
    found = letters(world, EMAIL)[-1].link
    assert found is not None
    return found[1]


async def test_passwords_for_a_reset_are_tried_a_few_times_only(world: World) -> None:
    await came_in(world)
    path, before = await link_of_reset(world), password_of(world)
    answers = [
        (await world.post(world.client("partners"), path, password="password12345678", code="000000")).status_code
        for _ in range(6)
    ]
    assert (answers[0], answers[-1]) == (422, 429)
    assert password_of(world) == before


async def test_passwords_for_an_invitation_are_tried_a_few_times_only(world: World) -> None:
    path = await link(world, "partners", newcomer(world))
    answers = [
        (await world.post(world.client("partners"), path, step="password", password="password12345678")).status_code
        for _ in range(6)
    ]
    assert (answers[0], answers[-1]) == (422, 429)
    assert password_of(world) is None


async def test_where_passwords_are_off_a_newcomer_sets_none_and_comes_in(world: World) -> None:
    methods.install(["passkey", "email_link"])
    path, client = await link(world, "partners", newcomer(world)), world.client("partners")
    first = await client.get(path)
    assert 'name="password"' not in first.text
    secret = secret_on(first.text)
    sly = await world.post(client, path, step="password", password=PASSWORD)
    assert secret_on(sly.text), "a password that somebody sends all the same is not kept"
    codes = await world.post(client, path, step="factor", draft=hidden(first.text, "draft"), code=later(secret, 0))
    done = await world.post(client, path, step="codes", draft=hidden(codes.text, "draft"), kept="yes")
    assert (done.status_code, done.headers["location"]) == (303, "/account/passkeys/new"), done.text
    assert (await client.get("/account")).status_code == 200
    assert password_of(world) is None
    sessions = "SELECT method FROM portal.partner_session ORDER BY created_at DESC LIMIT 1"
    assert world.sql(sessions) == [{"method": "link+totp"}]
    assert "set up already" in (await client.get(await link(world, "partners", EMAIL))).text


async def test_where_a_partner_uses_passkeys_only_no_password_is_set_by_letter(world: World) -> None:
    _, secret = await came_in(world)
    path, before = await link_of_reset(world), password_of(world)
    narrow(world, "passkey")
    sent = len(letters(world, EMAIL))
    thief = world.client("partners")
    assert (await world.post(thief, "/forgotten", email=EMAIL)).status_code == 200
    assert len(letters(world, EMAIL)) == sent
    assert (await thief.get(path)).status_code == 410
    refused = await world.post(thief, path, password=NEW, code=later(secret))
    assert (refused.status_code, password_of(world)) == (410, before)
    assert (await thief.get("/account")).status_code == 303
    newly = await link(world, "partners", EMAIL, "recover")
    assert 'name="password"' not in (await thief.get(newly)).text


async def test_of_two_links_issued_at_once_one_lives(world: World) -> None:
    newcomer(world)
    lead = world.sql("SELECT id FROM portal.staff_user WHERE email = %s", LEAD)[0]["id"]
    user_id = world.sql("SELECT id FROM portal.partner_user WHERE email = %s", EMAIL)[0]["id"]
    actor = Actor(kind=Kind.STAFF_USER, surface=Surface.STAFF, role=DbRole.STAFF, name="tests", user_id=lead)

    async def sent() -> None:
        async with db.transaction(actor) as connection:
            await one_time.issue(
                connection, actor, surface=Surface.CONSOLE, user_id=user_id, purpose="join", now=clock.now()
            )
            await asyncio.sleep(0.05)

    await asyncio.gather(*(sent() for _ in range(4)))
    living = "SELECT 1 FROM portal.partner_one_time WHERE user_id = %s AND expires_at > now()"
    assert len(world.sql(living, user_id)) == 1
