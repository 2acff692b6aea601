-- Sums of many tenants by partner, and by day where their rows have one; of downtime also the rows themselves, side by side.
-- Triggers add what a statement brought and take off what it replaced, in its own transaction. Whose rows are in a sum is
-- kept in portal.summed_tenant, apart from the links: a link may begin, end or run out at any moment, and what a partner
-- reads is right all the same, since sums count only where the person at work reaches every tenant in them.
-- portal.keep_sums() follows the links; where a tenant comes or goes it waits for writers, and they for it. Whoever else
-- changes whose rows are in a sum says so in portal.roster_change (boundary/roster.sql). What many tenants share is one row
-- here: imports, which bring all of it, come one after the other, so that none waits for another in a circle.

-- Whether the person or client at work reaches every tenant whose rows are in the sums of a report.
CREATE OR REPLACE FUNCTION portal.reaches_sums(named text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal.at_work() AS person
        JOIN portal.partner ON partner.id = person.partner_id AND partner.status <> 'terminated'
        WHERE person.tenant_scope = 'all' AND (person.client_id IS NULL OR (person.client_scope = 'all'
              AND CASE named WHEN 'posture' THEN 'posture' WHEN 'revenue' THEN 'billing' WHEN 'tickets' THEN 'support'
              ELSE 'reports' END
                  = ANY (person.client_areas))))
      AND CASE WHEN EXISTS (SELECT 1 FROM portal.roster_now() WHERE named = ANY (sums)) THEN true ELSE NOT EXISTS (
        SELECT 1 FROM portal.summed_tenant AS s
        LEFT JOIN portal.partner_tenant_link AS link
            ON link.partner_id = portal.app_id('partner_id') AND link.tenant_id = s.tenant_id
            AND link.status = 'active' AND portal.is_live(link.status, link.starts_at, link.ends_at)
            AND CASE named WHEN 'usage' THEN link.shows_usage WHEN 'uptime' THEN link.shows_uptime
                WHEN 'posture' THEN link.shows_posture WHEN 'tickets' THEN link.shows_tickets
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
        ' owed, outstanding, received)'
        ' SELECT holder, currency, issued_on, due_on, sum(sign),'
        ' coalesce(sum(sign) FILTER (WHERE status <> ''cancelled''), 0),'
        ' coalesce(sum(sign * amount) FILTER (WHERE status <> ''cancelled''), 0),'
        ' coalesce(sum(sign) FILTER (WHERE status = ''paid''), 0),'
        ' coalesce(sum(sign) FILTER (WHERE status IN (''finalized'', ''overdue'')), 0),'
        ' coalesce(sum(sign * (amount - amount_paid)) FILTER (WHERE status IN (''finalized'', ''overdue'')), 0),'
        ' coalesce(sum(sign * amount_paid) FILTER (WHERE status <> ''cancelled''), 0)'
        ' FROM (%s) AS r WHERE status <> ''draft'''
        ' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 ON CONFLICT (partner_id, day, currency, due_on)'
        ' DO UPDATE SET listed = s.listed + excluded.listed, invoices = s.invoices + excluded.invoices,'
        ' invoiced = s.invoiced + excluded.invoiced, settled = s.settled + excluded.settled,'
        ' owed = s.owed + excluded.owed, outstanding = s.outstanding + excluded.outstanding,'
        ' received = s.received + excluded.received'
    WHEN 'tenancy.payment' THEN
        'INSERT INTO portal.revenue_sum AS s (partner_id, currency, day, due_on, paid, payments, received)'
        ' SELECT holder, currency, paid_on, paid_on, sum(sign * amount), sum(sign), 0 FROM (%s) AS r'
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
    WHEN 'tenancy.support_rollup' THEN -- added and never changed: portal.fold_tickets() makes one row of many
        'INSERT INTO portal.ticket_sum (partner_id, open, pending, resolved, closed, urgent, high, normal, low, breached, late,'
        ' done, done_seconds) SELECT holder, sum(sign * open), sum(sign * pending), sum(sign * resolved), sum(sign * closed),'
        ' sum(sign * urgent), sum(sign * high), sum(sign * normal), sum(sign * low), sum(sign * breached), sum(sign * late),'
        ' sum(sign * done), sum(sign * done_seconds) FROM (%s) AS r GROUP BY 1'
    WHEN 'tenancy.billing_rollup' THEN -- what changes `overdue` does so for all currencies of a tenant (tenancy.roll_billing)
        'INSERT INTO portal.balance_sum AS s (partner_id, currency, outstanding, overdue, late_payers)'
        ' SELECT * FROM (SELECT holder, currency, sum(sign * outstanding) AS outstanding, sum(sign * overdue) AS overdue,'
        ' coalesce(sum(sign) FILTER (WHERE overdue <> 0 AND place = 1), 0) AS late_payers FROM (SELECT *, row_number() OVER'
        ' (PARTITION BY holder, tenant_id, sign ORDER BY overdue = 0, currency) AS place FROM (%s) AS r) AS r GROUP BY 1, 2'
        ') AS r WHERE (outstanding, overdue, late_payers) <> (0, 0, 0) ORDER BY 1, 2 ON CONFLICT (partner_id, currency)'
        ' DO UPDATE SET outstanding = s.outstanding + excluded.outstanding, overdue = s.overdue + excluded.overdue,'
        ' late_payers = s.late_payers + excluded.late_payers'
    WHEN 'tenancy.uptime_daily' THEN -- each tenant's own days, all of a partner's together, and what they come to by day
        'WITH r AS MATERIALIZED (%s), summed AS (INSERT INTO portal.downtime_sum AS s (partner_id, day, tenants, down_seconds,'
        ' began, carried, repaired, repair_seconds) SELECT holder, day, sum(sign), sum(sign * down_seconds::numeric),'
        ' sum(sign * began), sum(sign * carried::integer), sum(sign * repaired), sum(sign * repair_seconds::numeric)'
        ' FROM r GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (partner_id, day) DO UPDATE SET tenants = s.tenants + excluded.tenants,'
        ' down_seconds = s.down_seconds + excluded.down_seconds, began = s.began + excluded.began,'
        ' carried = s.carried + excluded.carried, repaired = s.repaired + excluded.repaired,'
        ' repair_seconds = s.repair_seconds + excluded.repair_seconds'
        '), gone AS (DELETE FROM portal.partner_downtime AS d USING r WHERE r.sign < 0'
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

-- The same for tickets, of which the rollups of their tenants tell: row by row, since most changes of a rollup change nothing
-- that is summed up, and a condition says so before anything is called. Many people write tickets of one partner at once,
-- so what changed is added as a row of its own, and nobody waits for another; who reads adds the rows up.
CREATE OR REPLACE FUNCTION portal.sum_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7238114910); -- a lock of their own: people wait for no feed of usage or invoices
    INSERT INTO portal.ticket_sum (partner_id, open, pending, resolved, closed, urgent, high, normal, low, breached, late,
        done, done_seconds)
    SELECT partner_id,
        coalesce(NEW.open, 0) - coalesce(OLD.open, 0), coalesce(NEW.pending, 0) - coalesce(OLD.pending, 0),
        coalesce(NEW.resolved, 0) - coalesce(OLD.resolved, 0), coalesce(NEW.closed, 0) - coalesce(OLD.closed, 0),
        coalesce(NEW.urgent, 0) - coalesce(OLD.urgent, 0), coalesce(NEW.high, 0) - coalesce(OLD.high, 0),
        coalesce(NEW.normal, 0) - coalesce(OLD.normal, 0), coalesce(NEW.low, 0) - coalesce(OLD.low, 0),
        coalesce(NEW.breached, 0) - coalesce(OLD.breached, 0), coalesce(NEW.late, 0) - coalesce(OLD.late, 0),
        coalesce(NEW.done, 0) - coalesce(OLD.done, 0), coalesce(NEW.done_seconds, 0) - coalesce(OLD.done_seconds, 0)
    FROM portal.summed_tenant WHERE tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id) AND report = 'tickets';
    RETURN NULL;
END
$$;

-- One row for each partner of the many that were added.
CREATE OR REPLACE FUNCTION portal.fold_tickets() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH many AS (
        SELECT partner_id FROM portal.ticket_sum GROUP BY partner_id HAVING count(*) > 1
    ), gone AS (
        DELETE FROM portal.ticket_sum AS s USING many WHERE s.partner_id = many.partner_id RETURNING s.*
    )
    INSERT INTO portal.ticket_sum (partner_id, open, pending, resolved, closed, urgent, high, normal, low, breached, late,
        done, done_seconds)
    SELECT partner_id, sum(open), sum(pending), sum(resolved), sum(closed), sum(urgent), sum(high), sum(normal), sum(low),
        sum(breached), sum(late), sum(done), sum(done_seconds)
    FROM gone GROUP BY partner_id
$$;

-- Whose rows ought to be in sums: of the tenants whose live links open a report, where a partner has `many` of them.
CREATE OR REPLACE FUNCTION portal.to_sum(many integer) RETURNS TABLE (report text, partner_id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 50000
AS $$
    SELECT o.report, o.partner_id, o.tenant_id FROM (
        SELECT r.report, l.partner_id, l.tenant_id, count(*) OVER (PARTITION BY r.report, l.partner_id) AS among
        FROM portal.partner_tenant_link AS l
        CROSS JOIN LATERAL (VALUES
            ('usage', l.shows_usage), ('revenue', l.shows_revenue), ('posture', l.shows_posture),
            ('uptime', l.shows_uptime), ('tickets', l.shows_tickets)) AS r (report, opens)
        WHERE l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at) AND r.opens
    ) AS o WHERE o.among >= many
$$;

-- Bring in the tenants whose live links open a report, of partners with at least `many` of them, and take out the
-- others; how many came or went. What reads the rows themselves is quick for partners with fewer. Then count rosters anew.
-- Where nobody comes or goes, as in most minutes, no writer waits. Tickets come last, so that who writes them waits least.
CREATE OR REPLACE FUNCTION portal.keep_sums(many integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved integer := 0;
    moving boolean[];
    of_tickets boolean;
    part record;
    source text;
BEGIN
    PERFORM pg_advisory_xact_lock(7238114909); -- one after the other
    SELECT array_agg(DISTINCT report = 'tickets') INTO moving FROM portal.to_sum(many) AS o
    FULL JOIN portal.summed_tenant AS s USING (report, partner_id, tenant_id) WHERE o IS NULL OR s IS NULL;
    FOREACH of_tickets IN ARRAY coalesce(moving, '{}') LOOP
        PERFORM pg_advisory_xact_lock(CASE WHEN of_tickets THEN 7238114910 ELSE 7238114908 END);
        FOR part IN
            WITH opened AS MATERIALIZED (
                SELECT * FROM portal.to_sum(many) AS o WHERE (o.report = 'tickets') = of_tickets
            ), gone AS (
                DELETE FROM portal.summed_tenant AS s WHERE (s.report = 'tickets') = of_tickets AND NOT EXISTS (
                    SELECT 1 FROM opened AS o WHERE (o.report, o.partner_id, o.tenant_id)
                        = (s.report, s.partner_id, s.tenant_id))
                RETURNING report, partner_id, tenant_id, -1 AS sign
            ), came AS (
                INSERT INTO portal.summed_tenant (report, partner_id, tenant_id, since)
                SELECT report, partner_id, tenant_id, now() FROM opened ON CONFLICT DO NOTHING
                RETURNING report, partner_id, tenant_id, 1 AS sign
            )
            SELECT m.report, array_agg(m.partner_id) AS partners, array_agg(m.tenant_id) AS tenants,
                   array_agg(m.sign) AS signs, count(*)::integer AS number
            FROM (SELECT * FROM gone UNION ALL SELECT * FROM came) AS m GROUP BY 1
        LOOP
            FOREACH source IN ARRAY CASE part.report WHEN 'usage' THEN ARRAY['tenancy.usage_daily']
                WHEN 'posture' THEN ARRAY['tenancy.posture_rollup'] WHEN 'uptime' THEN ARRAY['tenancy.uptime_daily']
                WHEN 'tickets' THEN ARRAY['tenancy.support_rollup']
                ELSE ARRAY['tenancy.invoice', 'tenancy.payment', 'tenancy.billing_rollup', 'portal.subscription'] END
            LOOP
                EXECUTE portal.adding(source, format(
                    'SELECT m.holder, m.sign, c.* FROM unnest($1, $2, $3) AS m (holder, tenant_id, sign)'
                    ' JOIN %s AS c ON c.tenant_id = m.tenant_id', source)) USING part.partners, part.tenants, part.signs;
            END LOOP;
            moved := moved + part.number;
            INSERT INTO portal.roster_change SELECT DISTINCT unnest(part.partners);
        END LOOP;
    END LOOP;
    PERFORM portal.fold_tickets();
    PERFORM portal.count_rosters();
    RETURN moved;
END
$$;

SET LOCAL ROLE @owner;
DO $$
DECLARE
    pair record;
    verb text;
    figures text := '(r.open, r.pending, r.resolved, r.closed, r.urgent, r.high, r.normal, r.low, r.breached, r.late, r.done,'
        ' r.done_seconds)';
BEGIN
    FOR pair IN SELECT * FROM (VALUES ('tenancy.usage_daily', 'usage'), ('tenancy.invoice', 'revenue'),
        ('tenancy.payment', 'revenue'), ('tenancy.billing_rollup', 'revenue'), ('portal.subscription', 'revenue'),
        ('tenancy.posture_rollup', 'posture'), ('tenancy.uptime_daily', 'uptime'))
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
    FOREACH verb IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS sum_%s ON tenancy.support_rollup', verb);
        EXECUTE format('CREATE TRIGGER sum_%1$s AFTER %1$s ON tenancy.support_rollup FOR EACH ROW WHEN (%2$s'
            ' IS DISTINCT FROM %3$s) EXECUTE FUNCTION portal.sum_tickets()', verb,
            replace(figures, 'r.', CASE verb WHEN 'delete' THEN 'OLD.' ELSE 'NEW.' END),
            CASE verb WHEN 'update' THEN replace(figures, 'r.', 'OLD.') ELSE '(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)' END);
    END LOOP;
END
$$;
SET LOCAL ROLE @definer;
