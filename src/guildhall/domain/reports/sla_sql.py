"""The SQL of the SLA report: one statement over the recorded outages.

Outages of a tenant that overlap or touch are one. A tenant is observed from the latest of three moments: the start of
the period, its own beginning, the start of the link. One that lasts counts until `:until`, which is now at the latest.
"""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import COVERED, report, scope

PERMISSION = "partner.reports.sla.read"
COLUMNS = {
    "tenants": "bigint",
    "included": "bigint",
    "tenant_id": "uuid",
    "tenant_name": "text",
    "day": "date",
    "since": "timestamptz",
    "target": "numeric",
    "measured": "numeric",
    "down": "numeric",
    "outages": "bigint",
    "repaired": "bigint",
    "repair": "numeric",
    "breaches": "bigint",
    "worst_day": "date",
    "worst": "numeric",
    "meeting": "bigint",
    "unrecorded": "bigint",
    "place": "bigint",
}
DEFAULT_TARGET = "99.9"
_AGREED = (
    "CASE WHEN jsonb_typeof(l.sla_config -> 'uptime_target') = 'number'"
    " THEN (l.sla_config ->> 'uptime_target')::numeric END"
)
_TARGET = f", coalesce(:target, {_AGREED}, {DEFAULT_TARGET}) AS target, l.starts_at"
_ORDER = "ORDER BY down / measured DESC NULLS LAST, lower(tenant_name), tenant_id"
_SHELVES = {
    "seen": "SELECT s.tenant_id, s.tenant_name, s.target,"
    " greatest(:since, s.starts_at, t.created_at) AS since"
    " FROM scope AS s JOIN tenancy.tenant AS t ON t.id = s.tenant_id",
    "spans": "SELECT o.tenant_id, s.target, s.since, unnest(range_agg(tstzrange(o.started_at,"
    " coalesce(o.ended_at, 'infinity')))) AS span FROM seen AS s JOIN tenancy.outage AS o USING (tenant_id)"
    " WHERE o.started_at < :until AND s.since < :until AND (o.ended_at IS NULL OR o.ended_at > s.since)"
    " GROUP BY 1, 2, 3",
    "outages": "SELECT tenant_id, target, greatest(lower(span), since) AS down, least(upper(span), :until) AS up,"
    " CASE WHEN upper(span) <= :until THEN extract(epoch FROM upper(span) - lower(span)) END AS repair FROM spans",
    "days": "SELECT tenant_id, target, d.day::date AS day,"
    " sum(extract(epoch FROM least(up, d.day + interval '1 day') - greatest(down, d.day))) AS down"
    " FROM outages CROSS JOIN LATERAL generate_series(date_trunc('day', down, 'UTC'),"
    " up - interval '1 microsecond', interval '1 day') AS d (day) GROUP BY 1, 2, 3",
    "downs": "SELECT tenant_id, count(*) AS outages, count(repair) AS repaired, sum(repair) AS repair,"
    " sum(extract(epoch FROM up - down)) AS down FROM outages GROUP BY 1",
    "worst": "SELECT tenant_id, (array_agg(day ORDER BY down DESC, day))[1] AS worst_day,"
    " max(down) AS worst, count(*) FILTER (WHERE down > 864 * (100 - target)) AS breaches FROM days GROUP BY 1",
    # Where nothing was ever recorded there is no uptime to speak of.
    "told": "SELECT s.*, CASE WHEN s.since < :until AND (n.tenant_id IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM tenancy.uptime_daily AS m WHERE m.tenant_id = s.tenant_id LIMIT 1)"
    " OR EXISTS (SELECT 1 FROM tenancy.outage AS o WHERE o.tenant_id = s.tenant_id LIMIT 1))"
    " THEN extract(epoch FROM :until - s.since) END AS measured,"
    " coalesce(n.down, 0) AS down, coalesce(n.outages, 0) AS outages, coalesce(n.repaired, 0) AS repaired, n.repair,"
    " coalesce(w.breaches, 0) AS breaches, w.worst_day, w.worst"
    " FROM seen AS s LEFT JOIN downs AS n USING (tenant_id) LEFT JOIN worst AS w USING (tenant_id)",
    "page": f"SELECT *, row_number() OVER ({_ORDER}) AS place FROM told {_ORDER} LIMIT :limit OFFSET :offset",
}
_SUMS = {name: f"sum({name})" for name in ("measured", "down", "outages", "repaired", "repair", "breaches")}
_MEETS = "measured IS NOT NULL AND 100 * (measured - down) >= target * measured"
_PARTS = {
    "covered": COVERED,
    "summary": (
        {
            **_SUMS,
            "target": "CASE WHEN min(target) = max(target) THEN min(target) END",
            "meeting": f"count(*) FILTER (WHERE {_MEETS})",
            "unrecorded": "count(*) FILTER (WHERE measured IS NULL)",
        },
        "FROM told",
    ),
    "tenant": (
        {name: name for name in COLUMNS if name not in {"tenants", "included", "day", "meeting", "unrecorded"}},
        "FROM page",
    ),
    "day": ({"day": "day", "down": "sum(down)"}, "FROM days GROUP BY day"),
}


@lru_cache(maxsize=2)
def statement(*, named: bool) -> Fixed:
    """Return the statement: rows of `part` and COLUMNS; times in seconds, tenants in order of their place."""
    return report(scope(PERMISSION, named=named, more=_TARGET) | _SHELVES, _PARTS, COLUMNS, order="place, day")
