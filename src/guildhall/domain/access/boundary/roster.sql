-- How many tenants a partner's live links reach, and what these open: counted beforehand, so that a report of thousands of
-- tenants need not count them, nor look whether each tenant in the sums is reached. Whoever changes a link says so in
-- portal.roster_change, in the same transaction; a roster counts only while nothing is said of its partner, from the moment
-- when it was counted until the next link begins or ends by itself. Else all is looked up, link by link.
--
-- What is said of a partner is added and never changed, so nobody who changes links waits for another here. It is taken
-- away by who counts anew, in the statement that counts: what it does not see yet, it leaves for the next.

-- The roster of the partner at work, for a person or client that is limited to no customers; none while it does not hold.
CREATE OR REPLACE FUNCTION portal.roster_now() RETURNS SETOF portal.roster
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
AS $$
    SELECT roster.* FROM portal.roster
    JOIN portal.partner ON partner.id = roster.partner_id AND partner.status <> 'terminated'
    WHERE roster.partner_id = portal.app_id('partner_id') AND portal.sees_every_customer()
      AND roster.since <= now() AND now() < roster.until
      AND NOT EXISTS (SELECT 1 FROM portal.roster_change AS change WHERE change.partner_id = roster.partner_id)
$$;

-- `came` and `gone` are the links as they are and as they were; a roster tells only of those that are active.
CREATE OR REPLACE FUNCTION portal.roster_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO portal.roster_change SELECT DISTINCT partner_id FROM came WHERE status = 'active';
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO portal.roster_change SELECT DISTINCT partner_id FROM gone WHERE status = 'active';
    ELSE
        INSERT INTO portal.roster_change SELECT DISTINCT unnest(ARRAY[c.partner_id, g.partner_id])
        FROM came AS c JOIN gone AS g USING (id) WHERE 'active' IN (c.status, g.status)
          AND (c.partner_id, c.tenant_id, c.status, c.starts_at, c.ends_at, c.operating_model, c.permissions,
               c.observed_from, c.uptime_recorded, c.uptime_target)
              IS DISTINCT FROM
              (g.partner_id, g.tenant_id, g.status, g.starts_at, g.ends_at, g.operating_model, g.permissions,
               g.observed_from, g.uptime_recorded, g.uptime_target);
    END IF;
    RETURN NULL;
END
$$;

-- Count the rosters anew of whom something is said, or time has passed. In one statement, so in one view of the database.
-- `sums` names what the partner's sums tell in whole: their tenants are just those whose live links open it. `everywhere`
-- names what each of its live links opens. From `steady_from` on there is nothing more to say of anybody's uptime than the
-- days on which they were down: all are observed since, downtime of all was recorded, and none agreed on a target of its own.
CREATE OR REPLACE FUNCTION portal.count_rosters() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH said AS (
        DELETE FROM portal.roster_change RETURNING partner_id
    ), again AS (
        SELECT partner_id FROM said UNION SELECT partner_id FROM portal.roster WHERE until <= now()
    ), link AS (
        SELECT l.*, portal.is_live(l.status, l.starts_at, l.ends_at) AS live
        FROM again JOIN portal.partner_tenant_link AS l USING (partner_id) WHERE l.status = 'active'
    ), held AS (
        SELECT l.partner_id, t.told FROM link AS l
        CROSS JOIN LATERAL (VALUES ('usage', 'usage', l.shows_usage), ('revenue', 'revenue', l.shows_revenue),
            ('summary', 'revenue', l.shows_summary), ('billing', 'revenue', l.shows_billing),
            ('invoices', 'revenue', l.shows_invoices),
            ('customers', 'revenue', true), ('posture', 'posture', l.shows_posture), ('uptime', 'uptime', l.shows_uptime),
            ('tickets', 'tickets', l.shows_tickets)) AS t (told, report, opens)
        LEFT JOIN portal.summed_tenant AS s
            ON (s.report, s.partner_id, s.tenant_id) = (t.report, l.partner_id, l.tenant_id)
        WHERE l.live AND t.opens
        GROUP BY l.partner_id, t.told, t.report
        HAVING count(s.tenant_id) = count(*) AND count(*) = (
            SELECT count(*) FROM portal.summed_tenant AS m WHERE (m.report, m.partner_id) = (t.report, l.partner_id))
    )
    INSERT INTO portal.roster AS r (partner_id, since, until, sums, tenants, customer_managed, co_managed, fully_managed,
        posture, summary, usage, uptime, revenue, everywhere, steady_from)
    SELECT a.partner_id, now(),
        coalesce(min(CASE WHEN l.live THEN l.ends_at WHEN l.starts_at > now() THEN l.starts_at END), 'infinity'),
        ARRAY(SELECT told FROM held WHERE held.partner_id = a.partner_id ORDER BY 1),
        count(*) FILTER (WHERE l.live),
        count(*) FILTER (WHERE l.live AND l.operating_model = 'customer_managed'),
        count(*) FILTER (WHERE l.live AND l.operating_model = 'co_managed'),
        count(*) FILTER (WHERE l.live AND l.operating_model = 'fully_managed'),
        count(*) FILTER (WHERE l.live AND l.shows_posture),
        count(*) FILTER (WHERE l.live AND l.shows_summary),
        count(*) FILTER (WHERE l.live AND l.shows_usage),
        count(*) FILTER (WHERE l.live AND l.shows_uptime),
        count(*) FILTER (WHERE l.live AND l.shows_revenue),
        array_remove(ARRAY[%EVERYWHERE%], NULL),
        CASE WHEN bool_and(l.uptime_recorded AND l.uptime_target IS NULL) FILTER (WHERE l.live AND l.shows_uptime)
            THEN max(greatest(l.starts_at, l.observed_from)) FILTER (WHERE l.live AND l.shows_uptime) END
    FROM again AS a LEFT JOIN link AS l USING (partner_id) GROUP BY a.partner_id
    ON CONFLICT (partner_id) DO UPDATE SET (since, until, sums, tenants, customer_managed, co_managed, fully_managed,
        posture, summary, usage, uptime, revenue, everywhere, steady_from) = (excluded.since, excluded.until, excluded.sums, excluded.tenants,
        excluded.customer_managed, excluded.co_managed, excluded.fully_managed, excluded.posture, excluded.summary,
        excluded.usage, excluded.uptime, excluded.revenue,
        excluded.everywhere, excluded.steady_from)
$$;

SET LOCAL ROLE @owner;
DO $$
DECLARE
    verb text;
BEGIN
    FOREACH verb IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS roster_%s ON portal.partner_tenant_link', verb);
        EXECUTE format(
            'CREATE TRIGGER roster_%s AFTER %s ON portal.partner_tenant_link REFERENCING %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION portal.roster_changed()',
            verb, verb, CASE verb WHEN 'insert' THEN 'NEW TABLE AS came'
            WHEN 'delete' THEN 'OLD TABLE AS gone' ELSE 'NEW TABLE AS came OLD TABLE AS gone' END);
    END LOOP;
END
$$;
SET LOCAL ROLE @definer;
