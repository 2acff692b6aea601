-- Who leads a team, and that one always stays who can. Definer: a policy of a table of people cannot read that table
-- itself, and the guards count people whom the role at work may not see.

-- Whether the member of staff at work is a lead.
CREATE OR REPLACE FUNCTION portal.is_lead() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal.staff_user AS u
        WHERE u.id = portal.app_id('user_id') AND u.status = 'active' AND 'lead' = ANY (u.roles)
    )
$$;

-- Columns are granted to a role and not to a person, and everybody changes the own row (language, time zone). So what
-- decides about access is kept from all but those whose act it is: never from the own row. A name is given anew with
-- an invitation only, to somebody who never came.
CREATE OR REPLACE FUNCTION portal.access_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    side text := portal.side();
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
BEGIN
    IF side IN ('owner', 'system')
       OR (before -> 'roles', before -> 'status', before -> 'tenant_scope', before -> 'name')
           IS NOT DISTINCT FROM (after -> 'roles', after -> 'status', after -> 'tenant_scope', after -> 'name')
       OR (OLD.name = NEW.name OR OLD.last_active_at IS NULL) AND (
           side = 'partner' AND OLD.id <> portal.app_id('user_id') AND EXISTS (SELECT FROM portal.led_partner())
           OR side = 'staff' AND TG_TABLE_NAME = 'partner_user' AND before -> 'roles' = after -> 'roles'
           OR side = 'staff' AND TG_TABLE_NAME = 'staff_user' AND OLD.id <> portal.app_id('user_id')
               AND portal.is_lead()
       )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this person may not change that access' USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Ends every session of a colleague, for a principal of the same partner. Definer: nobody writes others' sessions.
CREATE OR REPLACE FUNCTION portal.end_colleague(person uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE portal.partner_session AS s SET ended_at = now()
    FROM portal.partner_user AS u
    WHERE u.id = person AND u.partner_id IN (SELECT portal.led_partner()) AND s.user_id = u.id AND s.ended_at IS NULL
$$;

-- With what the people of a partner sign in: which proofs each has, never a proof. For colleagues, and for staff.
CREATE OR REPLACE FUNCTION portal.partner_factors(person uuid)
RETURNS TABLE (password boolean, authenticator boolean, passkeys bigint, recovery_codes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.password_hash IS NOT NULL, u.totp_secret IS NOT NULL,
           (SELECT count(*) FROM portal.partner_passkey AS k WHERE k.user_id = u.id),
           (SELECT count(*) FROM portal.partner_recovery_code AS c WHERE c.user_id = u.id AND c.used_at IS NULL)
    FROM portal.partner_user AS u
    WHERE u.id = person AND (portal.side() = 'staff' OR u.partner_id IN (SELECT portal.led_partner()))
$$;

-- Nobody at a surface takes a partner's last principal away: one who has come in, is active and sees everything.
-- Two at once wait for each other, and the second sees what the first has written.
CREATE OR REPLACE FUNCTION portal.principal_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF portal.side() = 'owner'
       OR NOT ('principal' = ANY (OLD.roles) AND OLD.status = 'active' AND OLD.tenant_scope = 'all'
               AND OLD.last_active_at IS NOT NULL)
       OR ('principal' = ANY (NEW.roles) AND NEW.status = 'active' AND NEW.tenant_scope = 'all') THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('principals of ' || OLD.partner_id, 0));
    IF NOT EXISTS (
        SELECT 1 FROM portal.partner_user AS u
        WHERE u.partner_id = OLD.partner_id AND u.id <> OLD.id AND 'principal' = ANY (u.roles)
          AND u.status = 'active' AND u.tenant_scope = 'all' AND u.last_active_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the last principal of a partner stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

-- The same for the leads of staff.
CREATE OR REPLACE FUNCTION portal.lead_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF portal.side() = 'owner'
       OR NOT ('lead' = ANY (OLD.roles) AND OLD.status = 'active' AND OLD.last_active_at IS NOT NULL)
       OR ('lead' = ANY (NEW.roles) AND NEW.status = 'active') THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('leads', 0));
    IF NOT EXISTS (
        SELECT 1 FROM portal.staff_user AS u
        WHERE u.id <> OLD.id AND 'lead' = ANY (u.roles) AND u.status = 'active' AND u.last_active_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the last lead stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

-- A partner has no more people, active or invited, than staff allowed it; of two at once for the last place one gets it.
CREATE OR REPLACE FUNCTION portal.people_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most integer;
BEGIN
    IF portal.side() = 'owner' OR TG_OP = 'UPDATE' AND OLD.status = 'active' THEN
        RETURN NULL;
    END IF;
    SELECT p.people_limit INTO most FROM portal.partner AS p WHERE p.id = NEW.partner_id;
    IF most IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('people ' || NEW.partner_id, 0));
    IF (SELECT count(*) FROM portal.partner_user AS u WHERE u.partner_id = NEW.partner_id AND u.status = 'active') > most
    THEN
        RAISE EXCEPTION 'as many people as staff allowed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

-- An invitation is accepted by coming: the first session of the person in that tenant.
CREATE OR REPLACE FUNCTION tenancy.membership_accepted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE tenancy.customer_membership AS m SET accepted_at = now()
    WHERE m.user_id = NEW.user_id AND m.tenant_id = NEW.tenant_id AND m.accepted_at IS NULL;
    RETURN NULL;
END
$$;

-- A person whom an approver invites: found by address, or made. It tells the id alone, random for everybody, so that the
-- answer is the same whether the address is known, from where, and whether it was shut out.
DROP FUNCTION IF EXISTS tenancy.invited_person(uuid, text, text, text, text);
CREATE OR REPLACE FUNCTION tenancy.invited_person(address text, called text, tongue text, zone text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tenancy.approved_tenant()) THEN
        RAISE EXCEPTION 'only an approver invites' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO tenancy.customer_user (id, email, name, language, timezone)
    VALUES (gen_random_uuid(), lower(address), called, tongue, zone) ON CONFLICT (email) DO NOTHING;
    RETURN (SELECT u.id FROM tenancy.customer_user AS u WHERE u.email = lower(address));
END
$$;

-- Who was invited into the tenant of the person at work and has not come: the address that was typed, and the name.
-- Definer: their own rows stay closed until they come, since these would tell who is known from elsewhere.
CREATE OR REPLACE FUNCTION tenancy.waiting_people() RETURNS TABLE (user_id uuid, email text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.email, coalesce(m.invited_name, u.name)
    FROM tenancy.customer_membership AS m
    JOIN tenancy.customer_user AS u ON u.id = m.user_id
    WHERE m.tenant_id IN (SELECT portal.own_tenant()) AND m.accepted_at IS NULL
$$;

-- Ends the sessions that a person has in the tenant of the approver at work. Definer: nobody writes others' sessions.
CREATE OR REPLACE FUNCTION tenancy.end_member(person uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE tenancy.customer_session AS s SET ended_at = now()
    WHERE s.user_id = person AND s.tenant_id IN (SELECT tenancy.approved_tenant()) AND s.ended_at IS NULL
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS access_guard ON portal.partner_user;
CREATE TRIGGER access_guard BEFORE UPDATE OF roles, status, tenant_scope, name ON portal.partner_user
    FOR EACH ROW EXECUTE FUNCTION portal.access_guard();
DROP TRIGGER IF EXISTS access_guard ON portal.staff_user;
CREATE TRIGGER access_guard BEFORE UPDATE OF roles, status, name ON portal.staff_user
    FOR EACH ROW EXECUTE FUNCTION portal.access_guard();
DROP TRIGGER IF EXISTS people_limit ON portal.partner_user;
CREATE TRIGGER people_limit AFTER INSERT OR UPDATE OF status ON portal.partner_user
    FOR EACH ROW WHEN (NEW.status = 'active') EXECUTE FUNCTION portal.people_limit();
DROP TRIGGER IF EXISTS principal_stays ON portal.partner_user;
CREATE TRIGGER principal_stays AFTER UPDATE OF roles, status, tenant_scope ON portal.partner_user
    FOR EACH ROW EXECUTE FUNCTION portal.principal_stays();
DROP TRIGGER IF EXISTS lead_stays ON portal.staff_user;
CREATE TRIGGER lead_stays AFTER UPDATE OF roles, status ON portal.staff_user
    FOR EACH ROW EXECUTE FUNCTION portal.lead_stays();
DROP TRIGGER IF EXISTS membership_accepted ON tenancy.customer_session;
CREATE TRIGGER membership_accepted AFTER INSERT OR UPDATE OF tenant_id ON tenancy.customer_session
    FOR EACH ROW EXECUTE FUNCTION tenancy.membership_accepted();
SET LOCAL ROLE @definer;
