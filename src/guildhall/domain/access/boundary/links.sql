-- Links: the state machine as a trigger, and the request that must not tell whether a tenant exists.

-- Which side of a link the role at work stands on.
CREATE OR REPLACE FUNCTION portal.side() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE current_setting('role')
        WHEN '@partner' THEN 'partner' WHEN '@customer' THEN 'tenant' WHEN '@staff' THEN 'staff'
        WHEN '@worker' THEN 'system' ELSE 'owner' END
$$;

CREATE OR REPLACE FUNCTION portal.link_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    side text := portal.side();
    model_depth CONSTANT jsonb := '{"customer_managed": 0, "co_managed": 1, "fully_managed": 2}';
    wider boolean;
BEGIN
    IF side = 'owner' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF side = 'partner' AND NEW.status <> 'requested' OR side IN ('tenant', 'system') THEN
            RAISE EXCEPTION 'a % may not create a link in state %', side, NEW.status USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id OR NEW.partner_id <> OLD.partner_id OR NEW.tenant_id IS DISTINCT FROM OLD.tenant_id THEN
        RAISE EXCEPTION 'a link keeps its partner and tenant' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status, side) NOT IN (%STEPS%) THEN
        RAISE EXCEPTION 'a % may not bring a link from % to %', side, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.status = 'paused' AND NEW.status = 'active' AND OLD.paused_by <> side THEN
        RAISE EXCEPTION 'only the side that paused a link resumes it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'paused' AND OLD.status <> 'paused' AND NEW.paused_by IS DISTINCT FROM side THEN
        RAISE EXCEPTION 'a pause names the side that set it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'expired' AND OLD.status <> 'expired' AND (OLD.ends_at IS NULL OR OLD.ends_at > now()) THEN
        RAISE EXCEPTION 'a link expires at its end' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status IN ('active', 'scheduled') AND OLD.status IN ('active', 'paused', 'scheduled')
       AND OLD.ends_at IS NOT NULL AND OLD.ends_at <= now() AND side <> 'tenant' THEN
        RAISE EXCEPTION 'the link has expired' USING ERRCODE = 'check_violation';
    END IF;
    wider := NOT NEW.permissions <@ OLD.permissions
        OR NOT NEW.areas <@ OLD.areas
        OR (model_depth ->> NEW.operating_model)::int > (model_depth ->> OLD.operating_model)::int
        OR coalesce(NEW.ends_at, 'infinity') > coalesce(OLD.ends_at, 'infinity');
    IF wider AND side <> 'tenant' THEN
        IF side <> 'partner' OR OLD.status <> 'countered' OR NOT EXISTS (
            SELECT 1 FROM portal.link_change AS offer
            WHERE offer.link_id = OLD.id AND offer.kind = 'counter' AND offer.status = 'open'
              AND NEW.permissions <@ offer.permissions AND NEW.areas <@ offer.areas
              AND NEW.operating_model = offer.operating_model
              AND coalesce(NEW.ends_at, 'infinity') <= coalesce(offer.ends_at, 'infinity')
        ) THEN
            RAISE EXCEPTION 'only the tenant widens a link' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF OLD.status = 'countered' AND NEW.status IN ('active', 'scheduled') AND NOT EXISTS (
        SELECT 1 FROM portal.link_change AS offer
        WHERE offer.link_id = OLD.id AND offer.kind = 'counter' AND offer.status = 'open'
          AND NEW.permissions <@ offer.permissions AND NEW.areas <@ offer.areas
          AND (model_depth ->> NEW.operating_model)::int <= (model_depth ->> offer.operating_model)::int
          AND coalesce(NEW.ends_at, 'infinity') <= coalesce(offer.ends_at, 'infinity')
    ) THEN
        RAISE EXCEPTION 'a counter-offer is accepted as it was made' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- A partner has no more standing links than staff allowed it; of two at once for the last place one gets it.
CREATE OR REPLACE FUNCTION portal.customer_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most integer;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status IN ('scheduled', 'active', 'paused') THEN
        RETURN NEW;
    END IF;
    SELECT p.customer_limit INTO most FROM portal.partner AS p WHERE p.id = NEW.partner_id;
    IF most IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('customers ' || NEW.partner_id, 0));
    IF (SELECT count(*) FROM portal.partner_tenant_link AS l
        WHERE l.partner_id = NEW.partner_id AND l.status IN ('scheduled', 'active', 'paused')) >= most THEN
        RAISE EXCEPTION 'as many customers as staff allowed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- A partner's reports observe a tenant from the later of two beginnings, that of the link and the tenant's own.
CREATE OR REPLACE FUNCTION portal.link_observed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN -- whoever records a first outage at this moment comes before it, or after and sees it
        PERFORM 1 FROM tenancy.tenant WHERE id = NEW.tenant_id FOR SHARE;
    END IF;
    NEW.observed_from := greatest(NEW.starts_at, (SELECT created_at FROM tenancy.tenant WHERE id = NEW.tenant_id));
    NEW.uptime_recorded := EXISTS (SELECT 1 FROM tenancy.outage WHERE tenant_id = NEW.tenant_id);
    RETURN NEW;
END
$$;

-- The name that a standing link shows is the tenant's own. One that has ended keeps the last that the partner knew.
CREATE OR REPLACE FUNCTION tenancy.tenant_renamed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE portal.partner_tenant_link SET tenant_name = NEW.name
    WHERE tenant_id = NEW.id AND status IN ('scheduled', 'active', 'paused');
    RETURN NULL;
END
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS link_guard ON portal.partner_tenant_link;
CREATE TRIGGER link_guard BEFORE INSERT OR UPDATE ON portal.partner_tenant_link
    FOR EACH ROW EXECUTE FUNCTION portal.link_guard();
DROP TRIGGER IF EXISTS customer_limit ON portal.partner_tenant_link;
CREATE TRIGGER customer_limit BEFORE INSERT OR UPDATE OF status ON portal.partner_tenant_link
    FOR EACH ROW WHEN (NEW.status IN ('scheduled', 'active', 'paused') AND portal.side() <> 'owner')
    EXECUTE FUNCTION portal.customer_limit();
DROP TRIGGER IF EXISTS link_observed ON portal.partner_tenant_link;
CREATE TRIGGER link_observed
    BEFORE INSERT OR UPDATE OF starts_at, tenant_id, observed_from, uptime_recorded ON portal.partner_tenant_link
    FOR EACH ROW EXECUTE FUNCTION portal.link_observed();
DROP TRIGGER IF EXISTS tenant_renamed ON tenancy.tenant;
CREATE TRIGGER tenant_renamed AFTER UPDATE OF name ON tenancy.tenant
    FOR EACH ROW WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION tenancy.tenant_renamed();
SET LOCAL ROLE @definer;

-- A request for access. It returns the same whether the tenant exists or not, and leaves a row either way; the
-- partner learns the tenant's name only by a code or after approval. `permissions` and `areas` are what the
-- registry makes of role and custom permissions.
DROP FUNCTION IF EXISTS portal.request_link(uuid, text, text, bytea, jsonb);
CREATE FUNCTION portal.request_link(new_id uuid, domain text, approver text, code bytea, wish jsonb)
RETURNS TABLE (link_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    asking portal.partner;
    target tenancy.tenant;
    by_code boolean := code IS NOT NULL;
    problem text;
BEGIN
    SELECT p.* INTO asking FROM portal.partner AS p
    JOIN portal.at_work() AS w ON w.partner_id = p.id
    WHERE p.status = 'active'
    FOR KEY SHARE OF p; -- its home tenant stays what it is here until this is stored
    IF asking.id IS NULL THEN
        RAISE EXCEPTION 'nobody asks' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF by_code THEN
        SELECT t.* INTO target FROM tenancy.link_code AS c JOIN tenancy.tenant AS t ON t.id = c.tenant_id
        WHERE c.code_hash = code AND c.withdrawn_at IS NULL AND c.expires_at > now();
        IF target.id IS NULL THEN
            RETURN;
        END IF;
    ELSE
        SELECT t.* INTO target FROM tenancy.tenant AS t WHERE t.domain = lower(domain);
        IF target.id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM tenancy.customer_membership AS m
            WHERE m.tenant_id = target.id AND m.role = 'approver' AND m.status = 'active'
        ) THEN
            problem := 'no_approver';
        ELSIF target.id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM tenancy.customer_membership AS m
            JOIN tenancy.customer_user AS u ON u.id = m.user_id AND u.status = 'active'
            WHERE m.tenant_id = target.id AND m.role = 'approver' AND m.status = 'active'
              AND u.email = lower(approver)
        ) THEN
            target := NULL;
        END IF;
    END IF;
    IF target.id IS NOT DISTINCT FROM asking.home_tenant_id OR EXISTS (
        SELECT 1 FROM portal.partner_tenant_link AS x
        WHERE x.partner_id = asking.id AND x.tenant_id = target.id
          AND x.status IN ('requested', 'countered', 'scheduled', 'active', 'paused')
    ) THEN
        IF by_code THEN
            RAISE EXCEPTION 'a link to this tenant stands or is being asked for' USING ERRCODE = 'unique_violation';
        END IF;
        IF target.id IS NOT NULL THEN
            target := NULL;
        END IF;
    END IF;
    INSERT INTO portal.partner_tenant_link AS l (
        id, partner_id, partner_name, tenant_id, tenant_name, tenant_domain, partner_home_tenant_id, access_role,
        custom_permissions, permissions, areas, relationship_type, operating_model, starts_at, ends_at, status,
        reason, attention, created_by, updated_by
    ) VALUES (
        new_id, asking.id, asking.name, target.id, CASE WHEN by_code THEN target.name END,
        CASE WHEN by_code THEN target.domain ELSE lower(domain) END, asking.home_tenant_id, wish ->> 'access_role',
        wish -> 'custom_permissions',
        ARRAY(SELECT jsonb_array_elements_text(wish -> 'permissions')),
        ARRAY(SELECT jsonb_array_elements_text(wish -> 'areas')),
        wish ->> 'relationship_type', wish ->> 'operating_model',
        (wish ->> 'starts_at')::timestamptz, (wish ->> 'ends_at')::timestamptz, 'requested',
        wish ->> 'reason', problem, wish ->> 'by', wish ->> 'by'
    ) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT l.id FROM portal.partner_tenant_link AS l WHERE l.id = new_id;
END
$$;
