"""Clients of the platform: set up by leads with a fresh second factor, their secrets shown once and replaced."""

import re

import pytest

from support_clients import ask
from support_platform import LEAD, platform_client
from support_world import World

pytestmark = pytest.mark.anyio
SECRET = re.compile(r'id="client-secret"[^>]*value="([^"]+)"')
DRAFT = {"name": "Billing feed", "purpose": "", "networks": "", "expires_at": "2027-06-30"}


async def test_a_lead_sets_a_client_up_and_its_secret_works_once_shown(world: World) -> None:
    lead = await world.sign_in(LEAD, "staff")
    wrong = await world.post(lead, "/clients/new", **DRAFT | {"name": "", "networks": "nowhere"})
    assert wrong.status_code == 422
    assert "Give it a name" in wrong.text
    made = await world.post(lead, "/clients/new", **DRAFT)
    assert made.status_code == 200, made.text
    found = world.sql("SELECT id FROM portal.platform_client WHERE created_at > now() - interval '1 hour'")
    secret = SECRET.search(made.text)
    assert secret
    assert len(found) == 1
    assert (await ask(world, (found[0]["id"], secret[1]))).json()["scope"] == "platform.data.write"
    page = (await lead.get(f"/clients/{found[0]['id']}")).text
    assert secret[1] not in page
    assert "Billing feed" in (await lead.get("/clients")).text
    trail = world.sql("SELECT action FROM portal.audit_entry WHERE target_kind = 'platform_client'")
    assert [row["action"] for row in trail] == ["client.created", "client.signed_in"]


async def test_a_secret_is_replaced_ended_and_a_client_revoked(world: World) -> None:
    lead = await world.sign_in(LEAD, "staff")
    made = await platform_client(world)
    where = f"/clients/{made.client_id}"
    renewed = await world.post(lead, f"{where}/secret", overlap="24")
    secret = SECRET.search(renewed.text)
    assert secret
    for each in (made.secret, secret[1]):
        assert (await ask(world, (made.client_id, each))).status_code == 200
    older = world.sql("SELECT id FROM portal.platform_client_secret WHERE ends_at IS NOT NULL")[0]["id"]
    assert (await world.post(lead, f"{where}/secrets/{older}/end")).status_code == 303
    assert (await ask(world, made)).status_code == 401
    unsaid = await world.post(lead, f"{where}/revoke", reason="")
    assert unsaid.status_code == 422
    assert (await ask(world, (made.client_id, secret[1]))).status_code == 200
    assert (await world.post(lead, f"{where}/revoke", reason="Replaced")).status_code == 303
    assert (await ask(world, (made.client_id, secret[1]))).status_code == 401
    assert "Replaced" in (await lead.get(where)).text


async def test_others_of_staff_may_look_or_nothing_at_all(world: World) -> None:
    made = await platform_client(world)
    for role, status in (("support", 200), ("finance", 403)):
        client = await world.sign_in(f"{role}@halcyon.example", "staff")
        assert (await client.get(f"/clients/{made.client_id}")).status_code == status
        assert (await client.get("/clients/new")).status_code == 403
        assert (await world.post(client, f"/clients/{made.client_id}/revoke", reason="x")).status_code == 403
    assert world.sql("SELECT revoked_at FROM portal.platform_client WHERE id = %s", made.client_id) == [
        {"revoked_at": None}
    ]
