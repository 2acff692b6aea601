-- Sums of many tenants by partner, and by day where their rows have one; of downtime the rows themselves, side by side.
-- Triggers add what a statement brought and take off what it replaced, in its own transaction. Whose rows are in a sum is
-- kept in portal.summed_tenant, apart from the links: a link may begin, end or run out at any moment, and what a partner
-- reads is right all the same, since sums count only where the person at work reaches every tenant in them.
-- portal.keep_sums() follows the links, and waits for writers and they for it. Whoever else changes whose rows are in a sum
-- says so in portal.roster_change (boundary/roster.sql).

-- Whether the person or client at work reaches every tenant whose rows are in the sums of a report.
CREATE OR REPLACE FUNCTION portal.reaches_sums(named text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal.at_work() AS person
        JOIN portal.partner ON partner.id = person.partner_id AND partner.status <> 'terminated'
        WHERE person.tenant_scope = 'all' AND (person.client_id IS NULL OR (person.client_scope = 'all'
              AND CASE named WHEN 'posture' THEN 'posture' WHEN 'revenue' THEN 'billing' ELSE 'reports' END
                  = ANY (person.client_areas))))
      AND CASE WHEN EXISTS (SELECT 1 FROM portal.roster_now() WHERE named = ANY (sums)) THEN true ELSE NOT EXISTS (
        SELECT 1 FROM portal.summed_tenant AS s
        LEFT JOIN portal.partner_tenant_link AS link
            ON link.partner_id = portal.app_id('partner_id') AND link.tenant_id = s.tenant_id
            AND link.status = 'active' AND portal.is_live(link.status, link.starts_at, link.ends_at)
            AND CASE named WHEN 'usage' THEN link.shows_usage WHEN 'uptime' THEN link.shows_uptime
                WHEN 'posture' THEN link.shows_posture
                ELSE link.shows_revenue END
        WHERE s.report = named AND s.partner_id = portal.app_id('partner_id') AND link.id IS NULL) END
$$;

-- Those tenants, if each of them is reached; else none.
CREATE OR REPLACE FUNCTION portal.summed(named text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 10000
AS $$
    SELECT tenant_id FROM portal.summed_tenant
    WHERE report = named AND partner_id = portal.app_id('partner_id') AND (SELECT portal.reaches_sums(named))
$$;

-- The statement that adds `rows` to the sums: a query for rows of the table `source`, each with a sign and with the partner
-- whose sums have its tenant (`holder`). Its text, since only the trigger itself sees the rows that a statement brought.
CREATE OR REPLACE FUNCTION portal.adding(source text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(CASE source WHEN 'tenancy.usage_daily' THEN
        'INSERT INTO portal.usage_sum AS s (partner_id, metric, day, quantity, tenants)'
        ' SELECT holder, metric, day, sum(sign * quantity), sum(sign) FROM (%s) AS r'
        ' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 ON CONFLICT (partner_id, day, metric)'
        ' DO UPDATE SET quantity = s.quantity + excluded.quantity, tenants = s.tenants + excluded.tenants'
    WHEN 'tenancy.invoice' THEN
        'INSERT INTO portal.revenue_sum AS s (partner_id, currency, day, due_on, listed, invoices, invoiced, settled,'
        ' owed, outstanding)'
        ' SELECT holder, currency, issued_on, due_on, sum(sign),'
        ' coalesce(sum(sign) FILTER (WHERE status <> ''cancelled''), 0),'
        ' coalesce(sum(sign * amount) FILTER (WHERE status <> ''cancelled''), 0),'
        ' coalesce(sum(sign) FILTER (WHERE status = ''paid''), 0),'
        ' coalesce(sum(sign) FILTER (WHERE status IN (''finalized'', ''overdue'')), 0),'
        ' coalesce(sum(sign * (amount - amount_paid)) FILTER (WHERE status IN (''finalized'', ''overdue'')), 0)'
        ' FROM (%s) AS r WHERE status <> ''draft'''
        ' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 ON CONFLICT (partner_id, day, currency, due_on)'
        ' DO UPDATE SET listed = s.listed + excluded.listed, invoices = s.invoices + excluded.invoices,'
        ' invoiced = s.invoiced + excluded.invoiced, settled = s.settled + excluded.settled,'
        ' owed = s.owed + excluded.owed, outstanding = s.outstanding + excluded.outstanding'
    WHEN 'tenancy.payment' THEN
        'INSERT INTO portal.revenue_sum AS s (partner_id, currency, day, due_on, paid, payments)'
        ' SELECT holder, currency, paid_on, paid_on, sum(sign * amount), sum(sign) FROM (%s) AS r'
        ' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 ON CONFLICT (partner_id, day, currency, due_on)'
        ' DO UPDATE SET paid = s.paid + excluded.paid, payments = s.payments + excluded.payments'
    WHEN 'portal.subscription' THEN -- what a tenant buys from one partner is nothing to another
        'INSERT INTO portal.subscription_sum AS s (partner_id, status, plan, currency, trial_ends_on, number, mrr)'
        ' SELECT holder, status, plan, currency, CASE status WHEN ''trial'' THEN trial_ends_on END, sum(sign),'
        ' sum(sign * mrr) FROM (%s) AS r WHERE partner_id = holder AND status <> ''cancelled'''
        ' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 ON CONFLICT (partner_id, status, plan, currency, trial_ends_on)'
        ' DO UPDATE SET number = s.number + excluded.number, mrr = s.mrr + excluded.mrr'
    WHEN 'tenancy.posture_rollup' THEN
        'INSERT INTO portal.posture_sum AS s (partner_id, measured, score, critical, high, medium, low)'
        ' SELECT holder, sum(sign), sum(sign * score), sum(sign * critical), sum(sign * high), sum(sign * medium),'
        ' sum(sign * low) FROM (%s) AS r WHERE score IS NOT NULL GROUP BY 1 ORDER BY 1 ON CONFLICT (partner_id)'
        ' DO UPDATE SET measured = s.measured + excluded.measured, score = s.score + excluded.score,'
        ' critical = s.critical + excluded.critical, high = s.high + excluded.high,'
        ' medium = s.medium + excluded.medium, low = s.low + excluded.low'
    WHEN 'tenancy.uptime_daily' THEN -- no sums: each tenant's own days, all of a partner's together
        'WITH r AS MATERIALIZED (%s), gone AS (DELETE FROM portal.partner_downtime AS d USING r WHERE r.sign < 0'
        ' AND (d.partner_id, d.day, d.tenant_id) = (r.holder, r.day, r.tenant_id) AND NOT EXISTS (SELECT 1 FROM r AS n'
        ' WHERE n.sign > 0 AND (n.holder, n.day, n.tenant_id) = (r.holder, r.day, r.tenant_id)))'
        ' INSERT INTO portal.partner_downtime AS d (partner_id, day, tenant_id, down_seconds, began, carried, repaired,'
        ' repair_seconds) SELECT holder, day, tenant_id, down_seconds, began, carried, repaired, repair_seconds'
        ' FROM r WHERE sign > 0 ORDER BY 1, 2, 3 ON CONFLICT (partner_id, day, tenant_id) DO UPDATE SET'
        ' down_seconds = excluded.down_seconds, began = excluded.began, carried = excluded.carried,'
        ' repaired = excluded.repaired, repair_seconds = excluded.repair_seconds'
    END, rows)
$$;

-- `came` and `gone` are the statement's rows as they are and as they were; the argument is the report.
CREATE OR REPLACE FUNCTION portal.sum_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    joined text := format(
        ' JOIN portal.summed_tenant AS m ON m.tenant_id = c.tenant_id AND m.report = %L', TG_ARGV[0]);
    came text := 'SELECT m.partner_id AS holder, 1 AS sign, c.* FROM came AS c' || joined;
    gone text := 'SELECT m.partner_id AS holder, -1 AS sign, c.* FROM gone AS c' || joined;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7238114908); -- no row is counted twice, or not at all, by portal.keep_sums()
    EXECUTE portal.adding(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, CASE TG_OP
        WHEN 'INSERT' THEN came WHEN 'DELETE' THEN gone ELSE came || ' UNION ALL ' || gone END);
    RETURN NULL;
END
$$;

-- Bring in the tenants whose live links open a report, of partners with at least `many` of them, and take out the
-- others; how many came or went. What reads the rows themselves is quick for partners with fewer. Then count rosters anew.
CREATE OR REPLACE FUNCTION portal.keep_sums(many integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved integer := 0;
    part record;
    source text;
BEGIN
    PERFORM pg_advisory_xact_lock(7238114908);
    FOR part IN
        WITH opened AS (
            SELECT r.report, l.partner_id, l.tenant_id, count(*) OVER (PARTITION BY r.report, l.partner_id) AS among
            FROM portal.partner_tenant_link AS l
            CROSS JOIN LATERAL (VALUES
                ('usage', l.shows_usage), ('revenue', l.shows_revenue), ('posture', l.shows_posture),
                ('uptime', l.shows_uptime)) AS r (report, opens)
            WHERE l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at) AND r.opens
        ), gone AS (
            DELETE FROM portal.summed_tenant AS s WHERE NOT EXISTS (
                SELECT 1 FROM opened AS o WHERE (o.report, o.partner_id, o.tenant_id)
                    = (s.report, s.partner_id, s.tenant_id) AND o.among >= many)
            RETURNING report, partner_id, tenant_id, -1 AS sign
        ), came AS (
            INSERT INTO portal.summed_tenant (report, partner_id, tenant_id)
            SELECT report, partner_id, tenant_id FROM opened WHERE among >= many ON CONFLICT DO NOTHING
            RETURNING report, partner_id, tenant_id, 1 AS sign
        )
        SELECT m.report, array_agg(m.partner_id) AS partners, array_agg(m.tenant_id) AS tenants,
               array_agg(m.sign) AS signs, count(*)::integer AS number
        FROM (SELECT * FROM gone UNION ALL SELECT * FROM came) AS m GROUP BY 1
    LOOP
        FOREACH source IN ARRAY CASE part.report WHEN 'usage' THEN ARRAY['tenancy.usage_daily']
            WHEN 'posture' THEN ARRAY['tenancy.posture_rollup'] WHEN 'uptime' THEN ARRAY['tenancy.uptime_daily']
            ELSE ARRAY['tenancy.invoice', 'tenancy.payment', 'portal.subscription'] END
        LOOP
            EXECUTE portal.adding(source, format(
                'SELECT m.holder, m.sign, c.* FROM unnest($1, $2, $3) AS m (holder, tenant_id, sign)'
                ' JOIN %s AS c ON c.tenant_id = m.tenant_id', source)) USING part.partners, part.tenants, part.signs;
        END LOOP;
        moved := moved + part.number;
        INSERT INTO portal.roster_change SELECT DISTINCT unnest(part.partners);
    END LOOP;
    PERFORM portal.count_rosters();
    RETURN moved;
END
$$;

SET LOCAL ROLE @owner;
DO $$
DECLARE
    pair record;
    verb text;
BEGIN
    FOR pair IN SELECT * FROM (VALUES ('tenancy.usage_daily', 'usage'), ('tenancy.invoice', 'revenue'),
        ('tenancy.payment', 'revenue'), ('portal.subscription', 'revenue'), ('tenancy.posture_rollup', 'posture'),
        ('tenancy.uptime_daily', 'uptime'))
        AS x (source, report) LOOP
        FOREACH verb IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS sum_%s ON %s', verb, pair.source);
            EXECUTE format(
                'CREATE TRIGGER sum_%s AFTER %s ON %s REFERENCING %s'
                ' FOR EACH STATEMENT EXECUTE FUNCTION portal.sum_up(%L)',
                verb, verb, pair.source, CASE verb WHEN 'insert' THEN 'NEW TABLE AS came'
                WHEN 'delete' THEN 'OLD TABLE AS gone' ELSE 'NEW TABLE AS came OLD TABLE AS gone' END, pair.report);
        END LOOP;
    END LOOP;
END
$$;
SET LOCAL ROLE @definer;
