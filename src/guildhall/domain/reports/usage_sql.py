"""The SQL of the usage report: one statement, put together from fixed pieces and kept by its shape."""

from functools import lru_cache

from msgspec import Struct

from guildhall.core.sql import Fixed
from guildhall.domain.reports.report_scope import BY_NAME, COVERED, apart, placed, placed_by_name, report, scope

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
_DAYS = "u.day BETWEEN :earliest AND :last"
# A bucket begins with the period where the period begins inside it.
_BUCKETS = {
    "day": "day",
    "week": "greatest(date_trunc('week', day)::date, :first)",
    "month": "greatest(date_trunc('month', day)::date, :first)",
}
_NOW, _BEFORE = "day >= :first", "day < :first"


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
    more = ", l.shows_subscribers"
    shelves = scope(PERMISSION, named=shape.named, more=more)
    sums = "SELECT u.metric, u.day, u.quantity, u.tenants FROM portal.usage_sum AS u WHERE u.partner_id = :partner_id"
    shelves |= apart("usage", f"{sums} AND u.tenants > 0 AND {_DAYS}{metrics}", named=shape.named)
    shelves["daily"] = (
        "SELECT metric, day, sum(quantity) AS total, sum(tenants) AS tenants FROM (SELECT * FROM kept UNION ALL"
        " SELECT u.metric, u.day, sum(u.quantity), count(*) FROM apart JOIN tenancy.usage_daily AS u USING (tenant_id)"
        f" WHERE EXISTS (SELECT 1 FROM apart) AND {_DAYS}{metrics} GROUP BY 1, 2) AS part GROUP BY 1, 2"
    )
    if shape.ranked:
        shelves["ranks"] = (
            "SELECT s.*, r.total FROM scope AS s LEFT JOIN (SELECT u.tenant_id, sum(u.quantity) AS total"
            " FROM scope JOIN tenancy.usage_daily AS u USING (tenant_id)"
            f" WHERE u.metric = :rank_by AND u.day BETWEEN :first AND :last{metrics} GROUP BY 1) AS r USING (tenant_id)"
        )
        shelves["placed"] = placed("ranks", f"total DESC NULLS LAST, {BY_NAME}")
    else:
        shelves["placed"] = placed_by_name(PERMISSION, named=shape.named, more=more)
    # One tenant after the other: each one's rows come by metric from the index, and nothing has to be sorted.
    shelves["whole"] = (
        f"SELECT p.tenant_id, w.* FROM placed AS p CROSS JOIN LATERAL (SELECT u.metric, {_of('u.day >= :first')},"
        f" {_of('u.day < :first', 'previous_')} FROM tenancy.usage_daily AS u"
        f" WHERE u.tenant_id = p.tenant_id AND {_DAYS}{metrics} GROUP BY 1) AS w"
    )
    parts = {"covered": COVERED, "summary": _SUMMARY, "tenant": _tenant(shape)}
    if shape.group_by != "tenant":
        parts["series"] = _series(_BUCKETS[shape.group_by])
    return report(shelves, parts, COLUMNS, order="place, metric, starts")


def _mean(condition: str) -> str:
    """Return what an average measured day came to, all tenants together."""
    return f"sum(total) FILTER (WHERE {condition}) / nullif(count(*) FILTER (WHERE {condition}), 0)"


_FIGURES = ("total", "average", "previous_total", "previous_average")
_SUMMARY = (
    {
        "metric": "metric",
        "included": f"coalesce(max(tenants) FILTER (WHERE {_NOW}), 0)",
        "total": f"sum(total) FILTER (WHERE {_NOW})",
        "average": _mean(_NOW),
        "previous_total": f"sum(total) FILTER (WHERE {_BEFORE})",
        "previous_average": _mean(_BEFORE),
    },
    "FROM daily GROUP BY metric",
)


def _series(bucket: str) -> tuple[dict[str, str], str]:
    """Return the part with the points of the series."""
    said = {"metric": "metric", "starts": bucket, "total": "sum(total)", "average": "sum(total) / count(*)"}
    return said, f"FROM daily WHERE {_NOW} GROUP BY metric, {bucket}"


def _of(condition: str, prefix: str = "") -> str:
    """Return one tenant's sum and mean day of one of the two periods."""
    total = f"sum(u.quantity) FILTER (WHERE {condition})"
    days = f"nullif(count(*) FILTER (WHERE {condition}), 0)"
    return f"{total} AS {prefix}total, {total} / {days} AS {prefix}average"


def _tenant(shape: Shape) -> tuple[dict[str, str], str]:
    """Return the part with the tenants of the page."""
    said = {name: f"p.{name}" for name in ("tenant_id", "tenant_name", "place")}
    said |= {name: f"w.{name}" for name in ("metric", *_FIGURES)}
    source = "FROM placed AS p LEFT JOIN whole AS w USING (tenant_id)"
    if shape.subscribers:
        said |= {
            name: f"CASE WHEN p.shows_subscribers THEN coalesce(r.{name}, 0) END" for name in ("active", "suspended")
        }
        source += " LEFT JOIN tenancy.subscriber_rollup AS r USING (tenant_id)"
    return said, source
