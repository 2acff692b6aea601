-- Totals per tenant, kept in the transaction that changes their source. The tenant's row is locked before it is
-- counted anew, so two transactions at once cannot both count without the other.

CREATE OR REPLACE FUNCTION tenancy.roll_billing(tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tenancy.billing_rollup (tenant_id, currency)
    SELECT DISTINCT tenant_id, currency FROM tenancy.invoice WHERE tenant_id = ANY (tenants)
    ORDER BY 1, 2 ON CONFLICT DO NOTHING;
    IF FOUND THEN -- two that bring a currency each would not see the other's, and a tenant is counted in all of its own
        PERFORM 1 FROM tenancy.tenant WHERE id = ANY (tenants) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    PERFORM 1 FROM tenancy.billing_rollup WHERE tenant_id = ANY (tenants) ORDER BY tenant_id, currency FOR UPDATE;
    UPDATE tenancy.billing_rollup AS r SET
        outstanding = n.outstanding, overdue = n.overdue, open_count = n.open_count, last_issued_on = n.last_issued_on,
        listed = n.listed, billed = n.billed, paid = n.paid
    FROM (
        SELECT k.tenant_id, k.currency,
               coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE i.status IN ('finalized', 'overdue')), 0) AS outstanding,
               coalesce(sum(i.amount - i.amount_paid) FILTER (WHERE i.status = 'overdue'), 0) AS overdue,
               count(*) FILTER (WHERE i.status IN ('finalized', 'overdue')) AS open_count,
               max(i.issued_on) FILTER (WHERE i.status NOT IN ('draft', 'cancelled')) AS last_issued_on,
               count(*) FILTER (WHERE i.status <> 'draft') AS listed,
               coalesce(sum(i.amount) FILTER (WHERE i.status NOT IN ('draft', 'cancelled')), 0) AS billed,
               coalesce(sum(i.amount_paid) FILTER (WHERE i.status NOT IN ('draft', 'cancelled')), 0) AS paid
        FROM tenancy.billing_rollup AS k -- a currency that no invoice has any more falls to zero
        LEFT JOIN tenancy.invoice AS i ON i.tenant_id = k.tenant_id AND i.currency = k.currency
        WHERE k.tenant_id = ANY (tenants) GROUP BY k.tenant_id, k.currency
    ) AS n
    WHERE r.tenant_id = n.tenant_id AND r.currency = n.currency;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.roll_support(tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tenancy.support_rollup (tenant_id) SELECT x FROM unnest(tenants) AS x ORDER BY x ON CONFLICT DO NOTHING;
    PERFORM 1 FROM tenancy.support_rollup WHERE tenant_id = ANY (tenants) ORDER BY tenant_id FOR UPDATE;
    UPDATE tenancy.support_rollup AS r SET
        open = n.open, pending = n.pending, resolved = n.resolved, closed = n.closed,
        urgent = n.urgent, high = n.high, normal = n.normal, low = n.low,
        breached = n.breached, late = n.late, done = n.done, done_seconds = n.done_seconds,
        last_number = greatest(r.last_number, n.last_number)
    FROM (
        SELECT tenant_id,
               count(*) FILTER (WHERE status = 'open') AS open,
               count(*) FILTER (WHERE status = 'pending') AS pending,
               count(*) FILTER (WHERE status = 'resolved') AS resolved,
               count(*) FILTER (WHERE status = 'closed') AS closed,
               count(*) FILTER (WHERE priority = 'urgent' AND status IN ('open', 'pending')) AS urgent,
               count(*) FILTER (WHERE priority = 'high' AND status IN ('open', 'pending')) AS high,
               count(*) FILTER (WHERE priority = 'normal' AND status IN ('open', 'pending')) AS normal,
               count(*) FILTER (WHERE priority = 'low' AND status IN ('open', 'pending')) AS low,
               count(sla_breached_at) AS breached,
               count(sla_breached_at) FILTER (WHERE status IN ('open', 'pending')) AS late,
               count(resolved_at) AS done,
               coalesce(sum(extract(epoch FROM resolved_at - created_at)), 0) AS done_seconds,
               max(number) AS last_number
        FROM tenancy.ticket WHERE tenant_id = ANY (tenants) GROUP BY tenant_id
    ) AS n
    WHERE r.tenant_id = n.tenant_id;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.roll_subscribers(tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tenancy.subscriber_rollup (tenant_id) SELECT x FROM unnest(tenants) AS x ORDER BY x ON CONFLICT DO NOTHING;
    PERFORM 1 FROM tenancy.subscriber_rollup WHERE tenant_id = ANY (tenants) ORDER BY tenant_id FOR UPDATE;
    UPDATE tenancy.subscriber_rollup AS r SET active = n.active, suspended = n.suspended, cancelled = n.cancelled
    FROM (
        SELECT tenant_id,
               count(*) FILTER (WHERE status = 'active') AS active,
               count(*) FILTER (WHERE status = 'suspended') AS suspended,
               count(*) FILTER (WHERE status = 'cancelled') AS cancelled
        FROM tenancy.subscriber WHERE tenant_id = ANY (tenants) GROUP BY tenant_id
    ) AS n
    WHERE r.tenant_id = n.tenant_id;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.roll_posture(tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tenancy.posture_rollup (tenant_id) SELECT x FROM unnest(tenants) AS x ORDER BY x ON CONFLICT DO NOTHING;
    PERFORM 1 FROM tenancy.posture_rollup WHERE tenant_id = ANY (tenants) ORDER BY tenant_id FOR UPDATE;
    UPDATE tenancy.posture_rollup AS r SET
        taken_at = n.taken_at, score = n.score, critical = n.critical, high = n.high, medium = n.medium, low = n.low
    FROM unnest(tenants) AS k (tenant_id)
    LEFT JOIN LATERAL ( -- the latest, also where a late one came in or the last one went
        SELECT p.* FROM tenancy.posture_snapshot AS p WHERE p.tenant_id = k.tenant_id ORDER BY p.taken_at DESC LIMIT 1
    ) AS n ON true
    WHERE r.tenant_id = k.tenant_id;
END
$$;

-- The downtime of each day (UTC), from outages that ended: those that overlap or touch are one, and an end at midnight
-- is of the day before it. Days without any have no row. What lasts is told by the outages themselves.
CREATE OR REPLACE FUNCTION tenancy.roll_uptime(tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM tenancy.tenant WHERE id = ANY (tenants) ORDER BY id FOR NO KEY UPDATE;
    WITH spell AS (
        SELECT o.tenant_id, s.down, s.up FROM (
            SELECT tenant_id, range_agg(tstzrange(started_at, ended_at)) AS spans FROM tenancy.outage
            WHERE tenant_id = ANY (tenants) AND ended_at IS NOT NULL GROUP BY tenant_id
        ) AS o CROSS JOIN LATERAL (SELECT lower(span) AS down, upper(span) AS up FROM unnest(o.spans) AS span) AS s
    ), part AS (
        SELECT s.tenant_id, s.down >= d.day AS begins, s.up <= d.day + interval '24 hours' AS ends, s.up - s.down AS lasted,
               (d.day AT TIME ZONE 'UTC')::date AS day,
               least(s.up, d.day + interval '24 hours') - greatest(s.down, d.day) AS down
        FROM spell AS s CROSS JOIN LATERAL generate_series(
            date_trunc('day', s.down, 'UTC'), s.up - interval '1 microsecond', interval '24 hours') AS d (day)
    ), counted AS MATERIALIZED (
        SELECT tenant_id, day, extract(epoch FROM sum(down)) AS down_seconds, count(*) FILTER (WHERE begins) AS began,
               bool_or(NOT begins) AS carried, count(*) FILTER (WHERE ends) AS repaired,
               coalesce(extract(epoch FROM sum(lasted) FILTER (WHERE ends)), 0) AS repair_seconds
        FROM part GROUP BY tenant_id, day
    ), gone AS (
        DELETE FROM tenancy.uptime_daily AS u WHERE u.tenant_id = ANY (tenants)
        AND NOT EXISTS (SELECT 1 FROM counted AS c WHERE c.tenant_id = u.tenant_id AND c.day = u.day)
    )
    INSERT INTO tenancy.uptime_daily AS u (tenant_id, day, down_seconds, began, carried, repaired, repair_seconds)
    SELECT * FROM counted ON CONFLICT (tenant_id, day) DO UPDATE SET
        down_seconds = excluded.down_seconds, began = excluded.began, carried = excluded.carried,
        repaired = excluded.repaired, repair_seconds = excluded.repair_seconds
    WHERE (u.down_seconds, u.began, u.carried, u.repaired, u.repair_seconds) IS DISTINCT FROM
        (excluded.down_seconds, excluded.began, excluded.carried, excluded.repaired, excluded.repair_seconds);
    PERFORM tenancy.mark_recorded(tenants);
END
$$;

-- Let the links of some tenants know whether an outage was ever recorded; the links' own trigger looks.
CREATE OR REPLACE FUNCTION tenancy.mark_recorded(tenants uuid[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE portal.partner_tenant_link AS l SET uptime_recorded = NOT l.uptime_recorded
    WHERE l.tenant_id = ANY (tenants)
      AND l.uptime_recorded <> EXISTS (SELECT 1 FROM tenancy.outage AS o WHERE o.tenant_id = l.tenant_id)
$$;

-- One trigger function for all: its argument is the roll_… function; `changed` holds the statement's rows.
CREATE OR REPLACE FUNCTION tenancy.roll() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT tenancy.%I(ARRAY(SELECT DISTINCT tenant_id FROM changed))', TG_ARGV[0]);
    RETURN NULL;
END
$$;

SET LOCAL ROLE @owner;
DO $$
DECLARE
    pair record;
    verb text;
BEGIN
    FOR pair IN SELECT * FROM (VALUES
        ('invoice', 'roll_billing'), ('ticket', 'roll_support'), ('subscriber', 'roll_subscribers'),
        ('posture_snapshot', 'roll_posture'), ('outage', 'roll_uptime')
    ) AS x (source, target) LOOP
        FOREACH verb IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS roll_%s ON tenancy.%I', verb, pair.source);
            EXECUTE format(
                'CREATE TRIGGER roll_%s AFTER %s ON tenancy.%I REFERENCING %s TABLE AS changed'
                ' FOR EACH STATEMENT EXECUTE FUNCTION tenancy.roll(%L)',
                verb, verb, pair.source, CASE verb WHEN 'delete' THEN 'OLD' ELSE 'NEW' END, pair.target);
        END LOOP;
    END LOOP;
END
$$;
SET LOCAL ROLE @definer;

-- Count the days once that a version without roll_uptime() left: they do not say how many outages began on them. Tell the
-- links what one without uptime_recorded did not, and count the late tickets that one without `late` left out.
CREATE OR REPLACE FUNCTION tenancy.roll_old_days() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM tenancy.uptime_daily WHERE began > 0) THEN
        PERFORM tenancy.roll_uptime(ARRAY(SELECT DISTINCT tenant_id FROM tenancy.outage));
    END IF;
    PERFORM tenancy.mark_recorded(ARRAY(SELECT DISTINCT tenant_id FROM portal.partner_tenant_link));
    UPDATE tenancy.support_rollup AS r SET late = n.late
    FROM (
        SELECT k.tenant_id, count(t.id) AS late FROM tenancy.support_rollup AS k
        LEFT JOIN tenancy.ticket AS t ON t.tenant_id = k.tenant_id AND t.status IN ('open', 'pending')
            AND t.sla_breached_at IS NOT NULL
        GROUP BY k.tenant_id
    ) AS n
    WHERE n.tenant_id = r.tenant_id AND n.late <> r.late;
END
$$;

-- Tickets count from 1 in each tenant. A number that comes with the row (import, feed) is kept.
CREATE OR REPLACE FUNCTION tenancy.number_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.number IS NULL THEN
        INSERT INTO tenancy.support_rollup AS r (tenant_id, last_number) VALUES (NEW.tenant_id, 1)
        ON CONFLICT (tenant_id) DO UPDATE SET last_number = r.last_number + 1
        RETURNING last_number INTO NEW.number;
    END IF;
    RETURN NEW;
END
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS number_ticket ON tenancy.ticket;
CREATE TRIGGER number_ticket BEFORE INSERT ON tenancy.ticket FOR EACH ROW EXECUTE FUNCTION tenancy.number_ticket();
SET LOCAL ROLE @definer;
