"""Uptime of many tenants, from days kept side by side: what it says without them, whatever comes in."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import to_builtins

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.reports import sla, sums
from guildhall.domain.reports.report_scope import ReportPeriod
from support_actors import domain_world, partner_person
from support_sums import ISLA
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
DAYS = ReportPeriod(datetime(2026, 3, 1, tzinfo=UTC).date(), datetime(2026, 3, 10, tzinfo=UTC).date())
NOWS = (
    datetime(2026, 4, 1, 12, tzinfo=UTC),
    datetime(2026, 3, 7, 13, 15, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
)
ASKED: tuple[dict[str, Any], ...] = (
    {"compare": True},
    {"target": Decimal("99.5"), "compare": True},
    {"limit": 2},
    {"limit": 3, "offset": 3, "compare": True},
    {"limit": 3, "offset": 6},
)


async def reports(actor: Actor) -> list[Any]:
    """Return what the report says in many ways of asking; floats to what is shown of them."""
    found = []
    for now in NOWS:
        for asked in ASKED:
            wanted = sla.Filter(**{"period": DAYS, "limit": 100} | asked)
            async with db.transaction(actor) as connection:
                found.append(to_builtins(await sla.report(connection, actor, wanted, now=now)))
    return found


async def served(world: World, actor: Actor) -> bool:
    """Return whether sums tell the uptime of all at this moment."""
    async with db.transaction(actor) as connection:
        roster = (await connection.exec_driver_sql("SELECT sums FROM portal.roster_now()")).scalar_one_or_none()
        shown = (await connection.exec_driver_sql("SELECT count(*) FROM portal.partner_downtime")).scalar_one()
    assert bool(shown) == bool(
        world.sql("SELECT 1 FROM portal.partner_downtime WHERE partner_id = %s", actor.partner_id)
    )
    return "uptime" in (roster or [])


@contextmanager
def without_sums(world: World) -> Iterator[None]:
    """Let the rosters not hold meanwhile."""
    world.sql("UPDATE portal.roster SET since = since + interval '1 day'")
    yield
    world.sql("UPDATE portal.roster SET since = since - interval '1 day'")


def linked(world: World, actor: Actor) -> list[Any]:
    """Return the tenants whose uptime the person reads."""
    return [
        row["tenant_id"]
        for row in world.sql(
            "SELECT tenant_id FROM portal.partner_tenant_link WHERE partner_id = %s AND status = 'active'"
            " AND 'partner.reports.sla.read' = ANY (permissions) ORDER BY tenant_name",
            actor.partner_id,
        )
    ]


OUTAGE = "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at) VALUES (gen_random_uuid(), %s, %s, %s)"


def begin(world: World) -> None:
    """Let everybody be observed since 2021, and nobody have been down."""
    world.sql("ALTER TABLE portal.partner_tenant_link DROP CONSTRAINT ck_partner_tenant_link_longest_term")
    world.sql("DELETE FROM tenancy.outage")
    world.sql("UPDATE tenancy.tenant SET created_at = '2020-01-01Z'")
    world.sql("UPDATE portal.partner_tenant_link SET starts_at = '2021-01-01Z' WHERE status = 'active'")


def shuffle(world: World, luck: random.Random, tenants: list[Any], *, kinds: int = 7) -> None:
    """Change something of some tenants: outages come, change and go, links begin otherwise or agree other targets.

    Of `kinds` the first three bring outages, the fourth ends them, the fifth takes them away.
    """
    tenant, begun = luck.choice(tenants), datetime(2026, 2, 17, tzinfo=UTC) + timedelta(minutes=luck.randrange(40_000))
    ended = begun + timedelta(minutes=luck.choice((3, 3, 3, 40, 1500)))
    match luck.randrange(kinds):
        case 0 | 1 | 2:
            world.sql(OUTAGE, tenant, begun, luck.choice((ended, ended, ended, None)))
        case 3:
            world.sql(
                "UPDATE tenancy.outage SET ended_at = started_at + interval '9 minutes' WHERE tenant_id = %s", tenant
            )
        case 4:
            world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", tenant)
        case 5:
            world.sql(
                "UPDATE portal.partner_tenant_link SET starts_at = %s WHERE tenant_id = %s AND status = 'active'",
                luck.choice((begun, datetime(2025, 1, 1, tzinfo=UTC))),
                tenant,
            )
        case _:
            world.sql(
                "UPDATE portal.partner_tenant_link SET sla_config = %s::jsonb"
                " WHERE tenant_id = %s AND status = 'active'",
                luck.choice(("{}", '{"uptime_target": 99.4}', '{"uptime_target": 99.99}')),
                tenant,
            )


async def test_uptime_is_the_same_with_days_side_by_side_and_without(cluster: Cluster) -> None:
    luck, plain = random.Random(20261128), 0  # noqa: S311 - the same changes every time
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        begin(world)
        tenants = linked(world, actor)
        assert len(tenants) > 6
        world.sql(OUTAGE, tenants[-1], "2026-02-28 23:00Z", "2026-03-01 01:00Z")
        for round_ in range(40):
            shuffle(world, luck, tenants[:-1] if round_ % 2 else tenants[:4])
            if round_ % 3 != 2:
                await sums.keep(system("reports"), many=2)
            plain += await same(world, actor, round_)
        assert plain > 20


async def same(world: World, actor: Actor, change: object) -> bool:
    """Hold the reports from days side by side against those without; return whether there were any."""
    told, found = await served(world, actor), await reports(actor)
    with without_sums(world):
        assert not await served(world, actor)
        assert found == await reports(actor), change
    return told


async def test_uptime_is_the_same_where_no_link_is_looked_at_but_of_who_is_down(cluster: Cluster) -> None:
    luck, lasting = random.Random(20261129), 0  # noqa: S311 - the same changes every time
    steady = "SELECT 1 FROM portal.roster WHERE partner_id = %s AND steady_from = '2021-01-01Z'"
    async with domain_world(cluster) as world:
        actor = partner_person(world)
        begin(world)
        world.sql("UPDATE portal.partner_tenant_link SET sla_config = '{}' WHERE status = 'active'")
        tenants = linked(world, actor)
        for tenant in tenants:
            world.sql(OUTAGE, tenant, "2025-12-31 23:00Z", "2026-01-01 01:00Z")
        await sums.keep(system("reports"), many=2)
        for round_ in range(25):
            assert world.sql(steady, actor.partner_id), round_
            shuffle(world, luck, tenants[:3], kinds=4)
            lasting += bool(world.sql("SELECT 1 FROM tenancy.outage WHERE ended_at IS NULL"))
            assert await same(world, actor, round_)
        assert 5 < lasting < 25
        # Whoever begins later, agreed on a target or was never down is looked at; and so are all until it is counted.
        for change in (
            "starts_at = '2026-03-04Z'",
            """starts_at = '2021-01-01Z', sla_config = '{"uptime_target": 99.4}'""",
            "sla_config = '{}'",
        ):
            world.sql(
                f"UPDATE portal.partner_tenant_link SET {change} WHERE tenant_id = %s AND status = 'active'", tenants[0]
            )
            assert not await same(world, actor, change)
            await sums.keep(system("reports"), many=2)
            assert await same(world, actor, change)
            assert bool(world.sql(steady, actor.partner_id)) == (change == "sla_config = '{}'")
        world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", tenants[1])
        assert not await same(world, actor, "nothing recorded")
        await sums.keep(system("reports"), many=2)
        assert await same(world, actor, "nothing recorded")
        assert not world.sql(steady, actor.partner_id)


async def test_days_side_by_side_are_those_of_the_tenants_in_them(cluster: Cluster) -> None:
    columns = "day, tenant_id, down_seconds, began, carried, repaired, repair_seconds"
    recount = (
        f"SELECT partner_id, {columns} FROM tenancy.uptime_daily JOIN portal.summed_tenant USING (tenant_id)"
        " WHERE report = 'uptime'"
    )
    differences = f"WITH a AS (SELECT partner_id, {columns} FROM portal.partner_downtime), b AS ({recount})"
    both = f"{differences} SELECT 1 FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) AS d"
    async with domain_world(cluster) as world:
        actor, limited = partner_person(world), partner_person(world, ISLA)
        await sums.keep(system("reports"), many=2)
        assert world.sql(recount)
        assert not world.sql(both)
        tenant = world.sql("SELECT tenant_id FROM portal.partner_downtime WHERE partner_id = %s", actor.partner_id)[0]
        ids = (tenant["tenant_id"],)
        for change in (
            (
                "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
                " VALUES (gen_random_uuid(), %s, '2026-03-01 10:00Z', '2026-03-04 10:00Z')"
            ),
            "UPDATE tenancy.outage SET ended_at = started_at + interval '1 minute' WHERE tenant_id = %s",
            "UPDATE portal.partner_tenant_link SET status = 'revoked' WHERE tenant_id = %s AND status = 'active'",
        ):
            world.sql(change, *ids)
            assert not world.sql(both), change
        async with db.transaction(actor) as connection:
            shown = await connection.exec_driver_sql("SELECT count(*) FROM portal.partner_downtime")
            assert shown.scalar_one() == 0, "one of its tenants is not reached any more"
        assert await sums.keep(system("reports"), many=2) > 0
        assert not world.sql(both)
        assert not world.sql("SELECT 1 FROM portal.partner_downtime WHERE tenant_id = %s", *ids)
        world.sql("DELETE FROM tenancy.outage")
        assert not world.sql("SELECT 1 FROM portal.partner_downtime")
        assert not await served(world, actor), "of some nothing is recorded any more, which the roster told"
        assert await sums.keep(system("reports"), many=2) == 0
        assert await served(world, actor)
        assert not await served(world, limited)
