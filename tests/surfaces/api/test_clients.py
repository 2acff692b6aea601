"""API clients: software gets a token, does what its scopes say, and is refused on the next request when it may not."""

import pytest

from support_clients import ask, client_of
from support_world import World

pytestmark = pytest.mark.anyio
ME = "/api/v1/auth/me"
TICKETS = "/api/v1/partner/support/tickets"


async def test_a_client_gets_a_token_and_learns_who_it_is(world: World) -> None:
    made = await client_of(world, name="Ticket sync", scopes=frozenset({"partner.support.tickets.list"}))
    answer = await ask(world, made)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    pair = answer.json()
    assert set(pair) == {"access_token", "token_type", "expires_in", "scope"}
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 600, "partner.support.tickets.list")
    me = (await world.client("api", Authorization=f"Bearer {pair['access_token']}").get(ME)).json()
    assert me["kind"] == "api_client"
    assert (me["name"], me["email"], me["roles"]) == ("Ticket sync", None, [])
    assert me["permissions"] == ["partner.support.tickets.list"]
    assert me["limits"] == {"tenant_scope": "all", "tenant_ids": [], "tenant_count": 24}
    assert me["partner"]["name"] == "Northwind Managed Services"
