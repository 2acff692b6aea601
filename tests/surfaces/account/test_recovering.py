"""Somebody who lost everything is brought back by somebody else, with a letter; a last principal by two of staff."""

import pytest

from support_mail import letters
from support_welcome import PASSWORD, later, walked
from support_world import World, csrf

pytestmark = pytest.mark.anyio
LEAD, MANAGER = "lead@halcyon.example", "partner_manager@halcyon.example"
FINANCE, PRINCIPAL = "finance@northwind.example", "principal@northwind.example"


def person(world: World, email: str, table: str = "portal.partner_user") -> str:
    return str(world.sql(f"SELECT id FROM {table} WHERE email = %s", email)[0]["id"])


def links(world: World) -> list[str]:
    """Return whom links that recover were sent to."""
    return [one.to for one in letters(world) if one.kind == "account.recovery"]


def lonely(world: World) -> str:
    """Leave Northwind with one principal; return that person's id."""
    world.sql(
        "UPDATE portal.partner_user SET roles = '{viewer}' WHERE 'principal' = ANY (roles) AND email <> %s"
        " AND partner_id = (SELECT id FROM portal.partner WHERE slug = 'northwind')",
        PRINCIPAL,
    )
    return person(world, PRINCIPAL)


async def test_a_principal_brings_a_colleague_back(world: World) -> None:
    lost, user_id = await world.sign_in(FINANCE), person(world, FINANCE)
    client = await world.sign_in(PRINCIPAL)
    path = f"/team/{user_id}/recover"
    assert (await client.get(path)).status_code == 200
    assert (await world.post(client, path, reason="")).status_code == 422
    assert links(world) == []
    assert (await world.post(client, path, reason="Rang her at the office")).status_code == 303
    letter = letters(world, FINANCE)[-1]
    assert letter.kind == "account.recovery"
    assert (await lost.get("/account")).status_code == 200, "until the link is used everything stays"
    assert letter.link is not None
    browser = world.client("partners")
    secret, _ = await walked(world, browser, letter.link[1])
    assert (await lost.get("/account")).status_code == 303
    old = world.client("partners")
    form = {"_csrf_token": await csrf(old), "email": FINANCE}
    gone = await old.post("/sign-in", data=form | {"password": "guildhall-demo", "code": world.code(FINANCE)})
    back = await old.post("/sign-in", data=form | {"password": PASSWORD, "code": later(secret)})
    assert (gone.status_code, back.status_code) == (401, 303)
    assert letters(world, FINANCE)[-1].kind == "account.recovered"
    chain = "SELECT action FROM portal.audit_entry WHERE kind = 'partner' AND action LIKE '%%recover%%' ORDER BY at"
    assert [row["action"] for row in world.sql(chain)] == ["person.recovery_started", "sign_in.recovered"]


async def test_nobody_else_of_a_partner_recovers_and_no_principal_a_stranger(world: World) -> None:
    user_id, stranger = person(world, PRINCIPAL), person(world, "principal@bluepeak.example")
    for email, of, status in ((FINANCE, user_id, 403), (PRINCIPAL, stranger, 404), (PRINCIPAL, user_id, 303)):
        client = await world.sign_in(email)
        assert (await world.post(client, f"/team/{of}/recover", reason="x")).status_code == status
    assert links(world) == []
    assert world.sql("SELECT 1 FROM portal.partner_one_time WHERE purpose = 'recover'") == []


async def test_a_fresh_factor_is_asked_first(world: World) -> None:
    client, user_id = await world.sign_in(PRINCIPAL), person(world, FINANCE)
    world.sql("UPDATE portal.partner_session SET factor_at = now() - interval '11 minutes'")
    answer = await world.post(client, f"/team/{user_id}/recover", reason="Rang her")
    assert (answer.status_code, "Rang her" in answer.text, links(world)) == (403, True, [])


async def test_an_approver_brings_a_colleague_of_the_own_customer_back(world: World) -> None:
    rows = world.sql(
        "SELECT u.id, u.email FROM tenancy.customer_user AS u JOIN tenancy.customer_membership AS m ON m.user_id = u.id"
        " WHERE m.tenant_id = %s AND u.email <> 'admin@acme-fiber.example' AND u.last_active_at IS NOT NULL"
        " AND u.status = 'active' AND m.status = 'active' ORDER BY u.email",
        world.tenant("acme-fiber"),
    )
    client = await world.sign_in("admin@acme-fiber.example", "customers")
    other = person(world, "admin@cascadia-clinics.example", "tenancy.customer_user")
    assert (await world.post(client, f"/people/{other}/recover", reason="x")).status_code == 404
    assert (await world.post(client, f"/people/{rows[0]['id']}/recover", reason="Met him")).status_code == 303
    letter = letters(world, rows[0]["email"])[-1]
    assert letter.link is not None
    assert letter.link[0] == "customers"
    await walked(world, world.client("customers"), letter.link[1])


async def test_a_last_principal_needs_two_of_staff(world: World) -> None:
    user_id = lonely(world)
    first, second = await world.sign_in(LEAD, "staff"), await world.sign_in(MANAGER, "staff")
    path = f"/people/partner/{user_id}/recovery"
    assert "another of staff has to confirm" in (await first.get(f"{path}/start")).text
    assert (await world.post(first, f"{path}/start", reason="Rang the office")).status_code == 303
    assert links(world) == []
    for step in ("start", "confirm"):
        await world.post(first, f"{path}/{step}", reason="Me again")
    assert links(world) == [], "whoever asked does not confirm"
    assert "waits for a second member of staff" in (await second.get("/people")).text
    asked = await second.get(f"{path}/start", follow_redirects=True)
    assert "Rang the office" in asked.text
    assert (await world.post(second, f"{path}/confirm", reason="Rang too")).status_code == 303
    assert links(world) == [PRINCIPAL]
    assert (await world.post(second, f"{path}/confirm", reason="Twice")).status_code == 303
    assert links(world) == [PRINCIPAL]
    acts = world.sql("SELECT action FROM portal.audit_entry WHERE kind = 'partner' AND action LIKE 'person.recov%%'")
    assert {row["action"] for row in acts} == {"person.recovery_asked", "person.recovery_started"}


async def test_a_request_is_taken_back(world: World) -> None:
    user_id = lonely(world)
    first, second = await world.sign_in(LEAD, "staff"), await world.sign_in(MANAGER, "staff")
    path = f"/people/partner/{user_id}/recovery"
    await world.post(first, f"{path}/start", reason="Rang the office")
    assert (await world.post(first, f"{path}/withdraw", reason="Not she")).status_code == 303
    await world.post(second, f"{path}/confirm", reason="Late")
    assert links(world) == []


async def test_staff_recover_others_alone_and_readers_nobody(world: World) -> None:
    user_id = person(world, FINANCE)
    path = f"/people/partner/{user_id}/recovery/start"
    reader = await world.sign_in("read_only@halcyon.example", "staff")
    assert (await world.post(reader, path, reason="x")).status_code == 403
    assert links(world) == []
    client = await world.sign_in(LEAD, "staff")
    assert (await world.post(client, path, reason="Rang her")).status_code == 303
    assert links(world) == [FINANCE]
