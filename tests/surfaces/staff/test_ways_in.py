"""Staff narrow a partner's ways to sign in; nobody widens the installation's."""

import pytest

from guildhall.domain.people import methods
from support_world import World, csrf

pytestmark = pytest.mark.anyio
LEAD = "lead@halcyon.example"
EMAIL = "finance@northwind.example"


def kept(world: World) -> list[str] | None:
    found: list[str] | None = world.sql("SELECT sign_in_methods FROM portal.partner WHERE slug = 'northwind'")[0][
        "sign_in_methods"
    ]
    return found


def path(world: World) -> str:
    partner_id = world.sql("SELECT id FROM portal.partner WHERE slug = 'northwind'")[0]["id"]
    return f"/partners/{partner_id}/ways-in"


async def test_what_staff_narrow_counts_at_once_and_is_told_in_the_account(world: World) -> None:
    staff, inside = await world.sign_in(LEAD, "staff"), await world.sign_in(EMAIL)
    world.sql("UPDATE portal.partner_session SET method = 'passkey' WHERE ended_at IS NULL")
    assert (await world.post(staff, path(world), ways="passkey")).status_code == 303
    assert kept(world) == ["passkey"]
    assert (await inside.get("/account")).status_code == 200, "a session of a way that stays is left alone"
    assert "Not allowed here" in (await inside.get("/account")).text
    client = world.client("partners")
    form = {"email": EMAIL, "password": "guildhall-demo", "code": world.code(EMAIL)}
    refused = await client.post("/sign-in", data={"_csrf_token": await csrf(client), **form})
    assert refused.status_code == 403
    assert "does not allow this way" in refused.text
    body = {"email": EMAIL, "password": "guildhall-demo", "otp": form["code"]}  # a refused way used no code up
    assert (await world.client("api").post("/api/v1/auth/login", json=body)).status_code == 403
    acts = world.sql("SELECT body FROM portal.audit_entry WHERE action = 'partner.changed' AND kind = 'partner'")
    assert any("sign_in_methods" in str(row["body"]) for row in acts)


async def test_none_at_all_and_one_that_is_not_offered_are_refused(world: World) -> None:
    staff = await world.sign_in(LEAD, "staff")
    methods.install(["password", "passkey"])
    assert (await world.post(staff, path(world))).status_code == 422
    assert (await world.post(staff, path(world), ways="email_link")).status_code == 422
    assert kept(world) is None


async def test_who_may_not_manage_partners_narrows_nothing_and_a_stale_session_confirms_first(world: World) -> None:
    reader = await world.sign_in("read_only@halcyon.example", "staff")
    assert (await world.post(reader, path(world), ways="passkey")).status_code == 403
    staff = await world.sign_in(LEAD, "staff")
    world.sql("UPDATE portal.staff_session SET factor_at = now() - interval '11 minutes'")
    assert "Confirm it is you" in (await world.post(staff, path(world), ways="passkey")).text
    assert kept(world) is None
