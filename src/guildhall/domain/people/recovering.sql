-- Whether the link that recovers a partner's person may be issued by staff: for the last principal only in the very
-- transaction in which a second member of staff confirms what another asked for. Definer: a policy asks it.
CREATE OR REPLACE FUNCTION portal.may_recover(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT portal.is_last_principal(person) OR EXISTS (
        SELECT 1 FROM portal.partner_recovery AS r
        WHERE r.user_id = person AND r.confirmed_at = now() AND r.confirmed_by_id = portal.app_id('user_id'))
$$;

-- Whether somebody is the only active principal of the partner who has ever come in.
CREATE OR REPLACE FUNCTION portal.is_last_principal(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal.partner_user AS u
        WHERE u.id = person AND u.status = 'active' AND 'principal' = ANY (u.roles) AND NOT EXISTS (
            SELECT 1 FROM portal.partner_user AS o
            WHERE o.partner_id = u.partner_id AND o.id <> u.id AND o.status = 'active'
              AND 'principal' = ANY (o.roles) AND o.last_active_at IS NOT NULL))
$$;

-- Whether the approver at work may start somebody's recovery: a colleague's who came and belongs to no other customer.
-- Whoever reads the mail of one customer would otherwise come into the other. Definer: the approver sees the own
-- customer's memberships only, and learns no more than that it is for staff to do.
CREATE OR REPLACE FUNCTION tenancy.may_recover(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM tenancy.customer_membership AS m
        WHERE m.user_id = person AND m.status = 'active' AND m.accepted_at IS NOT NULL
          AND m.tenant_id IN (SELECT tenancy.approved_tenant())
    ) AND NOT EXISTS (
        SELECT 1 FROM tenancy.customer_membership AS o
        WHERE o.user_id = person AND o.status = 'active' AND o.tenant_id <> portal.app_id('tenant_id'))
$$;
