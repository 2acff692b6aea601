-- Applications to become a partner (PRODUCT §4). Nobody who applies has an account: what the public pages do goes
-- through the first three functions, which take the hash of the signed link and nothing else that names a row.

-- One submission: made, known (the same form once more), or the seconds to wait after three in an hour.
CREATE OR REPLACE FUNCTION portal.submit_application(new uuid, link bytea, subjects bytea[], said jsonb)
RETURNS TABLE (made boolean, seconds integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    who bytea;
    wait integer;
BEGIN
    FOR who IN SELECT DISTINCT x FROM unnest(subjects) AS x ORDER BY x LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('application ' || encode(who, 'hex'), 0));
    END LOOP;
    IF EXISTS (SELECT 1 FROM portal.application AS a WHERE a.id = new) THEN
        RETURN QUERY SELECT false, 0;
        RETURN;
    END IF;
    SELECT max(ceil(extract(epoch FROM third.at + interval '1 hour' - now())))::integer INTO wait
    FROM unnest(subjects) AS s (subject)
    CROSS JOIN LATERAL (
        SELECT t.at FROM portal.application_attempt AS t
        WHERE t.subject = s.subject AND t.at > now() - interval '1 hour' ORDER BY t.at DESC OFFSET 2 LIMIT 1
    ) AS third;
    IF wait > 0 THEN
        RETURN QUERY SELECT false, wait;
        RETURN;
    END IF;
    INSERT INTO portal.application_attempt (subject, at) SELECT DISTINCT x, now() FROM unnest(subjects) AS x;
    INSERT INTO portal.application (
        id, link_hash, status, legal_name, website, website_domain, country, type, contact_name, email, email_domain,
        expected_customers, note, language, listed, consented_at, state_since
    ) VALUES (
        new, link, 'submitted', said ->> 'legal_name', said ->> 'website', said ->> 'website_domain',
        said ->> 'country', said ->> 'type', said ->> 'contact_name', said ->> 'email', said ->> 'email_domain',
        (said ->> 'expected_customers')::integer, said ->> 'note', said ->> 'language', said ->> 'listed', now(), now()
    );
    RETURN QUERY SELECT true, 0;
END
$$;

CREATE OR REPLACE FUNCTION portal.find_application(link bytea)
RETURNS TABLE (
    id uuid, status text, legal_name text, website text, country text, type text, contact_name text, email text,
    expected_customers integer, note text, language text, asked text, decline_reason text, decline_note text,
    created_at timestamptz, state_since timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.id, a.status, a.legal_name, a.website, a.country, a.type, a.contact_name, a.email,
           a.expected_customers, a.note, a.language, a.asked, a.decline_reason, a.decline_note,
           a.created_at, a.state_since
    FROM portal.application AS a WHERE a.link_hash = link AND a.erased_at IS NULL
$$;

-- The applicant's corrected form, while staff wait for it; nothing in any other state.
CREATE OR REPLACE FUNCTION portal.answer_application(link bytea, said jsonb) RETURNS TABLE (id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE portal.application AS a SET
        status = 'in_review', state_since = now(), updated_at = now(), mx = 'unknown',
        legal_name = said ->> 'legal_name', website = said ->> 'website', website_domain = said ->> 'website_domain',
        country = said ->> 'country', type = said ->> 'type', contact_name = said ->> 'contact_name',
        email_before = CASE WHEN a.email = said ->> 'email' THEN '' ELSE a.email END,
        email = said ->> 'email', email_domain = said ->> 'email_domain', listed = said ->> 'listed',
        expected_customers = (said ->> 'expected_customers')::integer, note = said ->> 'note', answer = said ->> 'answer'
    WHERE a.link_hash = link AND a.status = 'needs_info'
    RETURNING a.id
$$;

-- Which of a domain and its parents staff let in, if one.
CREATE OR REPLACE FUNCTION portal.email_domain_listed(candidates text[]) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.domain FROM portal.email_domain_allowed AS d WHERE d.domain = ANY (candidates) LIMIT 1 $$;

-- The steps of an application, as domain/partners/application_states.py has them. What the owner brings in is history.
CREATE OR REPLACE FUNCTION portal.application_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acting text := portal.side();
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'submitted' THEN
            RAISE EXCEPTION 'an application begins as submitted' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> NEW.status AND NOT EXISTS (
        SELECT 1 FROM (VALUES %APPLICATION_STEPS%) AS step (source, target, side)
        WHERE step.source = OLD.status AND step.target = NEW.status AND step.side = acting
    ) THEN
        RAISE EXCEPTION 'no step from % to % for %', OLD.status, NEW.status, acting USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.status IN ('approved', 'declined')
        AND (NEW.decline_reason, NEW.decline_note, NEW.partner_id, NEW.decided_at, NEW.decided_by)
            IS DISTINCT FROM (OLD.decline_reason, OLD.decline_note, OLD.partner_id, OLD.decided_at, OLD.decided_by)
        AND NOT (acting = 'system' AND NEW.erased_at IS NOT NULL AND NEW.decline_reason = OLD.decline_reason)
    THEN
        RAISE EXCEPTION 'a decision stands' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Staff are told of a new application, and of an answer; what the owner brings in is history.
CREATE OR REPLACE FUNCTION portal.application_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    what text := CASE TG_OP WHEN 'INSERT' THEN 'application.submitted' ELSE 'application.answered' END;
BEGIN
    IF TG_OP = 'INSERT' OR (OLD.status = 'needs_info' AND NEW.status = 'in_review' AND portal.side() = 'partner') THEN
        PERFORM portal.tell(
            'staff', NULL, what, what || ':' || NEW.id || ':' || NEW.state_since, NULL, NULL, 'applications',
            jsonb_build_object('applicant', NEW.legal_name, 'application_id', NEW.id));
    END IF;
    RETURN NULL;
END
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS application_guard ON portal.application;
CREATE TRIGGER application_guard BEFORE INSERT OR UPDATE ON portal.application
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.application_guard();
DROP TRIGGER IF EXISTS application_notices ON portal.application;
CREATE TRIGGER application_notices AFTER INSERT OR UPDATE OF status ON portal.application
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.application_notices();
SET LOCAL ROLE @definer;
