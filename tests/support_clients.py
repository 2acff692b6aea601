"""API clients for tests: set up as a principal does, and their tokens got at the token endpoint as software does."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from guildhall.core import clock
from guildhall.domain.people import client_acts
from guildhall.domain.people.client_acts import Made
from guildhall.domain.people.client_rules import Draft, grantable
from guildhall.domain.rbac.registry import PARTNER
from support_actors import partner_person
from support_world import World

PRINCIPAL = "principal@northwind.example"
TOKEN = "/api/v1/oauth/token"
EVERYTHING = grantable(PARTNER)


async def client_of(world: World, email: str = PRINCIPAL, **wanted: Any) -> Made:
    """Set an API client up as `email`; everything it can have, unless `wanted` says otherwise."""
    draft = {
        "name": "Ticket sync",
        "scopes": EVERYTHING,
        "expires_at": clock.now() + timedelta(days=90),
    }
    return await client_acts.set_up(partner_person(world, email), draft=Draft(**draft | wanted), now=clock.now())


async def ask(world: World, made: Made | tuple[UUID, str], ip: str = "", **fields: str) -> httpx.Response:
    """Ask for a token with a client's id and secret, from `ip` behind the trusted proxy where one is named."""
    client_id, secret = (made.client_id, made.secret) if isinstance(made, Made) else made
    form = {"grant_type": "client_credentials", **fields}
    return await world.client("api", **forwarded(ip)).post(TOKEN, data=form, auth=(str(client_id), secret))


def behind_a_proxy(world: World) -> None:
    """Have the world served behind a proxy on this machine, which names the caller's address."""
    world.front._settings = msgspec.structs.replace(world.settings, trusted_proxies=("127.0.0.1",))


def forwarded(ip: str) -> dict[str, str]:
    """Return the header with which a proxy names the address of a caller."""
    return {"X-Forwarded-For": ip} if ip else {}


async def token_of(world: World, made: Made, ip: str = "", **fields: str) -> str:
    """Return an access token of a client."""
    answer = await ask(world, made, ip, **fields)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def software(world: World, made: Made, tenant_id: UUID | None = None, **fields: str) -> httpx.AsyncClient:
    """Return an HTTP client that acts as an API client, in a tenant's context if one is named."""
    headers = {"Authorization": f"Bearer {await token_of(world, made, **fields)}"}
    if tenant_id is not None:
        headers["X-Active-Tenant-Id"] = str(tenant_id)
    return world.client("api", **headers)
