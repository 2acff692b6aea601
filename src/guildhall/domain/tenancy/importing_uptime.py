"""Downtime by day, counted from the recorded outages of the tenants in the file; overlaps count once."""

from guildhall.domain.tenancy.importing_writes import Connection

_COUNT = """
WITH concerned AS (
    SELECT t.id AS tenant_id FROM tenancy.tenant AS t WHERE t.external_id IN (SELECT tenant FROM staged)
), days AS (
    SELECT o.tenant_id, day::date AS day FROM tenancy.outage AS o JOIN concerned USING (tenant_id),
    generate_series(date_trunc('day', o.started_at AT TIME ZONE 'UTC'),
        greatest(o.started_at, coalesce(o.ended_at, now()) - interval '1 microsecond') AT TIME ZONE 'UTC',
        interval '1 day') AS day
    UNION
    SELECT d.tenant_id, d.day FROM tenancy.uptime_daily AS d JOIN concerned USING (tenant_id) WHERE d.down_seconds > 0
), down AS (
    SELECT d.tenant_id, d.day, coalesce(sum(extract(epoch FROM upper(part.span) - lower(part.span))), 0) AS seconds
    FROM days AS d LEFT JOIN LATERAL (
        SELECT unnest(range_agg(tstzrange(o.started_at, coalesce(o.ended_at, now())) * whole.day)) AS span
        FROM tenancy.outage AS o, (SELECT tstzrange(d.day::timestamp AT TIME ZONE 'UTC',
            (d.day + 1)::timestamp AT TIME ZONE 'UTC') AS day) AS whole
        WHERE o.tenant_id = d.tenant_id AND o.started_at <= coalesce(o.ended_at, now())
    ) AS part ON true
    GROUP BY 1, 2
)
INSERT INTO tenancy.uptime_daily AS now (tenant_id, day, down_seconds)
SELECT tenant_id, day, least(86400, round(seconds))::integer FROM down
ON CONFLICT (tenant_id, day) DO UPDATE SET down_seconds = excluded.down_seconds
WHERE now.down_seconds <> excluded.down_seconds
"""


def recount(connection: Connection) -> None:
    """Bring `uptime_daily` of the staged tenants to what their outages say; one that lasts counts until now."""
    connection.execute(_COUNT)
