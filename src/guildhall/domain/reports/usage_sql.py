"""The SQL of the usage report: one statement, put together from fixed pieces and kept by its shape."""

from functools import lru_cache

from msgspec import Struct

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import COVERED, report, scope

PERMISSION = "partner.reports.usage.read"
COLUMNS = {
    "tenants": "bigint",
    "included": "bigint",
    "metric": "text",
    "starts": "date",
    "tenant_id": "uuid",
    "tenant_name": "text",
    "total": "numeric",
    "average": "numeric",
    "previous_total": "numeric",
    "previous_average": "numeric",
    "active": "integer",
    "suspended": "integer",
    "place": "bigint",
}
# A bucket begins with the period where the period begins inside it.
_BUCKETS = {
    "day": "u.day",
    "week": "greatest(date_trunc('week', u.day)::date, :first)",
    "month": "greatest(date_trunc('month', u.day)::date, :first)",
    "tenant": ":first",
}
_RANKED = " LEFT JOIN whole AS w ON w.tenant_id = s.tenant_id AND w.metric = :rank_by"


class Shape(Struct, frozen=True):
    """What makes one statement differ from another; `ranked` puts the largest in one metric first."""

    group_by: str
    named: bool
    metrics: bool
    ranked: bool
    subscribers: bool


@lru_cache(maxsize=64)
def statement(shape: Shape) -> Fixed:
    """Return the statement of `shape`: rows of `part` and COLUMNS, tenants in order of their place."""
    metrics = " AND u.metric = ANY (:metrics)" if shape.metrics else ""
    # Each tenant's own mean day comes before sums over tenants: not every tenant is measured on every day.
    shelves = scope(PERMISSION, named=shape.named, more=", l.shows_subscribers") | {
        "each": f"SELECT u.tenant_id, u.metric, u.day >= :first AS now, {_BUCKETS[shape.group_by]} AS starts,"
        " sum(u.quantity) AS total, count(*) AS days"
        " FROM scope JOIN tenancy.usage_daily AS u USING (tenant_id)"
        f" WHERE u.day BETWEEN :earliest AND :last{metrics} GROUP BY 1, 2, 3, 4",
        "whole": f"SELECT tenant_id, metric, {_of('now')}, {_of('NOT now', 'previous_')} FROM each GROUP BY 1, 2",
        "placed": f"SELECT s.*, row_number() OVER ({_order(shape)}) AS place FROM scope AS s"
        f"{_RANKED if shape.ranked else ''}"
        f" {_order(shape)} LIMIT :limit OFFSET :offset",
    }
    parts = {"covered": COVERED, "summary": _SUMMARY, "tenant": _tenant(shape)}
    if shape.group_by != "tenant":
        parts["series"] = _SERIES
    return report(shelves, parts, COLUMNS, order="place, metric, starts")


_SUMS = {name: f"sum({name})" for name in ("total", "average", "previous_total", "previous_average")}
_SUMMARY = ({"metric": "metric", "included": "count(total)", **_SUMS}, "FROM whole GROUP BY metric")
_SERIES = (
    {"metric": "metric", "starts": "starts", "total": "sum(total)", "average": "sum(total / days)"},
    "FROM each WHERE now GROUP BY metric, starts",
)


def _of(condition: str, prefix: str = "") -> str:
    """Return sum and mean day of one of the two periods."""
    total, days = (f"sum({name}) FILTER (WHERE {condition})" for name in ("total", "days"))
    return f"{total} AS {prefix}total, {total} / {days} AS {prefix}average"


def _tenant(shape: Shape) -> tuple[dict[str, str], str]:
    """Return the part with the tenants of the page."""
    said = {name: f"p.{name}" for name in ("tenant_id", "tenant_name", "place")}
    said |= {name: f"w.{name}" for name in ("metric", *_SUMS)}
    source = "FROM placed AS p LEFT JOIN whole AS w USING (tenant_id)"
    if shape.subscribers:
        said |= {
            name: f"CASE WHEN p.shows_subscribers THEN coalesce(r.{name}, 0) END" for name in ("active", "suspended")
        }
        source += " LEFT JOIN tenancy.subscriber_rollup AS r USING (tenant_id)"
    return said, source


def _order(shape: Shape) -> str:
    """Return the order of tenants."""
    first = "w.total DESC NULLS LAST, " if shape.ranked else ""
    return f"ORDER BY {first}lower(s.tenant_name), s.tenant_id"
