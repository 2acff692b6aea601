-- The tenants that the customer's person at work belongs to. Definer: the person sees the row of one tenant at a
-- time, the one signed in to, and needs the names of the others to switch.
CREATE OR REPLACE FUNCTION tenancy.own_memberships() RETURNS TABLE (tenant_id uuid, tenant_name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.id, t.name, m.role
    FROM tenancy.customer_membership AS m
    JOIN tenancy.customer_user AS u ON u.id = m.user_id AND u.status = 'active'
    JOIN tenancy.tenant AS t ON t.id = m.tenant_id
    WHERE m.user_id = portal.app_id('user_id') AND m.status = 'active'
    ORDER BY lower(t.name), t.id
$$;

-- The tenant of the customer's person at work, if the person is an approver there. No row otherwise. Definer: a
-- policy of the memberships cannot read the memberships itself.
CREATE OR REPLACE FUNCTION tenancy.approved_tenant() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
AS $$
    SELECT m.tenant_id
    FROM tenancy.customer_membership AS m
    JOIN tenancy.customer_user AS u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.user_id = portal.app_id('user_id')
      AND m.tenant_id = portal.app_id('tenant_id')
      AND m.status = 'active' AND m.role = 'approver'
$$;

-- The partner of the person at work, if the person is an active principal there who sees every customer: one who is
-- limited would lift the own limit. No row otherwise. Definer: a policy of the partner's people cannot read the people
-- themselves.
CREATE OR REPLACE FUNCTION portal.led_partner() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
AS $$
    SELECT u.partner_id
    FROM portal.partner_user AS u
    JOIN portal.partner AS p ON p.id = u.partner_id AND p.status = 'active'
    WHERE u.id = portal.app_id('user_id')
      AND u.partner_id = portal.app_id('partner_id')
      AND u.status = 'active' AND 'principal' = ANY (u.roles) AND u.tenant_scope = 'all'
$$;
