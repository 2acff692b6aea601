"""Revocation binds on the next request: nothing sent after it was acknowledged is answered (PRODUCT §5)."""

import asyncio
import itertools
import os

import httpx
import pytest

from guildhall.domain.access import consent
from support_world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
# `python -m bench.revocation` asks ten thousand times, of served processes.
ROUNDS, AFTER, WORKERS = 10, 1000 if os.environ.get("TEST_FULL") else 200, 8


async def test_of_thousands_of_requests_after_a_revocation_none_is_answered(world: World) -> None:
    link = world.sql(
        "SELECT l.id, l.tenant_id, t.slug FROM portal.partner_tenant_link AS l"
        " JOIN portal.partner AS p ON p.id = l.partner_id JOIN tenancy.tenant AS t ON t.id = l.tenant_id"
        " WHERE p.slug = 'northwind' AND l.status = 'active' AND 'support' = ANY (l.areas) ORDER BY t.slug LIMIT 1"
    )[0]
    tenant = link["tenant_id"]
    token = await world.api("principal@northwind.example", tenant)
    console = await world.sign_in("msp_full@northwind.example")
    approver = await world.actor(f"admin@{link['slug']}.example", "customers")
    asks = itertools.cycle(
        [
            (token, "/api/v1/partner/support/tickets?limit=1"),
            (token, f"/api/v1/partner/customers/{tenant}"),
            (console, f"/t/{tenant}/tickets"),
        ]
    )
    seen = {"before": 0, "slipped": 0, "refused": 0}

    async def hammer(revoked: asyncio.Event, share: int) -> None:
        """Ask without a pause; `share` requests of it are sent after the revocation."""
        while share:
            client, path = next(asks)
            late = revoked.is_set()
            answer: httpx.Response = await client.get(path)
            share -= late
            answered = answer.status_code == 200
            seen["slipped" if late else "before"] += answered
            seen["refused"] += late and answer.status_code in {403, 404}

    for _ in range(ROUNDS):
        revoked = asyncio.Event()
        workers = [asyncio.create_task(hammer(revoked, AFTER // WORKERS)) for _ in range(WORKERS)]
        await asyncio.sleep(0.05)
        await consent.revoke(approver, link_id=link["id"], reason="test")
        revoked.set()
        await asyncio.gather(*workers)
        world.sql("UPDATE portal.partner_tenant_link SET status = 'active' WHERE id = %s", link["id"])
    assert seen["before"] > 0, "the link worked before"
    assert (seen["slipped"], seen["refused"]) == (0, ROUNDS * AFTER)
