"""Sums of many tenants: a world that keeps them, all that reads them, and a recount of what they hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from guildhall.core import db
from guildhall.core.actor import Actor, system
from guildhall.domain.billing import summary
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.reports import dashboard, report_scope, revenue, sums, usage
from support_actors import domain_world
from support_world import Cluster, World

NOW = datetime.now(UTC)
TODAY = NOW.date()
DAYS = report_scope.period(TODAY - timedelta(days=99), TODAY, today=TODAY)
ISLA = "isla.moreno@northwind.example"
FIGURES = (
    *("open", "pending", "resolved", "closed", "urgent", "high", "normal", "low"),
    *("breached", "late", "done", "done_seconds"),
)
SUMS = {
    *("usage_sum", "revenue_sum", "subscription_sum", "balance_sum"),
    *("posture_sum", "ticket_sum", "partner_downtime", "downtime_sum"),
}
RECOUNTS = {
    "usage": (
        "SELECT partner_id, metric AS by, day, quantity, tenants FROM portal.usage_sum",
        (
            "SELECT m.partner_id, u.metric AS by, u.day, sum(u.quantity) AS quantity, count(*)::integer AS tenants"
            " FROM portal.summed_tenant AS m JOIN tenancy.usage_daily AS u USING (tenant_id)"
            " WHERE m.report = 'usage' GROUP BY 1, 2, 3"
        ),
    ),
    "revenue": (
        (
            "SELECT partner_id, currency || ' ' || due_on AS by, day, invoiced, outstanding, paid, invoices, payments,"
            " listed, settled, owed, received FROM portal.revenue_sum"
        ),
        (
            "SELECT m.partner_id, r.currency || ' ' || r.due_on AS by, r.day, coalesce(sum(r.amount) FILTER"
            " (WHERE status IN ('finalized', 'overdue', 'paid')), 0) AS invoiced, coalesce(sum(r.amount - amount_paid)"
            " FILTER (WHERE status IN ('finalized', 'overdue')), 0) AS outstanding, coalesce(sum(r.amount) FILTER"
            " (WHERE status = 'payment'), 0) AS paid,"
            " count(*) FILTER (WHERE status IN ('finalized', 'overdue', 'paid')) AS invoices,"
            " count(*) FILTER (WHERE status = 'payment') AS payments,"
            " count(*) FILTER (WHERE status <> 'payment') AS listed,"
            " count(*) FILTER (WHERE status = 'paid') AS settled,"
            " count(*) FILTER (WHERE status IN ('finalized', 'overdue')) AS owed,"
            " coalesce(sum(r.amount_paid) FILTER (WHERE status IN ('finalized', 'overdue', 'paid')), 0) AS received"
            " FROM portal.summed_tenant AS m JOIN ("
            "SELECT tenant_id, currency, issued_on AS day, due_on, status, amount, amount_paid"
            " FROM tenancy.invoice WHERE status <> 'draft' UNION ALL"
            " SELECT tenant_id, currency, paid_on, paid_on, 'payment', amount, 0 FROM tenancy.payment"
            ") AS r USING (tenant_id) WHERE m.report = 'revenue' GROUP BY 1, 2, 3"
        ),
    ),
    "subscriptions": (
        (
            "SELECT partner_id, concat_ws(' ', status, plan, currency) AS by, trial_ends_on AS day, number, mrr"
            " FROM portal.subscription_sum"
        ),
        (
            "SELECT partner_id, concat_ws(' ', status, plan, currency) AS by,"
            " CASE WHEN status = 'trial' THEN trial_ends_on END AS day, count(*)::integer AS number, sum(mrr) AS mrr"
            " FROM portal.subscription JOIN portal.summed_tenant USING (partner_id, tenant_id)"
            " WHERE report = 'revenue' AND status <> 'cancelled' GROUP BY 1, 2, 3"
        ),
    ),
    "balances": (
        "SELECT partner_id, currency AS by, '' AS day, outstanding, overdue, late_payers FROM portal.balance_sum",
        (
            "SELECT m.partner_id, i.currency AS by, '' AS day, sum(owed) AS outstanding,"
            " coalesce(sum(owed) FILTER (WHERE late), 0) AS overdue,"
            " count(*) FILTER (WHERE first)::integer AS late_payers"
            " FROM portal.summed_tenant AS m JOIN (SELECT tenant_id, currency, late, amount - amount_paid AS owed,"
            # The first overdue currency of each customer: it counts there.
            " late AND id = first_value(id) OVER (PARTITION BY tenant_id ORDER BY late DESC, currency, id) AS first"
            " FROM (SELECT *, status = 'overdue' AND amount > amount_paid AS late FROM tenancy.invoice"
            " WHERE status IN ('finalized', 'overdue')) AS i) AS i USING (tenant_id)"
            " WHERE m.report = 'revenue' GROUP BY 1, 2 HAVING sum(owed) <> 0"
        ),
    ),
    "downtime": (
        (
            "SELECT partner_id, '' AS by, day, tenants, down_seconds, began, carried, repaired, repair_seconds"
            " FROM portal.downtime_sum"
        ),
        (
            "SELECT m.partner_id, '' AS by, day, count(*)::integer AS tenants,"
            " sum(down_seconds)::numeric AS down_seconds, sum(began) AS began,"
            " count(*) FILTER (WHERE carried) AS carried, sum(repaired) AS repaired,"
            " sum(repair_seconds)::numeric AS repair_seconds FROM portal.summed_tenant AS m"
            " JOIN tenancy.uptime_daily USING (tenant_id) WHERE m.report = 'uptime' GROUP BY 1, 2, 3"
        ),
    ),
    "posture": (
        "SELECT partner_id, '' AS by, '' AS day, measured, score, critical, high, medium, low FROM portal.posture_sum",
        (
            "SELECT m.partner_id, '' AS by, '' AS day, count(*)::integer AS measured, sum(score) AS score,"
            " sum(critical) AS critical, sum(high) AS high, sum(medium) AS medium, sum(low) AS low"
            " FROM portal.summed_tenant AS m JOIN (SELECT DISTINCT ON (tenant_id) * FROM tenancy.posture_snapshot"
            " ORDER BY tenant_id, taken_at DESC) AS p USING (tenant_id) WHERE m.report = 'posture' GROUP BY 1"
        ),
    ),
    "tickets": (
        (
            f"SELECT partner_id, '' AS by, '' AS day, {', '.join(f'sum({name})::bigint AS {name}' for name in FIGURES)}"
            " FROM portal.ticket_sum GROUP BY 1"
        ),
        (
            "SELECT m.partner_id, '' AS by, '' AS day, count(*) FILTER (WHERE status = 'open') AS open,"
            " count(*) FILTER (WHERE status = 'pending') AS pending,"
            " count(*) FILTER (WHERE status = 'resolved') AS resolved,"
            " count(*) FILTER (WHERE status = 'closed') AS closed,"
            " count(*) FILTER (WHERE priority = 'urgent' AND running) AS urgent,"
            " count(*) FILTER (WHERE priority = 'high' AND running) AS high,"
            " count(*) FILTER (WHERE priority = 'normal' AND running) AS normal,"
            " count(*) FILTER (WHERE priority = 'low' AND running) AS low, count(sla_breached_at) AS breached,"
            " count(*) FILTER (WHERE running AND sla_breached_at IS NOT NULL) AS late, count(resolved_at) AS done,"
            " sum(seconds)::bigint AS done_seconds FROM portal.summed_tenant AS m"
            # Seconds are rounded for each customer, as its rollup holds them.
            " JOIN (SELECT *, status IN ('open', 'pending') AS running,"
            " CASE WHEN row_number() OVER tenants = 1 THEN round(sum(extract(epoch FROM"
            " coalesce(resolved_at - created_at, interval '0'))) OVER tenants) ELSE 0 END AS seconds"
            " FROM tenancy.ticket WINDOW tenants AS (PARTITION BY tenant_id)) AS t USING (tenant_id)"
            " WHERE m.report = 'tickets' GROUP BY 1"
        ),
    ),
}


@asynccontextmanager
async def summed(cluster: Cluster) -> AsyncIterator[World]:
    """Open a world in which the rows of every partner with two tenants are summed up."""
    async with domain_world(cluster) as world:
        assert await sums.keep(system("reports"), many=2) > 0
        yield world


async def told(
    actor: Actor,
) -> tuple[usage.UsageReport, revenue.RevenueReport, summary.Summary, dashboard.Dashboard]:
    """Return all that uses sums, as somebody reads it."""
    async with db.transaction(actor) as connection:
        days: dict[str, Any] = {"period": DAYS, "compare": True, "limit": 1000}
        return (
            await usage.report(connection, actor, usage.Filter(**days, group_by="week")),
            await revenue.report(connection, actor, revenue.Filter(**days)),
            await billed(actor),
            await dashboard.today(connection, actor, now=NOW),
        )


async def read(actor: Actor) -> set[str]:
    """Return of which of SUMS somebody reads any."""
    asked = ", ".join(f"EXISTS (SELECT 1 FROM portal.{kind})" for kind in SUMS)
    async with db.transaction(actor) as connection:
        found = (await connection.exec_driver_sql(f"SELECT {asked}")).one()
    return {kind for kind, some in zip(SUMS, found, strict=True) if some}


async def billed(actor: Actor, **asked: Any) -> summary.Summary:
    """Return the summary of billing of the same days, but for what is left out where sums serve."""
    wanted = Filter(from_date=DAYS.from_date, to_date=DAYS.to_date)
    async with db.transaction(actor) as connection:
        found = await summary.summary(connection, actor, wanted, today=TODAY, **{"limit": 1000, **asked})
    return structs.replace(found, tenants=None)


def recounted(world: World) -> bool:
    """Return whether every sum is what its rows come to, and nothing is left of rows that are gone."""
    for kept, rows in RECOUNTS.values():
        found = {(row["partner_id"], row["by"], row["day"]): row for row in world.sql(kept)}
        counted = {(row["partner_id"], row["by"], row["day"]): row for row in world.sql(rows)}
        empty = [row for key, row in found.items() if key not in counted]
        if any(row[name] for row in empty for name in row if name not in {"partner_id", "by", "day"}):
            return False
        if {key: row for key, row in found.items() if key in counted} != counted or not counted:
            return False
    return True
