"""Sessions of tokens among the own ones: seen as what they are, and ended from the account page."""

import pytest

from support_world import World

pytestmark = pytest.mark.anyio
PRINCIPAL = "principal@northwind.example"


async def test_a_session_of_tokens_is_listed_and_ended_by_its_person(world: World) -> None:
    caller = await world.api(PRINCIPAL)
    console = await world.sign_in(PRINCIPAL)
    assert "API session" in (await console.get("/account")).text
    session = world.sql("SELECT id FROM portal.partner_session WHERE kind = 'api' AND ended_at IS NULL")[0]["id"]
    assert (await world.post(console, f"/account/sessions/{session}/end")).status_code == 303
    assert (await caller.get("/api/v1/auth/me")).status_code == 401
    assert "API session" not in (await console.get("/account")).text
