-- The kinds of the alerts that wait for the person at work, active and not snoozed, a hundred at most: what the bell of
-- every page counts. Nothing for a client, which has no bell. It asks of each alert what the policy of portal.alert asks
-- (alert_policies.py), link by link; the policy would look for all tenants of the partner first, however few are counted.
-- `kinds` are those that the person may read; the link must also hold the permission beside each in `needs`, '' for none.
CREATE OR REPLACE FUNCTION portal.waiting_alerts(kinds text[], needs text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
AS $$
    SELECT alert.kind
    FROM portal.at_work() AS person
    JOIN portal.partner ON partner.id = person.partner_id AND partner.status <> 'terminated' AND person.client_id IS NULL
    JOIN portal.alert ON alert.partner_id = person.partner_id AND alert.status = 'active'
        AND alert.settled_at = timestamptz '9999-01-01 00:00:00+00:00'  -- open ones stand together in ix_alert_rank
        AND alert.kind || '' = ANY (kinds)  -- and not all of a kind, whoever's: they are walked until there are enough
        AND NOT coalesce(alert.snoozed_until > now(), false)
    WHERE (person.tenant_scope = 'all' OR portal.within_limits(person.person_id, person.tenant_scope, alert.tenant_id))
      AND (alert.kind = 'link.expiring' OR EXISTS (
        SELECT 1 FROM portal.partner_tenant_link AS link
        CROSS JOIN LATERAL (SELECT CASE alert.kind WHEN 'sla.ticket' THEN ARRAY['support', 'reports']
            WHEN 'billing.threshold' THEN ARRAY['billing'] ELSE ARRAY['reports'] END AS areas) AS opening
        WHERE link.partner_id = alert.partner_id AND link.tenant_id = alert.tenant_id
          AND link.status = 'active' AND portal.is_live(link.status, link.starts_at, link.ends_at)
          AND link.areas @> opening.areas
          AND (needs[array_position(kinds, alert.kind)] = '' OR needs[array_position(kinds, alert.kind)] = ANY (link.permissions))))
    LIMIT 100
$$;
