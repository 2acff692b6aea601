"""The SQL of the SLA report: one statement over the downtime of each day, which is kept as outages come in.

A tenant is observed from the latest of three moments: the start of the period, its own beginning, the start of the
link. What is kept tells of whole days and of outages that ended. So the day from whose middle on a tenant is observed,
and all days of one whose outage lasts, are cut out of the outages themselves.
"""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import BY_NAME, COVERED, placed, report, scope

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
_DAY = "interval '24 hours'"
_UP = "coalesce(o.ended_at, 'infinity')"
# With an end to the range, though it ends nothing, the planner expects few and takes the index.
_LASTING = (
    "SELECT o.tenant_id FROM tenancy.outage AS o WHERE o.ended_at IS NULL AND o.started_at <= :midnight"
    " UNION ALL SELECT o.tenant_id FROM tenancy.outage AS o"
    " WHERE o.ended_at > :until AND o.ended_at <= 'infinity' AND o.started_at < :midnight"
)
_FROM = "greatest(:since_before, l.starts_at, l.observed_from)"
_LINK = (
    # A number is made a float where there is one, not for each tenant.
    f", coalesce((SELECT CAST(:target AS float8)), l.uptime_target::float8, {DEFAULT_TARGET}::float8) AS target"
    f", {_FROM} AS since_before"
    f", CASE WHEN {_FROM} > :since_before THEN ({_FROM} AT TIME ZONE 'UTC')::date + 1 END AS whole_from"
    ", (l.tenant_id IN (SELECT tenant_id FROM lasting)) IS TRUE AS lasting, l.uptime_recorded AS recorded"
)
_SPELLS = (
    "SELECT s.tenant_id, greatest(lower(span), s.since_before) AS down, least(upper(span), s.until) AS up,"
    " upper(span) <= s.until AS over, CASE WHEN upper(span) <= s.until THEN upper(span) - lower(span) END AS length"
    " FROM (SELECT *, CASE WHEN lasting THEN :until ELSE least(:until, whole_from::timestamp AT TIME ZONE 'UTC') END"
    " AS until FROM scope) AS s CROSS JOIN LATERAL unnest(("
    f"SELECT range_agg(tstzrange(o.started_at, {_UP})) FROM tenancy.outage AS o WHERE o.tenant_id = s.tenant_id"
    ")) AS span WHERE (s.lasting OR (s.whole_from IS NOT NULL AND EXISTS ("
    "SELECT 1 FROM tenancy.uptime_daily AS u WHERE u.tenant_id = s.tenant_id AND u.day = s.whole_from - 1)))"
    " AND s.since_before < :until AND lower(span) < s.until AND upper(span) > s.since_before"
)
_KEPT = (
    "SELECT u.tenant_id, u.day, u.down_seconds AS down, u.began + (u.carried AND u.day = :first)::integer AS outages,"
    " u.repaired, u.repair_seconds AS repair, false AS cut FROM tenancy.uptime_daily AS u"
    " WHERE u.tenant_id = ANY (ARRAY(SELECT tenant_id FROM scope WHERE NOT lasting))"
    " AND u.day BETWEEN :earliest AND :last"
)
_CUT = (
    "SELECT tenant_id, (d.day AT TIME ZONE 'UTC')::date AS day,"
    f" sum(date_part('epoch', least(up, d.day + {_DAY}) - greatest(down, d.day))) AS down,"
    " (count(*) FILTER (WHERE down >= d.day OR d.day = :since))::integer AS outages,"
    f" (count(*) FILTER (WHERE over AND up <= d.day + {_DAY}))::integer AS repaired,"
    f" coalesce(sum(date_part('epoch', length)) FILTER (WHERE over AND up <= d.day + {_DAY}), 0) AS repair, true AS cut"
    f" FROM ({_SPELLS}) AS s CROSS JOIN LATERAL generate_series(date_trunc('day', down, 'UTC'),"
    f" up - interval '1 microsecond', {_DAY}) AS d (day) GROUP BY tenant_id, d.day"
)
# Seconds are floats, exact to the microsecond: half of one is to spare where two are held against each other.
_BROKEN = "down > 864 * (100 - target) + 0.0000005"  # a day's downtime, and what the target leaves to a day
_SUMS = {
    "outages": "sum(outages)",
    "repaired": "sum(repaired)",
    "repair": "sum(repair)",
    "breaches": f"count(*) FILTER (WHERE {_BROKEN})",
}
_SUMMED = ", ".join(f"{sum_} AS {name}" for name, sum_ in _SUMS.items())
_SINCE = "greatest(:since, min(since_before))"
_SHELVES = {
    # A full join is made by hash. The planner knows nothing of how many these hold, and would join them row by row; no
    # day is without its tenant.
    "days": "SELECT s.tenant_id, s.tenant_name, s.target, s.since_before, s.recorded,"
    " CASE WHEN d.cut OR (d.day >= s.whole_from) IS NOT FALSE THEN d.day END AS day, d.down, d.outages, d.repaired,"
    f" d.repair FROM scope AS s FULL JOIN ({_KEPT} UNION ALL {_CUT}) AS d ON d.tenant_id = s.tenant_id",
    # Where nothing was ever recorded there is no uptime to speak of.
    "told": "SELECT tenant_id, min(tenant_name) AS tenant_name, min(target) AS target,"
    f" min(since_before) AS since_before, {_SINCE} AS since, bool_or(recorded) AS recorded,"
    f" CASE WHEN bool_or(recorded) AND {_SINCE} < :until THEN date_part('epoch', :until - {_SINCE}) END AS measured,"
    " coalesce(sum(down) FILTER (WHERE day >= :first), 0) AS down FROM days GROUP BY tenant_id",
    "daily": f"SELECT day, sum(down) AS down, {_SUMMED} FROM days WHERE day >= :first GROUP BY day",
    "page": placed("told", f"down / measured DESC NULLS LAST, {BY_NAME}"),
    "figures": f"SELECT tenant_id, {_SUMMED}, max(down) AS worst,"
    " (array_agg(day ORDER BY down DESC, day))[1] AS worst_day FROM days"
    " WHERE day >= :first AND (tenant_id IN (SELECT tenant_id FROM page)) IS TRUE GROUP BY tenant_id",
}
_MEETS = "down <= (100 - target) / 100 * measured + 0.0000005"
_PARTS = {
    "covered": COVERED,
    "summary": (
        {
            **{name: f"(SELECT sum({name}) FROM daily)" for name in _SUMS},
            "measured": "sum(measured)",
            "down": "sum(down)",
            "target": "CASE WHEN min(target) = max(target) THEN min(target) END",
            "meeting": f"count(*) FILTER (WHERE {_MEETS})",
            "unrecorded": "count(*) FILTER (WHERE measured IS NULL)",
        },
        "FROM told",
    ),
    "tenant": (
        {name: name for name in ("tenant_id", "tenant_name", "since", "target", "measured", "down", "place")}
        | {name: name for name in (*_SUMS, "worst", "worst_day")}
        | {"meeting": f"({_MEETS})::integer"},
        "FROM page LEFT JOIN figures USING (tenant_id)",
    ),
    "day": ({"day": "day", "down": "down"}, "FROM daily"),
}
_PARTS_BEFORE = {
    "before": (
        {
            "measured": "sum(date_part('epoch', least(:since, :until) - since_before))",
            "down": "(SELECT sum(down) FROM days WHERE day < :first)",
        },
        "FROM told WHERE recorded AND since_before < least(:since, :until)",
    )
}


@lru_cache(maxsize=4)
def statement(*, named: bool, compare: bool) -> Fixed:
    """Return the statement: rows of `part` and COLUMNS; times in seconds, tenants in order of their place.

    With `compare` a part `before` says what was measured, and down, from `:since_before` to `:since`.
    """
    reached = scope(PERMISSION, named=named, more=_LINK)
    shelves = {"lasting": _LASTING} | reached | _SHELVES
    return report(shelves, _PARTS | (_PARTS_BEFORE if compare else {}), COLUMNS, order="place, day")
