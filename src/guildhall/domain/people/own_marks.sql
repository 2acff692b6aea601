-- What a person writes by coming (last seen, the last one-time code used, when a second factor was shown) and how the
-- person likes the pages. Columns are granted to a role, and the rules of a table add up: who may change a colleague's
-- access, or end a colleague's session, could write these too. Not a definer: the house's own functions pass.
CREATE OR REPLACE FUNCTION portal.own_marks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_user IN ('@partner', '@customer', '@staff')
       AND coalesce(to_jsonb(OLD) ->> 'user_id', to_jsonb(OLD) ->> 'id')::uuid
           IS DISTINCT FROM portal.app_id('user_id') THEN
        RAISE EXCEPTION 'this is written only by the person' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

-- An approver always stays where one of the customer takes the role or the access from another: of two who do so to
-- each other at once, the second waits and sees what the first has written. Staff stand outside this.
CREATE OR REPLACE FUNCTION tenancy.approver_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF portal.side() <> 'tenant' OR OLD.role <> 'approver' OR OLD.status <> 'active'
       OR (NEW.role = 'approver' AND NEW.status = 'active') THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('approvers of ' || OLD.tenant_id, 0));
    IF NOT EXISTS (
        SELECT 1 FROM tenancy.customer_membership AS m
        JOIN tenancy.customer_user AS u ON u.id = m.user_id AND u.status = 'active'
        WHERE m.tenant_id = OLD.tenant_id AND m.user_id <> OLD.user_id AND m.role = 'approver' AND m.status = 'active'
    ) THEN
        RAISE EXCEPTION 'the last approver of a customer stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS own_marks ON portal.partner_session;
CREATE TRIGGER own_marks BEFORE UPDATE OF factor_at ON portal.partner_session
    FOR EACH ROW EXECUTE FUNCTION portal.own_marks();
DROP TRIGGER IF EXISTS own_marks ON portal.staff_session;
CREATE TRIGGER own_marks BEFORE UPDATE OF factor_at ON portal.staff_session
    FOR EACH ROW EXECUTE FUNCTION portal.own_marks();
DROP TRIGGER IF EXISTS own_marks ON portal.partner_user;
CREATE TRIGGER own_marks BEFORE UPDATE OF last_active_at, totp_last_step, language, timezone ON portal.partner_user
    FOR EACH ROW EXECUTE FUNCTION portal.own_marks();
DROP TRIGGER IF EXISTS own_marks ON portal.staff_user;
CREATE TRIGGER own_marks BEFORE UPDATE OF last_active_at, totp_last_step, language, timezone ON portal.staff_user
    FOR EACH ROW EXECUTE FUNCTION portal.own_marks();
DROP TRIGGER IF EXISTS approver_stays ON tenancy.customer_membership;
CREATE TRIGGER approver_stays AFTER UPDATE OF role, status ON tenancy.customer_membership
    FOR EACH ROW EXECUTE FUNCTION tenancy.approver_stays();
SET LOCAL ROLE @definer;
