"""The usage report: sums equal a plain recount, whoever may not see a tenant does not find it in any figure."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, Invalid
from guildhall.domain.reports import report_scope, usage
from guildhall.domain.reports.report_scope import ReportPeriod
from support_actors import partner_person
from support_counting import statements
from support_world import World

pytestmark = pytest.mark.anyio
TODAY = datetime.now(UTC).date()
ISLA = "isla.moreno@northwind.example"


async def told(actor: Actor, **wanted: Any) -> usage.UsageReport:
    days = {"period": report_scope.period(None, None, today=TODAY), "limit": 1000}
    async with db.transaction(actor) as connection:
        return await usage.report(connection, actor, usage.Filter(**days | wanted))


def measured(world: World, tenants: list[UUID]) -> list[dict[str, Any]]:
    """Return every measurement of these tenants, row by row."""
    return world.sql("SELECT * FROM tenancy.usage_daily WHERE tenant_id = ANY (%s)", tenants)


def opening(world: World) -> list[UUID]:
    """Return the tenants whose live link to Northwind opens the report."""
    rows = world.sql(
        "SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND portal.is_live(l.status, l.starts_at, l.ends_at)"
        " AND 'partner.reports.usage.read' = ANY (l.permissions)"
    )
    return [row["tenant_id"] for row in rows]


def bucket(group_by: str, day: date, first: date) -> date:
    """Return the first day of what `day` belongs to."""
    starts = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}
    return max(starts[group_by], first)


@pytest.mark.parametrize("group_by", ["day", "week", "month"])
@pytest.mark.parametrize(("back", "length"), [(0, 30), (17, 100), (3, 400)])
async def test_sums_equal_a_recount_row_by_row(demo: World, group_by: usage.GroupBy, back: int, length: int) -> None:
    last = TODAY - timedelta(days=back)
    days = ReportPeriod(last - timedelta(days=length - 1), last)
    tenants = opening(demo)
    series: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    whole: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    before: dict[str, Decimal] = defaultdict(Decimal)
    counted: dict[tuple[UUID, str], int] = defaultdict(int)
    rows = measured(demo, tenants)
    inside = [row for row in rows if days.from_date <= row["day"] <= last]
    for row in rows:
        if days.from_date <= row["day"] <= last:
            series[row["metric"], bucket(group_by, row["day"], days.from_date)] += row["quantity"]
            whole[row["tenant_id"], row["metric"]] += row["quantity"]
            counted[row["tenant_id"], row["metric"]] += 1
        elif days.previous.from_date <= row["day"] < days.from_date:
            before[row["metric"]] += row["quantity"]
    found = await told(partner_person(demo), period=days, group_by=group_by, compare=True)
    assert {(each.metric, each.from_date): each.total for each in found.time_series or ()} == series
    by_tenant = {(each.tenant_id, one.metric): one for each in found.by_tenant for one in each.metrics}
    assert {key: one.total for key, one in by_tenant.items() if one.total} == whole
    for key, total in whole.items():
        assert by_tenant[key].daily_average == (total / counted[key]).quantize(Decimal("0.0001"))
    for summed in found.summary:
        assert summed.total == sum(total for (_, metric), total in whole.items() if metric == summed.metric)
        assert (summed.previous_total or 0) == before[summed.metric]
        on_day = Counter(row["day"] for row in inside if row["metric"] == summed.metric)
        assert summed.daily_average == (summed.total / len(on_day)).quantize(Decimal("0.0001"))
        assert summed.measured_tenants == max(on_day.values())
    assert (found.coverage.tenants, found.coverage.included) == (24, len(tenants))
    assert found.coverage.left_out == 24 - len(tenants) > 0


async def test_one_metric_brings_its_largest_tenants_first_in_pages(demo: World) -> None:
    actor = partner_person(demo)
    one = {"metrics": ("bandwidth_gb",), "rank_by": "bandwidth_gb"}
    whole = await told(actor, **one, group_by="tenant")
    totals = [each.metrics[0].total for each in whole.by_tenant]
    assert totals == sorted(totals, reverse=True)
    assert {one.metric for each in whole.by_tenant for one in each.metrics} == {"bandwidth_gb"}
    assert whole.time_series is None
    pages = [await told(actor, **one, limit=9, offset=offset) for offset in (0, 9, 18)]
    assert [each.tenant_id for page in pages for each in page.by_tenant] == [each.tenant_id for each in whole.by_tenant]
    assert pages[0].summary == whole.summary


async def test_limits_of_a_person_hold_in_every_figure(demo: World) -> None:
    found = await told(partner_person(demo, ISLA))
    slugs = ("acme-fiber", "harborline", "costa-verde", "sandpiper")
    own = {demo.tenant(slug) for slug in slugs} & set(opening(demo))
    assert {each.tenant_id for each in found.by_tenant} == own
    assert found.coverage.tenants == len(slugs)
    first = TODAY - timedelta(days=29)
    rows = [row for row in measured(demo, list(own)) if row["day"] >= first and row["metric"] == "api_calls"]
    assert next(each.total for each in found.summary if each.metric == "api_calls") == sum(r["quantity"] for r in rows)


async def test_subscribers_show_where_the_link_and_the_person_open_them(demo: World) -> None:
    found = await told(partner_person(demo))
    shown = {each.tenant_id for each in found.by_tenant if each.active_subscribers is not None}
    rows = demo.sql(
        "SELECT l.tenant_id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = 'northwind' AND l.status = 'active' AND l.shows_subscribers"
    )
    assert shown == {row["tenant_id"] for row in rows} & set(opening(demo))
    assert len(shown) < len(found.by_tenant)
    hidden = await told(partner_person(demo, "salesperson@northwind.example"))
    assert {each.active_subscribers for each in hidden.by_tenant} == {None}


async def test_one_statement_whatever_is_asked(demo: World) -> None:
    actor = partner_person(demo)
    async with db.transaction(actor) as connection:
        for tenant_ids, limit in ((None, 1000), ((demo.tenant("acme-fiber"),), 1)):
            days = report_scope.period(None, None, today=TODAY)
            wanted = usage.Filter(period=days, tenant_ids=tenant_ids, limit=limit)
            with statements(actor) as ran:
                await usage.report(connection, actor, wanted)
            assert len(ran) == 1


async def test_what_cannot_be_is_refused(demo: World) -> None:
    actor = partner_person(demo)
    for wanted in ({"metrics": ("x",) * 21}, {"metrics": ("a\x00",)}, {"limit": 0}, {"offset": -1}, {"limit": 1001}):
        with pytest.raises(Invalid):
            await told(actor, **wanted)
    with pytest.raises(Forbidden):
        await told(partner_person(demo, "finance@northwind.example"))


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 3, 2), date(2026, 3, 1)), (date(2024, 1, 1), date(2026, 3, 1)), (None, date(1, 1, 2))],
)
def test_periods_that_cannot_be_are_refused(first: date | None, last: date | None) -> None:
    with pytest.raises(Invalid):
        report_scope.period(first, last, today=TODAY)


def test_a_period_is_the_last_thirty_days_unless_said() -> None:
    days = report_scope.period(None, None, today=date(2026, 3, 31))
    assert days == ReportPeriod(date(2026, 3, 2), date(2026, 3, 31))
    assert days.previous == ReportPeriod(date(2026, 1, 31), date(2026, 3, 1))
