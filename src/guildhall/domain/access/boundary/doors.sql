-- Doors: what a bare log-in may call before anybody is known. Each takes a secret or an address and returns at
-- most one row. Expiry and idle time are decided here, so a dead session is found by no surface. The session of a
-- link by mail has no idle time: it is bound to its browser by its token's hash (domain/people/opening.py).

DROP FUNCTION IF EXISTS portal.find_partner_session(bytea, uuid, text, uuid);
CREATE FUNCTION portal.find_partner_session(token bytea, session uuid, session_kind text, tenant uuid)
RETURNS TABLE (
    session_id uuid, user_id uuid, name text, email text, roles text[], tenant_scope text, language text, timezone text,
    method text, factor_at timestamptz, expires_at timestamptz,
    partner_id uuid, partner_name text, partner_status text, partner_type text, home_tenant_id uuid,
    link_id uuid, link_status text, link_live boolean, link_overdue boolean, link_role text, link_permissions text[], link_model text,
    link_ends_at timestamptz, link_paused_by text, tenant_name text, within_limits boolean, has_account boolean
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.id, u.id, u.name, u.email, u.roles, u.tenant_scope, u.language, u.timezone,
           s.method, s.factor_at, s.expires_at,
           p.id, p.name, p.status, p.type, p.home_tenant_id,
           l.id, l.status, portal.is_live(l.status, l.starts_at, l.ends_at),
           l.ends_at IS NOT NULL AND l.ends_at <= now(), l.access_role, l.permissions,
           l.operating_model, l.ends_at, l.paused_by, l.tenant_name,
           CASE WHEN tenant IS NULL THEN NULL ELSE portal.within_limits(u.id, u.tenant_scope, tenant) END,
           p.home_tenant_id = tenant AND EXISTS (
               SELECT 1 FROM portal.partner_account AS a
               WHERE a.partner_id = p.id AND a.home_tenant_id = tenant AND a.status = 'active')
    FROM portal.partner_session AS s
    JOIN portal.partner_user AS u ON u.id = s.user_id AND u.status = 'active'
    JOIN portal.partner AS p ON p.id = u.partner_id AND p.status <> 'terminated'
    LEFT JOIN LATERAL (
        SELECT * FROM portal.partner_tenant_link AS x
        WHERE x.partner_id = p.id AND x.tenant_id = tenant
          AND x.status IN ('scheduled', 'active', 'paused', 'expired', 'revoked', 'ended')
        ORDER BY x.status IN ('scheduled', 'active', 'paused') DESC, x.updated_at DESC, x.id DESC
        LIMIT 1
    ) AS l ON tenant IS NOT NULL
    WHERE s.kind = session_kind
      AND ((token IS NOT NULL AND s.token_hash = token) OR (token IS NULL AND s.id = session))
      AND s.ended_at IS NULL AND s.expires_at > now()
      AND (s.kind = 'api' OR s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours');
    UPDATE portal.partner_session AS s SET last_seen_at = now()
    WHERE s.kind = session_kind AND ((token IS NOT NULL AND s.token_hash = token) OR (token IS NULL AND s.id = session))
      AND s.ended_at IS NULL AND s.expires_at > now()
      AND (s.kind = 'api' OR s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours')
      AND s.last_seen_at < now() - interval '5 minutes';
END
$$;

DROP FUNCTION IF EXISTS portal.find_staff_session(bytea);
CREATE FUNCTION portal.find_staff_session(token bytea)
RETURNS TABLE (
    session_id uuid, user_id uuid, name text, email text, roles text[], language text, timezone text,
    method text, factor_at timestamptz, expires_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.id, u.id, u.name, u.email, u.roles, u.language, u.timezone, s.method, s.factor_at, s.expires_at
    FROM portal.staff_session AS s
    JOIN portal.staff_user AS u ON u.id = s.user_id AND u.status = 'active'
    WHERE s.token_hash = token AND s.ended_at IS NULL AND s.expires_at > now()
      AND (s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours');
    UPDATE portal.staff_session AS s SET last_seen_at = now()
    WHERE s.token_hash = token AND s.ended_at IS NULL
      AND (s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours')
      AND s.last_seen_at < now() - interval '5 minutes';
END
$$;

DROP FUNCTION IF EXISTS tenancy.find_customer_session(bytea);
CREATE FUNCTION tenancy.find_customer_session(token bytea)
RETURNS TABLE (
    session_id uuid, user_id uuid, name text, email text, language text, timezone text,
    method text, factor_at timestamptz, expires_at timestamptz,
    tenant_id uuid, tenant_name text, role text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.id, u.id, u.name, u.email, u.language, u.timezone, s.method, s.factor_at, s.expires_at,
           t.id, t.name, m.role
    FROM tenancy.customer_session AS s
    JOIN tenancy.customer_user AS u ON u.id = s.user_id AND u.status = 'active'
    JOIN tenancy.customer_membership AS m
        ON m.user_id = u.id AND m.tenant_id = s.tenant_id AND m.status = 'active'
    JOIN tenancy.tenant AS t ON t.id = m.tenant_id
    WHERE s.token_hash = token AND s.ended_at IS NULL AND s.expires_at > now()
      AND (s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours');
    UPDATE tenancy.customer_session AS s SET last_seen_at = now()
    WHERE s.token_hash = token AND s.ended_at IS NULL
      AND (s.method = 'email_link' OR s.last_seen_at > now() - interval '12 hours')
      AND s.last_seen_at < now() - interval '5 minutes';
END
$$;

-- Sign-in: the credentials of one address, for the surface's own kind of people only.
DROP FUNCTION IF EXISTS portal.find_partner_login(text);
CREATE FUNCTION portal.find_partner_login(address text)
RETURNS TABLE (user_id uuid, name text, password_hash text, totp_secret bytea, totp_last_step bigint, language text,
               partner_id uuid, partner_name text, sign_in_methods text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.name, u.password_hash, u.totp_secret, u.totp_last_step, u.language, p.id, p.name, p.sign_in_methods
    FROM portal.partner_user AS u JOIN portal.partner AS p ON p.id = u.partner_id AND p.status <> 'terminated'
    WHERE u.email = lower(address) AND u.status = 'active'
$$;

DROP FUNCTION IF EXISTS portal.find_staff_login(text);
CREATE FUNCTION portal.find_staff_login(address text)
RETURNS TABLE (user_id uuid, name text, password_hash text, totp_secret bytea, totp_last_step bigint, language text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.name, u.password_hash, u.totp_secret, u.totp_last_step, u.language
    FROM portal.staff_user AS u WHERE u.email = lower(address) AND u.status = 'active'
$$;

DROP FUNCTION IF EXISTS tenancy.find_customer_login(text);
CREATE FUNCTION tenancy.find_customer_login(address text)
RETURNS TABLE (user_id uuid, name text, password_hash text, totp_secret bytea, totp_last_step bigint, language text,
               tenant_id uuid, tenant_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.name, u.password_hash, u.totp_secret, u.totp_last_step, u.language, t.id, t.name
    FROM tenancy.customer_user AS u
    JOIN tenancy.customer_membership AS m ON m.user_id = u.id AND m.status = 'active'
    JOIN tenancy.tenant AS t ON t.id = m.tenant_id
    WHERE u.email = lower($1) AND u.status = 'active'  -- by number: a tenant has an address too
    ORDER BY m.created_at LIMIT 1
$$;

-- A refresh token is used once; using it again ends the whole session (RFC 9700 §4.14.2).
DROP FUNCTION IF EXISTS portal.use_refresh_token(bytea);
CREATE FUNCTION portal.use_refresh_token(token bytea)
RETURNS TABLE (session_id uuid, user_id uuid, partner_id uuid, reused boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    found_token portal.partner_refresh_token;
BEGIN
    SELECT * INTO found_token FROM portal.partner_refresh_token AS r WHERE r.token_hash = token FOR UPDATE;
    IF found_token.id IS NULL THEN
        RETURN;
    END IF;
    IF found_token.used_at IS NOT NULL THEN
        UPDATE portal.partner_session AS s SET ended_at = now()
        WHERE s.id = found_token.session_id AND s.ended_at IS NULL;
    ELSE
        UPDATE portal.partner_refresh_token AS r SET used_at = now() WHERE r.id = found_token.id;
    END IF;
    RETURN QUERY
    SELECT s.id, s.user_id, u.partner_id, found_token.used_at IS NOT NULL
    FROM portal.partner_session AS s
    JOIN portal.partner_user AS u ON u.id = s.user_id AND u.status = 'active'
    JOIN portal.partner AS p ON p.id = u.partner_id AND p.status = 'active'
    WHERE s.id = found_token.session_id AND s.kind = 'api' AND found_token.expires_at > now()
      AND s.expires_at > now() AND (s.ended_at IS NULL OR found_token.used_at IS NOT NULL);
END
$$;

-- Back-off (domain/people/backoff.py). A try is counted before it is judged; while one of its counts waits, none of
-- them grows. A count loses one each `leak` seconds; above `free` it waits `first`, doubled each time up to `longest`.
DROP FUNCTION IF EXISTS portal.sign_in_wait(text, bytea);
DROP FUNCTION IF EXISTS portal.sign_in_failed(text, bytea);
DROP FUNCTION IF EXISTS portal.sign_in_succeeded(text, bytea);
CREATE OR REPLACE FUNCTION portal.sign_in_try(
    door text, subjects bytea[], free integer[], first integer[], longest integer[], leak integer[],
    moment timestamptz
) RETURNS TABLE (seconds integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wait integer;
BEGIN
    INSERT INTO portal.sign_in_backoff (surface, subject, failures, blocked_until, updated_at)
    SELECT door, s, 0, moment, moment FROM unnest(subjects) AS s ORDER BY s
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM portal.sign_in_backoff AS b
    WHERE b.surface = door AND b.subject = ANY (subjects) ORDER BY b.subject FOR UPDATE;
    SELECT ceil(extract(epoch FROM max(b.blocked_until) - moment)) INTO wait
    FROM portal.sign_in_backoff AS b WHERE b.surface = door AND b.subject = ANY (subjects);
    IF wait <= 0 THEN
        UPDATE portal.sign_in_backoff AS b SET
            failures = n.level + 1,
            blocked_until = moment + interval '1 second'
                * CASE WHEN n.level < n.free THEN 0
                       ELSE least(n.longest, n.first * power(2, least(n.level - n.free, 20))) END,
            updated_at = CASE WHEN n.level = 0 OR n.level < b.failures THEN moment ELSE b.updated_at END
        FROM (
            SELECT x.subject, m.free, m.first, m.longest,
                   greatest(0, x.failures - floor(extract(epoch FROM moment - x.updated_at) / m.leak))::integer AS level
            FROM unnest(subjects, free, first, longest, leak) AS m (subject, free, first, longest, leak)
            JOIN portal.sign_in_backoff AS x ON x.surface = door AND x.subject = m.subject
        ) AS n
        WHERE b.surface = door AND b.subject = n.subject;
        IF random() < 0.01 THEN
            DELETE FROM portal.sign_in_backoff AS b WHERE b.updated_at < moment - interval '2 days';
        END IF;
    END IF;
    RETURN QUERY SELECT greatest(0, wait);
END
$$;

CREATE OR REPLACE FUNCTION portal.sign_in_forgive(door text, forget bytea[], subjects bytea[], moment timestamptz)
RETURNS TABLE (done boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM portal.sign_in_backoff AS b
    WHERE b.surface = door AND b.subject = ANY (forget || subjects) ORDER BY b.subject FOR UPDATE;
    DELETE FROM portal.sign_in_backoff AS b WHERE b.surface = door AND b.subject = ANY (forget);
    UPDATE portal.sign_in_backoff AS b
    SET failures = greatest(0, b.failures - 1), blocked_until = least(b.blocked_until, moment)
    WHERE b.surface = door AND b.subject = ANY (subjects);
    RETURN QUERY SELECT true;
END
$$;

-- A passkey's challenge is shown once: of two requests with the same one, one gets a row.
DROP FUNCTION IF EXISTS portal.use_challenge(bytea, timestamptz);
CREATE FUNCTION portal.use_challenge(shown bytea, until timestamptz) RETURNS TABLE (first boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM portal.used_challenge AS c WHERE c.expires_at < now() - interval '1 hour';
    RETURN QUERY
    INSERT INTO portal.used_challenge (challenge, expires_at) VALUES (shown, until) ON CONFLICT DO NOTHING RETURNING true;
END
$$;
