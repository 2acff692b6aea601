"""A clock that ran out is recorded once, by the worker."""

from datetime import UTC, datetime, timedelta

import pytest

from guildhall.core.actor import system
from guildhall.domain.support import breaches, handling
from guildhall.domain.support.handling import Draft
from support_actors import partner_person
from support_world import World

pytestmark = pytest.mark.anyio
WORKER = system("support")


def late(world: World) -> int:
    """Return how many clocks ran out and are not recorded."""
    found: int = world.sql(
        "SELECT count(*) AS n FROM tenancy.ticket WHERE status IN ('open', 'pending') AND sla_breached_at IS NULL"
        " AND sla_breach_at <= now()"
    )[0]["n"]
    return found


async def test_breaches_are_recorded_once_with_their_entry_in_the_trail(world: World) -> None:
    actor, ago = partner_person(world), datetime.now(UTC) - timedelta(days=1)
    ticket = await handling.open_ticket(
        actor, tenant_id=world.tenant("acme-fiber"), draft=Draft(subject="Late"), now=ago
    )
    waiting = late(world)
    assert waiting >= 1
    assert await breaches.mark_breaches(WORKER) == waiting
    stored = world.sql("SELECT sla_breached_at, version FROM tenancy.ticket WHERE id = %s", ticket.id)[0]
    assert (stored["sla_breached_at"], stored["version"]) == (ticket.sla_breach_at, 1)
    entries = world.sql(
        "SELECT kind, actor_name FROM portal.audit_entry WHERE target_id = %s AND action = 'ticket.changed'",
        str(ticket.id),
    )
    assert entries == [{"kind": "tenant", "actor_name": "support"}]
    assert await breaches.mark_breaches(WORKER) == 0
    assert late(world) == 0


async def test_many_breaches_are_recorded_in_several_transactions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaches, "_AT_ONCE", 7)
    world.sql(
        "UPDATE tenancy.ticket SET status = 'open', sla_breached_at = NULL, sla_breach_at = now() - interval '1 hour'"
        " WHERE id IN (SELECT id FROM tenancy.ticket ORDER BY id LIMIT 30)"
    )
    waiting = late(world)
    assert waiting >= 30
    assert await breaches.mark_breaches(WORKER) == waiting
    assert late(world) == 0


async def test_a_job_for_one_tenant_leaves_the_others_alone(world: World) -> None:
    tenants = [world.tenant(slug) for slug in ("acme-fiber", "harborline")]
    world.sql(
        "UPDATE tenancy.ticket SET status = 'open', sla_breached_at = NULL, sla_breach_at = now() - interval '1 hour'"
        " WHERE number = 1 AND tenant_id = ANY (%s)",
        tenants,
    )
    await breaches.mark_breaches(system("support", tenant_id=tenants[0]))
    left = world.sql(
        "SELECT tenant_id FROM tenancy.ticket WHERE number = 1 AND tenant_id = ANY (%s) AND sla_breached_at IS NULL",
        tenants,
    )
    assert [row["tenant_id"] for row in left] == [tenants[1]]
