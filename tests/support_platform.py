"""Clients of the platform for tests: set up as a lead of staff does, with tokens got as software gets them."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import httpx

from guildhall.core import clock
from guildhall.domain.people import platform_clients
from guildhall.domain.people.client_secrets import Made
from guildhall.domain.people.platform_clients import Draft
from support_actors import staff_person
from support_clients import software
from support_world import World

LEAD = "lead@halcyon.example"
FEED = "/api/v1/platform"
LINES = {"Content-Type": "application/x-ndjson"}


async def platform_client(world: World, **wanted: Any) -> Made:
    """Set a client of the platform up."""
    draft = {"name": "Metering", "expires_at": clock.now() + timedelta(days=90)}
    return await platform_clients.set_up(staff_person(world, LEAD), draft=Draft(**draft | wanted), now=clock.now())


async def platform(world: World) -> httpx.AsyncClient:
    """Return an HTTP client that acts as the platform."""
    return await software(world, await platform_client(world), scope="platform.*")


async def send(client: httpx.AsyncClient, kind: str, rows: Iterable[Any], *, partial: bool = False) -> httpx.Response:
    """Send a batch."""
    body = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    where = f"{FEED}/{kind}:batch" + ("?partial=true" if partial else "")
    return await client.post(where, content=body, headers=LINES)
