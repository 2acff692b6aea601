"""Many chains are written at once exactly as each would be alone."""

import asyncio
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.audit.many import record_for_each
from guildhall.domain.audit.trail import Action, Target, record
from support_actors import partner_person
from support_trail import act, walked
from support_world import World

pytestmark = pytest.mark.anyio

_DONE = {"action": Action.INVOICES_EXPORTED, "target": Target("invoice_export", "x")}
_ONE = "0190a000-0000-7000-8000-000000000001"
_SAID = (
    "SELECT kind, chain_id, actor_name, surface, actor_kind, actor_id, partner_id, tenant_id, action, target_kind,"
    " target_id, body::jsonb - 'event' #- '{actor,name_hash}' AS said FROM portal.audit_entry WHERE event_id = ANY (%s)"
    " ORDER BY chain_id"
)


def _tenants(world: World, number: int) -> list[UUID]:
    """Return tenants of the world, Acme Fiber among them."""
    rows = world.sql("SELECT id FROM tenancy.tenant ORDER BY slug <> 'acme-fiber', slug LIMIT %s", number)
    return [row["id"] for row in rows]


def _events(world: World) -> set[UUID]:
    return {row["event_id"] for row in world.sql("SELECT event_id FROM portal.audit_entry")}


async def _at_once(actor: Actor, tenants: list[UUID]) -> None:
    async with db.transaction(actor) as connection:
        await record_for_each(connection, actor, **_DONE, tenants=tenants, changes={"format": "csv"})


async def test_many_at_once_are_what_each_alone_would_be(acts: World) -> None:
    worker, tenants = system("billing"), _tenants(acts, 12)
    before = _events(acts)
    await _at_once(worker, tenants)
    at_once = _events(acts) - before
    for tenant_id in tenants:
        async with db.transaction(worker) as connection:
            await record(connection, worker, **_DONE, tenant_id=tenant_id, changes={"format": "csv"})
    alone = _events(acts) - before - at_once
    await _at_once(worker, tenants[::-1])
    assert len(at_once) == len(alone) == len(tenants)
    assert acts.sql(_SAID, list(at_once)) == acts.sql(_SAID, list(alone))
    assert walked(acts).broken == []
    ends = acts.sql("SELECT chain_id, sequence FROM portal.audit_head WHERE kind = 'tenant'")
    assert {row["chain_id"]: row["sequence"] for row in ends} == dict.fromkeys(tenants, 3) | {tenants[0]: 8}


async def test_nobody_at_all_is_told_nothing(acts: World) -> None:
    before = _events(acts)
    await _at_once(system("billing"), [])
    assert _events(acts) == before


async def test_many_and_few_at_the_same_time_never_wait_for_each_other(world: World) -> None:
    worker, principal, tenants = system("billing"), partner_person(world), _tenants(world, 12)
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(_at_once(worker, tenants[::way]) for way in (1, -1) * 4),
            act(principal, world, times=20),
            act(partner_person(world, "msp_full@northwind.example"), world, times=20),
        )
    verdict = walked(world)
    assert (verdict.broken, verdict.entries) == ([], 8 * 12 + 40 * 2)


async def test_a_chain_named_twice_is_refused_and_nothing_is_written(acts: World) -> None:
    before, tenant = _events(acts), acts.tenant("acme-fiber")
    with pytest.raises(IntegrityError, match="pk_audit_entry"):
        await _at_once(system("billing"), [*_tenants(acts, 3), tenant])
    assert _events(acts) == before
    assert walked(acts).broken == []


@pytest.mark.parametrize(
    ("events", "bodies", "said"),
    [
        ([_ONE], ['{"event":"another"}'], "an entry names its event"),
        ([_ONE, _ONE], [f'{{"event":"{_ONE}"}}'], "an event needs one body for each chain"),
        ([_ONE], [], "an event needs one body for each chain"),
    ],
)
async def test_what_does_not_fit_is_refused(demo: World, events: list[str], bodies: list[str], said: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=said):
        demo.sql(
            "SELECT portal.audit_append_each(%s::uuid[], '{tenant}', ARRAY[%s]::uuid[], %s::text[], '', '{salt}')",
            events,
            _ONE,
            bodies,
        )
    assert demo.sql("SELECT 1 FROM portal.audit_head WHERE chain_id = %s", _ONE) == []
