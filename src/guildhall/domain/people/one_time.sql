-- One-time links, once for each kind of person: %KIND%. Looking consumes nothing; using sets what the link is for.

-- What a link is for, with what its holder needs to sign in after it. One row at most. `enrolled` is that the person has
-- a way in already, or came in by any: then there is nothing left for an invitation to set up.
DROP FUNCTION IF EXISTS %SCHEMA%.find_%KIND%_one_time(bytea);
CREATE FUNCTION %SCHEMA%.find_%KIND%_one_time(token bytea)
RETURNS TABLE (user_id uuid, email text, name text, language text, purpose text, used boolean, expired boolean,
               enrolled boolean, totp_secret bytea, totp_last_step bigint,
               partner_id uuid, partner_name text, tenant_id uuid, tenant_name text, sign_in_methods text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.id, u.email, u.name, u.language, i.purpose, i.used_at IS NOT NULL, i.expires_at <= now(),
           u.password_hash IS NOT NULL OR u.last_active_at IS NOT NULL
               OR EXISTS (SELECT 1 FROM %SCHEMA%.%KIND%_passkey AS k WHERE k.user_id = u.id),
           u.totp_secret, u.totp_last_step, %PARTNER%, %TENANT%, %NARROWED%
    FROM %SCHEMA%.%KIND%_one_time AS i
    JOIN %SCHEMA%.%KIND%_user AS u ON u.id = i.user_id AND u.status = 'active'
    %ORGANISATION%
    WHERE i.token_hash = token
$$;

-- Uses a link up, for the person at work only: of two at once one gets a row. A reset leaves the second factor as it
-- is; a recovery replaces it. Both end every session of before, and no other link of the person works any more, one to
-- sign in with neither.
DROP FUNCTION IF EXISTS %SCHEMA%.use_%KIND%_one_time(bytea, text, bytea, bigint, bytea[]);
CREATE FUNCTION %SCHEMA%.use_%KIND%_one_time(token bytea, password text, factor bytea, step bigint, codes bytea[])
RETURNS TABLE (purpose text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    mine %SCHEMA%.%KIND%_one_time;
    again boolean;
BEGIN
    UPDATE %SCHEMA%.%KIND%_one_time AS i SET used_at = now()
    WHERE i.token_hash = token AND i.user_id = portal.app_id('user_id') AND i.used_at IS NULL AND i.expires_at > now()
    RETURNING * INTO mine;
    IF mine.id IS NULL THEN
        RETURN;
    END IF;
    again := mine.purpose IN ('reset', 'recover');
    UPDATE %SCHEMA%.%KIND%_user AS u
    SET password_hash = password,
        totp_secret = CASE WHEN mine.purpose = 'reset' THEN u.totp_secret ELSE factor END,
        totp_last_step = CASE WHEN mine.purpose = 'reset' THEN u.totp_last_step ELSE coalesce(step, 0) END,
        updated_at = now()
    WHERE u.id = mine.user_id AND u.status = 'active' AND (
        again OR u.password_hash IS NULL AND u.last_active_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM %SCHEMA%.%KIND%_passkey AS k WHERE k.user_id = u.id));
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE %SCHEMA%.%KIND%_one_time AS i SET expires_at = now()
    WHERE i.user_id = mine.user_id AND i.used_at IS NULL AND i.expires_at > now() AND (again OR i.purpose <> 'join');
    UPDATE %SCHEMA%.%KIND%_email_link AS l SET used_at = now() WHERE l.user_id = mine.user_id AND l.used_at IS NULL;
    IF again THEN
        UPDATE %SCHEMA%.%KIND%_session AS s SET ended_at = now() WHERE s.user_id = mine.user_id AND s.ended_at IS NULL;
    END IF;
    IF mine.purpose = 'recover' THEN
        DELETE FROM %SCHEMA%.%KIND%_passkey AS k WHERE k.user_id = mine.user_id;
    END IF;
    IF mine.purpose <> 'reset' THEN
        DELETE FROM %SCHEMA%.%KIND%_recovery_code AS c WHERE c.user_id = mine.user_id;
        INSERT INTO %SCHEMA%.%KIND%_recovery_code (id, user_id, code_hash)
        SELECT gen_random_uuid(), mine.user_id, code FROM unnest(codes) AS code;
    END IF;
    RETURN QUERY SELECT mine.purpose;
END
$$;

-- The person at work sets the own password, which ends the links on their way, and the own second factor. Definer: no
-- surface has a right on these columns, since a right would hold for every row that a policy lets the surface change.
DROP FUNCTION IF EXISTS %SCHEMA%.keep_%KIND%_password(text);
CREATE FUNCTION %SCHEMA%.keep_%KIND%_password(kept text) RETURNS TABLE (done boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE %SCHEMA%.%KIND%_one_time AS i SET expires_at = now()
    WHERE i.user_id = portal.app_id('user_id') AND i.purpose = 'reset' AND i.used_at IS NULL AND i.expires_at > now();
    UPDATE %SCHEMA%.%KIND%_email_link AS l SET used_at = now()
    WHERE l.user_id = portal.app_id('user_id') AND l.used_at IS NULL;
    UPDATE %SCHEMA%.%KIND%_user AS u SET password_hash = kept, updated_at = now()
    WHERE u.id = portal.app_id('user_id') AND u.status = 'active' RETURNING true
$$;

DROP FUNCTION IF EXISTS %SCHEMA%.keep_%KIND%_factor(bytea, bigint);
CREATE FUNCTION %SCHEMA%.keep_%KIND%_factor(secret bytea, step bigint) RETURNS TABLE (done boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE %SCHEMA%.%KIND%_user AS u SET totp_secret = secret, totp_last_step = step, updated_at = now()
    WHERE u.id = portal.app_id('user_id') AND u.status = 'active' RETURNING true
$$;
