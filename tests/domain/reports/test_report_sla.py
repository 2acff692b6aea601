"""Uptime and repair times, against a table worked out by hand; days and moments are of UTC."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from guildhall.core import db
from guildhall.core.errors import Forbidden, Invalid
from guildhall.domain.reports import sla
from guildhall.domain.reports.report_scope import ReportPeriod
from support_actors import domain_world, partner_person
from support_counting import statements
from support_world import Cluster, World

pytestmark = pytest.mark.anyio
DAYS = ReportPeriod(date(2026, 3, 1), date(2026, 3, 10))  # ten days: 14,400 minutes
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
# Begun, ended; what each adds is in the test.
BEFORE = ("2026-02-28 23:00", "2026-03-01 01:00")
FIRST = ("2026-03-03 10:00", "2026-03-03 11:00")
OVERLAPPING = ("2026-03-03 10:30", "2026-03-03 12:00")
INSIDE = ("2026-03-03 10:45", "2026-03-03 10:50")
OVER_MIDNIGHT = ("2026-03-05 23:30", "2026-03-06 00:45")
LATER = ("2026-03-11 00:00", "2026-03-11 05:00")


@pytest.fixture
async def own(cluster: Cluster, anyio_backend: str) -> AsyncIterator[World]:
    """A world in which tenant and link are old, and nothing was recorded of Acme Fiber."""
    async with domain_world(cluster) as made:
        tenant = made.tenant("acme-fiber")
        made.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", tenant)
        made.sql("UPDATE tenancy.tenant SET created_at = '2020-01-01Z' WHERE id = %s", tenant)
        _link(made, "starts_at = '2020-01-02Z', ends_at = '2027-06-01Z', access_role = 'auditor', sla_config = '{}'")
        yield made


def _link(world: World, change: str) -> None:
    """Change Northwind's link to Acme Fiber."""
    world.sql(
        f"UPDATE portal.partner_tenant_link SET {change} WHERE tenant_id = %s AND status = 'active'"
        " AND partner_id = (SELECT id FROM portal.partner WHERE slug = 'northwind')",
        world.tenant("acme-fiber"),
    )


def _begins(world: World, moment: str) -> None:
    """Let Acme Fiber begin at a moment, before its link was made."""
    world.sql("UPDATE tenancy.tenant SET created_at = %s WHERE id = %s", moment, world.tenant("acme-fiber"))
    _link(world, "starts_at = starts_at")


def record(world: World, *outages: tuple[str, str | None]) -> None:
    """Record outages of Acme Fiber."""
    for started, ended in outages:
        world.sql(
            "INSERT INTO tenancy.outage (id, tenant_id, started_at, ended_at)"
            " VALUES (gen_random_uuid(), %s, %s::timestamp AT TIME ZONE 'UTC', %s::timestamp AT TIME ZONE 'UTC')",
            world.tenant("acme-fiber"),
            started,
            ended,
        )


async def told(world: World, *, now: datetime = NOW, **other: Any) -> sla.TenantUptime:
    """Return what the report says of Acme Fiber."""
    actor = partner_person(world)
    wanted = sla.Filter(**{"period": DAYS, "tenant_ids": (world.tenant("acme-fiber"),)} | other)
    async with db.transaction(actor) as connection:
        found = await sla.report(connection, actor, wanted, now=now)
    return found.by_tenant[0]


async def test_the_figures_are_those_of_the_hand_made_table(own: World) -> None:
    record(own, BEFORE, FIRST, OVERLAPPING, INSIDE, OVER_MIDNIGHT, LATER)
    found = await told(own)
    # 1 March: 60 of its 120 minutes. 3 March: 10:00 to 12:00, once. 5 March: 30, 6 March: 45.
    assert found.downtime_minutes == 60 + 120 + 30 + 45
    assert found.measured_minutes == 14_400
    assert found.uptime_percentage == round(100 * (14_400 - 255) / 14_400, 4) == 98.2292
    assert found.outage_count == 3
    assert found.mttr_minutes == round((120 + 120 + 75) / 3, 2) == 105
    assert found.worst_day == sla.WorstDay(date(2026, 3, 3), 120)
    assert found.breach_count == 4  # 99.9 % leaves 1.44 minutes to a day
    assert (found.sla_target, found.meets_sla, found.is_partial) == (99.9, False, False)


async def test_an_outage_that_lasts_counts_until_now_and_is_not_repaired(own: World) -> None:
    record(own, FIRST, ("2026-03-09 22:00", None))
    at_ten = datetime(2026, 3, 10, 10, tzinfo=UTC)
    found = await told(own, now=at_ten)
    assert found.measured_minutes == 9 * 1440 + 600
    assert found.downtime_minutes == 60 + 120 + 600
    assert found.outage_count == 2
    assert found.mttr_minutes == 60
    assert found.worst_day == sla.WorstDay(date(2026, 3, 10), 600)
    whole = await told(own)
    assert whole.downtime_minutes == 60 + 120 + 1440
    assert whole.mttr_minutes == 60


async def test_time_before_tenant_or_link_is_left_out_and_said(own: World) -> None:
    record(own, BEFORE, FIRST)
    _link(own, "starts_at = '2026-03-03 11:00Z'")
    found = await told(own)
    assert found.measured_from == datetime(2026, 3, 3, 11, tzinfo=UTC)
    assert found.is_partial
    assert found.measured_minutes == 14_400 - 2 * 1440 - 660
    assert (found.downtime_minutes, found.uptime_percentage, found.outage_count) == (0, 100, 0)
    _begins(own, "2026-03-06Z")
    assert (await told(own)).measured_minutes == 5 * 1440
    _begins(own, "2026-03-20Z")
    unseen = await told(own)
    assert (unseen.uptime_percentage, unseen.meets_sla) == (None, None)


async def test_where_nothing_was_ever_recorded_no_uptime_is_assumed(own: World) -> None:
    found = await told(own)
    assert (found.uptime_percentage, found.meets_sla, found.outage_count) == (None, None, 0)
    record(own, LATER)
    assert (await told(own)).uptime_percentage == 100


async def test_links_know_whether_an_outage_was_ever_recorded_whichever_came_first(own: World) -> None:
    def known() -> set[bool]:
        rows = own.sql("SELECT uptime_recorded FROM portal.partner_tenant_link WHERE tenant_id = %s", acme)
        return {row["uptime_recorded"] for row in rows}

    acme = own.tenant("acme-fiber")
    assert known() == {False}
    record(own, LATER)
    assert known() == {True}
    own.sql(
        "INSERT INTO portal.partner_tenant_link (id, partner_id, partner_name, tenant_id, tenant_name, access_role,"
        " relationship_type, operating_model, starts_at, status, created_by, updated_by) SELECT gen_random_uuid(),"
        " partner_id, partner_name, tenant_id, tenant_name, access_role, relationship_type, operating_model, starts_at,"
        " 'ended', created_by, updated_by FROM portal.partner_tenant_link WHERE tenant_id = %s LIMIT 1",
        acme,
    )
    assert known() == {True}
    own.sql("UPDATE portal.partner_tenant_link SET uptime_recorded = false")
    assert known() == {True}, "nobody says otherwise"
    own.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", acme)
    assert known() == {False}
    assert (await told(own)).uptime_percentage is None


async def test_the_target_is_the_one_asked_for_else_the_links_own(own: World) -> None:
    record(own, OVER_MIDNIGHT)  # 75 of 14,400 minutes: 99.4792 %
    _link(own, """sla_config = '{"uptime_target": 99.4}'""")
    agreed = await told(own)
    assert (agreed.sla_target, agreed.meets_sla, agreed.breach_count) == (99.4, True, 2)  # 8.64 minutes to a day
    asked = await told(own, target=Decimal("99.5"))
    assert (asked.sla_target, asked.meets_sla) == (99.5, False)
    lenient = await told(own, target=Decimal("97.5"))  # 36 minutes to a day
    assert (lenient.meets_sla, lenient.breach_count) == (True, 1)
    _link(own, """sla_config = '{"uptime_target": "soon"}'""")
    assert (await told(own)).sla_target == 99.9
    with pytest.raises(Invalid):
        await told(own, target=Decimal("NaN"))


async def test_the_period_before_is_compared_by_what_a_report_of_it_says(own: World) -> None:
    async def compared() -> tuple[float | None, float | None]:
        wanted = sla.Filter(period=DAYS, tenant_ids=(own.tenant("acme-fiber"),), compare=True)
        async with db.transaction(partner_person(own)) as connection:
            found = await sla.report(connection, partner_person(own), wanted, now=NOW)
        return found.previous_uptime, (await told(own, period=DAYS.previous)).uptime_percentage

    assert await compared() == (None, None)
    record(own, BEFORE, FIRST)
    assert await compared() == (round(100 * (14_400 - 60) / 14_400, 4),) * 2  # an hour of BEFORE lies in it
    record(own, ("2026-02-20 10:00", "2026-02-20 12:00"), ("2026-02-20 11:00", "2026-02-20 13:00"))
    assert await compared() == (round(100 * (14_400 - 60 - 180) / 14_400, 4),) * 2
    _link(own, "starts_at = '2026-02-20 12:30Z'")
    assert await compared() == (round(100 * (12_210 - 60 - 30) / 12_210, 4),) * 2
    _link(own, "starts_at = '2026-03-02Z'")
    assert await compared() == (None, None)


async def test_the_same_outage_again_changes_nothing_and_a_late_one_does(own: World) -> None:
    record(own, FIRST)
    once = await told(own)
    record(own, FIRST)
    assert await told(own) == once
    record(own, OVER_MIDNIGHT)
    assert (await told(own)).downtime_minutes == once.downtime_minutes + 75


async def test_all_tenants_together_are_the_sum_of_each(own: World) -> None:
    record(own, FIRST, OVER_MIDNIGHT)
    actor = partner_person(own)
    wanted = sla.Filter(period=DAYS, limit=1000)
    async with db.transaction(actor) as connection:
        with statements(actor) as ran:
            found = await sla.report(connection, actor, wanted, now=NOW)
    assert len(ran) == 1
    tenants = found.by_tenant
    assert len(tenants) == found.coverage.included
    assert found.summary.outage_count == sum(each.outage_count for each in tenants)
    assert found.summary.downtime_minutes == pytest.approx(sum(each.downtime_minutes for each in tenants), abs=0.5)
    days = sum(each.downtime_minutes for each in found.downtime_by_day)
    assert days == pytest.approx(found.summary.downtime_minutes, abs=0.5)
    uptimes = [each.uptime_percentage for each in tenants if each.uptime_percentage is not None]
    assert uptimes == sorted(uptimes)
    states = (found.summary.tenants_meeting, found.summary.tenants_missing, found.summary.tenants_unrecorded)
    assert sum(states) == len(tenants)
    assert states[2] == len(tenants) - len(uptimes)


async def test_who_may_not_read_it_is_refused(demo: World) -> None:
    actor = partner_person(demo, "finance@northwind.example")
    async with db.transaction(actor) as connection:
        with pytest.raises(Forbidden):
            await sla.report(connection, actor, sla.Filter(period=DAYS), now=NOW)


SLOT = timedelta(minutes=15)
BEGIN = datetime(2026, 2, 18, tzinfo=UTC)  # the first slot of the plain recount
Spells = list[tuple[datetime, datetime | None]]


def chance(luck: random.Random) -> tuple[Spells, datetime, datetime]:
    """Return some outages, the moment from which they are observed, and now; most lie in DAYS or touch them."""
    slots = [luck.choice((luck.randrange(96 * 26), 96 * luck.randrange(26))) for _ in range(luck.randrange(9))]
    made: Spells = [
        (BEGIN + slot * SLOT, BEGIN + (slot + luck.choice((0, 1, 2, 4, 30, 96, 200))) * SLOT) for slot in slots
    ]
    if luck.random() < 0.3:
        made.append((BEGIN + SLOT * luck.choice((luck.randrange(96 * 26), 96 * luck.randrange(26))), None))
    observed = datetime(2026, 3, 4, 10, 30, tzinfo=UTC) if luck.random() < 0.4 else datetime(2026, 1, 1, tzinfo=UTC)
    early, inside = (datetime(2026, 3, day, hour, 15, tzinfo=UTC) for day, hour in ((4, 8), (7, 13)))
    return made, observed, luck.choice((NOW, NOW, inside, inside, early))


def recounted(outages: Spells, *, since: datetime, until: datetime) -> tuple[float, int, float | None, int]:
    """Return minutes of downtime, outages, mean minutes to repair and days below 99.9 %, slot by slot."""
    last = NOW + timedelta(days=1)
    down = {start + SLOT * n for start, end in outages for n in range(int(((end or last) - start) / SLOT))}
    begun = sorted(slot for slot in down if slot - SLOT not in down)
    spells = [(slot, next(slot + SLOT * n for n in count() if slot + SLOT * n not in down)) for slot in begun]
    seen = [(start, end) for start, end in spells if start < until and end > since]
    fixed = [(end - start) / timedelta(minutes=1) for start, end in seen if end <= until]
    within = [slot for slot in down if since <= slot < until]
    return (
        15.0 * len(within),
        len(seen),
        round(sum(fixed) / len(fixed), 2) if fixed else None,
        len({slot.date() for slot in within}),
    )


def come_in(world: World, outages: Spells) -> None:
    """Record outages of Acme Fiber alone, each as another first; one that comes with it is taken back."""
    world.sql("DELETE FROM tenancy.outage WHERE tenant_id = %s", world.tenant("acme-fiber"))
    for number, (start, end) in enumerate(outages):
        for name in (str(number), "mistaken"):
            world.sql(
                "INSERT INTO tenancy.outage (id, tenant_id, external_id, started_at)"
                " VALUES (gen_random_uuid(), %s, %s, %s)",
                world.tenant("acme-fiber"),
                name,
                start + number * SLOT,
            )
        world.sql("DELETE FROM tenancy.outage WHERE external_id = 'mistaken'")
        world.sql(
            "UPDATE tenancy.outage SET started_at = %s, ended_at = %s WHERE tenant_id = %s AND external_id = %s",
            start,
            end,
            world.tenant("acme-fiber"),
            str(number),
        )


async def test_whatever_comes_in_is_what_a_plain_recount_says(own: World) -> None:
    luck = random.Random(20260301)  # noqa: S311 - the same outages every time
    begin, end = (datetime.combine(day, time(), UTC) for day in (DAYS.from_date, DAYS.to_date + timedelta(days=1)))
    for _ in range(60):
        outages, observed, now = chance(luck)
        _link(own, f"starts_at = '{observed}'")
        come_in(own, outages)
        told_now = await told(own, now=now, compare=True)
        for period, first, until in ((DAYS, begin, min(end, now)), (DAYS.previous, begin - timedelta(days=10), begin)):
            since = max(first, observed)
            found = await told(own, now=now, period=period)
            minutes, number, repair, days = recounted(outages, since=since, until=until)
            if since >= until:
                assert (found.downtime_minutes, found.outage_count, found.uptime_percentage) == (0, 0, None)
            else:
                said = (found.downtime_minutes, found.outage_count, found.mttr_minutes, found.breach_count)
                assert said == (minutes, number, repair, days), (outages, observed, now, period)
            assert period != DAYS or told_now == found


@pytest.mark.parametrize(("microseconds", "meeting"), [(0, 1), (1, 0)])
async def test_a_target_is_met_to_the_microsecond_in_row_and_summary_alike(
    own: World, microseconds: int, meeting: int
) -> None:
    end = datetime(2026, 3, 3, 10, 14, 24, microseconds, tzinfo=UTC)  # a thousandth of ten days after ten o'clock
    record(own, ("2026-03-03 10:00", str(end)))
    actor = partner_person(own)
    wanted = sla.Filter(period=DAYS, tenant_ids=(own.tenant("acme-fiber"),))
    async with db.transaction(actor) as connection:
        found = await sla.report(connection, actor, wanted, now=NOW)
    assert (found.by_tenant[0].meets_sla, found.summary.tenants_meeting) == (bool(meeting), meeting)
