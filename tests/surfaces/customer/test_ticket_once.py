"""A customer's new ticket is opened once, however often its form arrives."""

import asyncio
import re

import pytest

from support_world import World, csrf

pytestmark = pytest.mark.anyio
APPROVER = "admin@acme-fiber.example"


async def test_two_presses_at_once_and_a_reload_open_one_ticket(world: World) -> None:
    client = await world.sign_in(APPROVER, "customers")
    before = world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"]
    found = re.search(r'name="form_key" value="([^"]+)"', (await client.get("/tickets/new")).text)
    assert found
    form = {"subject": "No uplink", "priority": "high", "category": "network", "form_key": found[1]}
    form["_csrf_token"] = await csrf(client)
    answers = await asyncio.gather(*(client.post("/tickets/new", data=form) for _ in range(3)))
    answers.append(await client.post("/tickets/new", data=form))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert world.sql("SELECT count(*) AS n FROM tenancy.ticket")[0]["n"] == before + 1
    refused = await client.post("/tickets/new", data={**form, "subject": ""})
    assert refused.status_code == 422
    assert f'name="form_key" value="{found[1]}"' in refused.text
