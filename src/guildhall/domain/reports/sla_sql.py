"""The SQL of the SLA report: one statement over the downtime of each day, which is kept as outages come in.

A tenant is observed from the latest of three moments: the start of the period, its own beginning, the start of the
link. What is kept tells of whole days and of outages that ended. So the day from whose middle on a tenant is observed,
and all days of one whose outage lasts, are cut out of the outages themselves.

Of a partner with many tenants the days of all lie side by side, and what they come to by day (sums.sql). Where the
roster says that they are just those of the report, only tenants of which more is to be said stand `apart` and are
looked at one by one: those that began within the period, are down now, or of which nothing was ever recorded. The
roster may know that there can be none of these but those that are down now (`steady_from`). The others were observed
all the time, and down on the days that are kept; those without any are quiet, and only counted.
"""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import BY_NAME, COVERED, placed, reached, report, scope

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
_ASKED = "(SELECT CAST(:target AS float8))"
_DEFAULT = f"coalesce({_ASKED}, {DEFAULT_TARGET}::float8)"
_LASTS = "(l.tenant_id IN (SELECT tenant_id FROM lasting)) IS TRUE"
_WHOLE = "(SELECT whole FROM sums)"
_SUMS = (
    "SELECT whole, whole AND coalesce((SELECT steady_from <= :since_before FROM roster), false) AS steady FROM ("
    "SELECT EXISTS (SELECT 1 FROM roster WHERE 'uptime' = ANY (sums)) AND portal.reaches_sums('uptime') AS whole) AS s"
)
_STEADY = "(SELECT steady FROM sums)"
_APART = f"({_FROM} > :since_before OR {_LASTS} OR NOT l.uptime_recorded)"
_LINK = (
    # A number is made a float where there is one, not for each tenant.
    f", coalesce({_ASKED}, l.uptime_target::float8, {DEFAULT_TARGET}::float8) AS target"
    f", {_FROM} AS since_before"
    f", CASE WHEN {_FROM} > :since_before THEN ({_FROM} AT TIME ZONE 'UTC')::date + 1 END AS whole_from"
    f", {_LASTS} AS lasting, l.uptime_recorded AS recorded"
)
# Where the others are plain, those apart, and those with a target of their own.
_CHOSEN = f"(l.shows_uptime AND ({_APART} OR (l.uptime_target IS NOT NULL AND {_ASKED} IS NULL)))"
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
_TOTALS = ("outages", "repaired", "repair")
_TOTALLED = ", ".join(f"sum({name}) AS {name}" for name in _TOTALS)
_SINCE = "greatest(:since, min(since_before))"
_LENGTH = "(SELECT CASE WHEN :since < :until THEN date_part('epoch', :until - :since) END)"
_OUTAGES = "began + CASE WHEN day = :first THEN carried::integer ELSE 0 END"
_SUMMED = f"{_WHOLE} AND d.partner_id = :partner_id AND d.day"
_MEETS = "down <= (100 - target) / 100 * measured + 0.0000005"
_SHELVES = {
    # A full join is made by hash. The planner knows nothing of how many these hold, and would join them row by row; no
    # day is without its tenant.
    "days": "SELECT s.tenant_id, s.tenant_name, s.target, s.since_before, s.recorded,"
    " CASE WHEN d.cut OR (d.day >= s.whole_from) IS NOT FALSE THEN d.day END AS day, d.down, d.outages, d.repaired,"
    f" d.repair FROM scope AS s FULL JOIN ({_KEPT} UNION ALL {_CUT}) AS d ON d.tenant_id = s.tenant_id",
    # Where nothing was ever recorded there is no uptime to speak of. Said of `mine` again that it opens the report, the
    # planner expects fewer, and hashes those.
    "told": f"SELECT tenant_id, min(tenant_name) AS tenant_name, min(target) AS target, {_SINCE} AS since,"
    f" CASE WHEN bool_or(recorded) AND {_SINCE} < :until THEN date_part('epoch', :until - {_SINCE}) END AS measured,"
    " coalesce(sum(down) FILTER (WHERE day >= :first), 0) AS down,"
    f" count(*) FILTER (WHERE day >= :first AND {_BROKEN}) AS breaches FROM days GROUP BY tenant_id UNION ALL"
    f" SELECT tenant_id, NULL, min(target), :since, {_LENGTH}, sum(down),"
    f" count(*) FILTER (WHERE {_BROKEN}) FROM ("
    f"SELECT d.tenant_id, d.down_seconds AS down, coalesce(m.target, {_DEFAULT}) AS target"
    " FROM portal.partner_downtime AS d LEFT JOIN (SELECT * FROM mine WHERE opens) AS m USING (tenant_id)"
    f" WHERE {_SUMMED} BETWEEN :first AND :last AND m.apart IS NOT TRUE"
    ") AS d GROUP BY 1",
    "numbers": "SELECT (SELECT included FROM counted) - count(*) AS quiet, count(*) FILTER (WHERE down > 0) AS down,"
    f" sum(measured) AS measured, sum(down) AS seconds, count(*) FILTER (WHERE {_MEETS}) AS meeting,"
    " count(*) FILTER (WHERE measured IS NULL) AS unrecorded, sum(breaches) AS breaches FROM told",
    # The sums are of everybody: of those apart they are taken off again, and what counts of these is added.
    "daily": f"SELECT day, sum(down) AS down, {_TOTALLED} FROM ("
    "SELECT day, 1 AS tenants, down, outages, repaired, repair FROM days WHERE day IS NOT NULL UNION ALL"
    f" SELECT d.day, d.tenants, d.down_seconds, {_OUTAGES}, d.repaired, d.repair_seconds FROM portal.downtime_sum AS d"
    f" WHERE {_SUMMED} BETWEEN :earliest AND :last UNION ALL"
    f" SELECT d.day, -1, -d.down_seconds, -({_OUTAGES}), -d.repaired, -d.repair_seconds"
    " FROM portal.partner_downtime AS d"
    f" WHERE {_SUMMED} BETWEEN :earliest AND :last"
    " AND d.tenant_id = ANY (ARRAY(SELECT tenant_id FROM scope))"
    ") AS d GROUP BY day HAVING sum(tenants) > 0",
    # The last that the page needs; all that are like it may come before it by their names.
    "edge": "SELECT down / measured AS share FROM told ORDER BY 1 DESC NULLS LAST LIMIT 1 OFFSET :offset + :limit - 1",
    "near": "SELECT tenant_id, target, since, measured, down, breaches, coalesce(tenant_name, (SELECT l.tenant_name"
    " FROM portal.partner_tenant_link AS l WHERE l.partner_id = :partner_id AND l.tenant_id = t.tenant_id"
    " AND l.status = 'active')) AS tenant_name FROM told AS t"
    " WHERE (SELECT share FROM edge) IS NULL OR down / measured >= (SELECT share FROM edge) UNION ALL"
    f" SELECT q.tenant_id, coalesce(m.target, {_DEFAULT}), :since, {_LENGTH}, 0, 0, q.tenant_name FROM ("
    f"SELECT l.tenant_id, l.tenant_name {reached(named=False)} AND l.shows_uptime"
    " AND (l.tenant_id IN (SELECT tenant_id FROM told)) IS NOT TRUE ORDER BY lower(l.tenant_name), l.tenant_id LIMIT"
    " (SELECT greatest(0, least(quiet, :offset + :limit - down)) FROM numbers)"
    ") AS q LEFT JOIN mine AS m USING (tenant_id)",
    "page": placed("near", f"down / measured DESC NULLS LAST, {BY_NAME}"),
    "figures": f"SELECT tenant_id, {_TOTALLED}, max(down) AS worst,"
    " (array_agg(day ORDER BY down DESC, day))[1] AS worst_day FROM ("
    "SELECT tenant_id, day, down, outages, repaired, repair FROM days WHERE day >= :first"
    " AND (tenant_id IN (SELECT tenant_id FROM page)) IS TRUE UNION ALL"
    f" SELECT d.tenant_id, d.day, d.down_seconds, {_OUTAGES}, d.repaired, d.repair_seconds"
    " FROM portal.partner_downtime AS d"
    f" WHERE {_SUMMED} BETWEEN :first AND :last"
    " AND d.tenant_id = ANY (ARRAY(SELECT tenant_id FROM page EXCEPT SELECT tenant_id FROM scope))"
    ") AS d GROUP BY tenant_id",
}
_TARGETS = (
    f"SELECT target FROM mine WHERE opens UNION ALL SELECT {_DEFAULT}"
    " WHERE (SELECT included FROM counted) > (SELECT count(*) FROM mine WHERE opens)"
)
_PARTS = {
    "covered": COVERED,
    "summary": (
        {
            **{name: f"(SELECT sum({name}) FROM daily WHERE day >= :first)" for name in _TOTALS},
            "breaches": "breaches",
            "measured": f"coalesce(measured, 0) + coalesce(quiet * {_LENGTH}, 0)",
            "down": "seconds",
            "target": f"(SELECT CASE WHEN min(target) = max(target) THEN min(target) END FROM ({_TARGETS}) AS t)",
            "meeting": f"meeting + CASE WHEN {_LENGTH} IS NULL THEN 0 ELSE quiet END",
            "unrecorded": f"unrecorded + CASE WHEN {_LENGTH} IS NULL THEN quiet ELSE 0 END",
        },
        "FROM numbers",
    ),
    "tenant": (
        {name: name for name in ("tenant_id", "tenant_name", "since", "target", "measured", "down", "place")}
        | {name: name for name in (*_TOTALS, "breaches", "worst", "worst_day")}
        | {"meeting": f"({_MEETS})::integer"},
        "FROM page LEFT JOIN figures USING (tenant_id)",
    ),
    "day": ({"day": "day", "down": "down"}, "FROM daily WHERE day >= :first"),
}
# How long who does not stand apart was observed before the period; the others by what is their own.
_BEFORE = "date_part('epoch', greatest(least(:since, :until) - :since_before, interval '0'))"
_PARTS_BEFORE = {
    "before": (
        {
            "measured": "coalesce(sum(date_part('epoch', least(:since, :until) - since_before)) FILTER"
            " (WHERE recorded AND since_before < least(:since, :until)), 0)"
            f" + ((SELECT included FROM counted) - count(*)) * {_BEFORE}",
            "down": "(SELECT sum(down) FROM daily WHERE day < :first)",
        },
        "FROM scope",
    )
}


@lru_cache(maxsize=4)
def statement(*, named: bool, compare: bool) -> Fixed:
    """Return the statement: rows of `part` and COLUMNS; times in seconds, tenants in order of their place.

    With `compare` a part `before` says what was measured, and down, from `:since_before` to `:since`.
    """
    sums = "SELECT false AS whole, false AS steady" if named else _SUMS
    more = f"{_LINK}, (NOT {_WHOLE} OR {_APART}) AS apart"
    walked = f" AND NOT {_STEADY} AND (NOT {_WHOLE} OR {_CHOSEN})"
    # Where all are steady, of those alone that are down now: by their links, and none of the others is looked at.
    down = f" AND {_STEADY} AND l.shows_uptime AND l.tenant_id = ANY (ARRAY(SELECT tenant_id FROM lasting))"
    shelves = scope(PERMISSION, named=named, more=more, only=walked)
    shelves["mine"] += f" UNION ALL {scope(PERMISSION, named=named, more=more, only=down)['mine']}"
    shelves["scope"] = "SELECT * FROM mine WHERE opens AND apart"
    shelves = {"roster": shelves["roster"], "sums": sums, "lasting": _LASTING} | shelves | _SHELVES
    return report(shelves, _PARTS | (_PARTS_BEFORE if compare else {}), COLUMNS, order="place, day")
