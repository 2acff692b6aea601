"""The SQL of the SLA report: one statement over the recorded outages.

Outages of a tenant that overlap or touch are one. A tenant is observed from the latest of three moments: the start of
the period, its own beginning, the start of the link. One that lasts counts until `:until`, which is now at the latest.
"""

from functools import lru_cache

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import BY_NAME, CHOICES, COVERED, FIRST, placed, report, scope

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
_TARGET = f", coalesce(:target, l.uptime_target, {DEFAULT_TARGET}) AS target, l.starts_at"
_DAY = "({} AT TIME ZONE 'UTC')::date"
_LAST_DAY = _DAY.format("(least(up, :until) - interval '1 microsecond')")
_BROKEN = "{} > 864 * (100 - target)"  # a day's seconds of downtime against what the target leaves to a day
_RECORDED = "outages > 0" + "".join(
    f" OR EXISTS (SELECT 1 FROM tenancy.{table} AS m WHERE m.tenant_id = f.tenant_id LIMIT 1)"
    for table in ("uptime_daily", "outage")
)
_UP = "coalesce(o.ended_at, 'infinity')"
_OBSERVED = "tenant_id, tenant_name, target, since, since_before, spells_before, down_before, up_before"
_IN, _BEFORE = (
    f"o.started_at < {until} AND {_UP} > {since}"
    for since, until in (("s.since", ":until"), ("s.since_before", ":until_before"))
)


def _merged(condition: str) -> str:
    """Return the outages of a tenant `s` under `condition`, those that overlap as one: what `unnest` takes."""
    return (
        f"(SELECT range_agg(tstzrange(o.started_at, {_UP})) FROM tenancy.outage AS o"
        f" WHERE o.tenant_id = s.tenant_id AND {condition})"
    )


def _spells(*, compare: bool) -> str:
    """Return how many outages a tenant had, the first beginning and the last end of them; the same of before."""
    figures = {"spells": "count(*)", "down": "min(o.started_at)", "up": f"max({_UP})"}
    said = [f"{figure} FILTER (WHERE {_UP} > s.since) AS {name}" for name, figure in figures.items()]
    earlier = "FILTER (WHERE o.started_at < :until_before)"
    said += [f"{figure} {earlier} AS {name}_before" for name, figure in figures.items() if compare]
    kinds = {"spells": "bigint", "down": "timestamptz", "up": "timestamptz"}
    said += [f"NULL::{kind} AS {name}_before" for name, kind in kinds.items() if not compare]
    return ", ".join(said)


_SEEN = (
    "SELECT s.tenant_id, s.tenant_name, s.target, greatest(:since, s.starts_at, t.created_at) AS since,"
    " greatest(:since_before, s.starts_at, t.created_at) AS since_before"
    " FROM scope AS s JOIN tenancy.tenant AS t ON t.id = s.tenant_id"
)
_FIGURES = (
    f"SELECT {_OBSERVED}, (down IS NOT NULL)::integer AS outages, num_nonnulls(repair) AS repaired, repair,"
    f" coalesce(down, 0) AS down, ({_BROKEN.format('coalesce(down, 0)')})::integer AS breaches, day, down AS worst"
    f" FROM (SELECT {_OBSERVED}, day, extract(epoch FROM least(up, :until) - began) AS down,"
    " CASE WHEN up <= :until THEN extract(epoch FROM up - down) END AS repair"
    " FROM observed WHERE began IS NULL OR once) AS o UNION ALL SELECT * FROM several"
)


# One look into the index for each tenant: the planner knows nothing of how many these shelves hold, and would join
# them row by row. An outage without length is none.
def _shelves(*, compare: bool) -> dict[str, str]:
    """Return the shelves of the report."""
    return {
        # Most tenants that were down were so once, within a day: `once`. Shelves up to `several` are for the others.
        "observed": f"SELECT *, spells = 1 AND day = {_LAST_DAY} AS once"
        f" FROM (SELECT *, {_DAY.format('began')} AS day FROM (SELECT s.*, t.*,"
        " CASE WHEN t.spells > 0 AND s.since < :until THEN greatest(t.down, s.since) END AS began"
        f" FROM ({_SEEN}) AS s CROSS JOIN LATERAL ("
        f"SELECT {_spells(compare=compare)} FROM tenancy.outage AS o WHERE o.tenant_id = s.tenant_id"
        f" AND o.started_at < :until AND {_UP} > s.since_before AND {_UP} > o.started_at) AS t) AS o) AS o",
        "outages": f"SELECT {_OBSERVED}, greatest(lower(span), since) AS down, least(upper(span), :until) AS up,"
        " CASE WHEN upper(span) <= :until THEN extract(epoch FROM upper(span) - lower(span)) END AS repair"
        f" FROM observed AS s CROSS JOIN LATERAL unnest({_merged(_IN)}) AS span WHERE began IS NOT NULL AND NOT once",
        "days": f"SELECT {_OBSERVED}, d.day::date AS day, count(*) FILTER (WHERE down >= d.day) AS outages,"
        " count(repair) FILTER (WHERE down >= d.day) AS repaired, sum(repair) FILTER (WHERE down >= d.day) AS repair,"
        " sum(extract(epoch FROM least(up, d.day + interval '1 day') - greatest(down, d.day))) AS down"
        " FROM outages CROSS JOIN LATERAL generate_series(date_trunc('day', down, 'UTC'),"
        f" up - interval '1 microsecond', interval '1 day') AS d (day) GROUP BY {_OBSERVED}, d.day",
        "several": f"SELECT {_OBSERVED}, sum(outages)::bigint AS outages, sum(repaired)::bigint AS repaired,"
        f" sum(repair) AS repair, sum(down) AS down, count(*) FILTER (WHERE {_BROKEN.format('down')}) AS breaches,"
        f" (array_agg(day ORDER BY down DESC, day))[1] AS day, max(down) AS worst FROM days GROUP BY {_OBSERVED}",
        # Where nothing was ever recorded there is no uptime to speak of. OFFSET 0 lets that be asked once, not twice.
        "told": "SELECT *, CASE WHEN recorded AND since < :until THEN extract(epoch FROM :until - since) END"
        f" AS measured FROM (SELECT *, {_RECORDED} AS recorded FROM ({_FIGURES}) AS f OFFSET 0) AS f",
        "page": placed("told", f"down / measured DESC NULLS LAST, {BY_NAME}"),
    }


_ONCE = "SELECT day, extract(epoch FROM sum(least(up, :until) - began)) AS down FROM observed WHERE once GROUP BY day"
_SUMS = {name: f"sum({name})" for name in ("measured", "down", "outages", "repaired", "repair", "breaches")}
_MEETS = "measured IS NOT NULL AND 100 * (measured - down) >= target * measured"
_PARTS = {
    "covered": COVERED,
    "choice": CHOICES,
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
        {name: name for name in COLUMNS if name not in {"tenants", "included", "day", "meeting", "unrecorded"}}
        | {"worst_day": "day"},
        "FROM page",
    ),
    "day": (
        {"day": "day", "down": "sum(down)"},
        f"FROM ({_ONCE} UNION ALL SELECT day, down FROM days) AS d GROUP BY day",
    ),
}
_PARTS_BEFORE = {
    "before": (
        {
            "measured": "extract(epoch FROM sum(:until_before - since_before))",
            "down": "extract(epoch FROM sum(CASE spells_before WHEN 0 THEN NULL"
            " WHEN 1 THEN least(up_before, :until_before) - greatest(down_before, since_before) ELSE ("
            "SELECT sum(least(upper(span), :until_before) - greatest(lower(span), since_before))"
            f" FROM unnest({_merged(_BEFORE)}) AS span) END))",
        },
        "FROM told AS s WHERE recorded AND since_before < :until_before",
    )
}


@lru_cache(maxsize=4)
def statement(*, named: bool, compare: bool) -> Fixed:
    """Return the statement: rows of `part` and COLUMNS; times in seconds, tenants in order of their place.

    With `compare` a part `before` says what was measured, and down, from `:since_before` to `:until_before`.
    """
    shelves = scope(PERMISSION, named=named, more=_TARGET) | {"first": f"{FIRST} :choices"}
    return report(
        shelves | _shelves(compare=compare),
        _PARTS | (_PARTS_BEFORE if compare else {}),
        COLUMNS,
        order="place, day",
    )
