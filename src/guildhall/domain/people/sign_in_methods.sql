-- Passkeys and links by mail, once for each kind of person: %KIND%.

-- The passkey with this credential id, and whose it is. Its public key proves nothing but what its holder shows.
DROP FUNCTION IF EXISTS %SCHEMA%.find_%KIND%_passkey(bytea);
CREATE FUNCTION %SCHEMA%.find_%KIND%_passkey(credential bytea)
RETURNS TABLE (passkey_id uuid, user_id uuid, email text, public_key bytea, sign_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.id, u.id, u.email, k.public_key, k.sign_count
    FROM %SCHEMA%.%KIND%_passkey AS k JOIN %SCHEMA%.%KIND%_user AS u ON u.id = k.user_id AND u.status = 'active'
    WHERE k.credential_id = credential
$$;

-- Keeps a link for whoever has this address, or for nobody: the row is written for an unknown address too, so that both
-- cost the same. Old ones go.
DROP FUNCTION IF EXISTS %SCHEMA%.keep_%KIND%_email_link(text, bytea, bytea, bytea, timestamptz);
CREATE FUNCTION %SCHEMA%.keep_%KIND%_email_link(address text, token bytea, code bytea, browser bytea, until timestamptz)
RETURNS TABLE (link_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made uuid := gen_random_uuid();
BEGIN
    DELETE FROM %SCHEMA%.%KIND%_email_link AS l WHERE l.expires_at < now() - interval '1 day';
    INSERT INTO %SCHEMA%.%KIND%_email_link (id, user_id, token_hash, code_hash, browser_hash, expires_at)
    VALUES (made, (SELECT u.id FROM %SCHEMA%.%KIND%_user AS u WHERE u.email = lower(address) AND u.status = 'active'),
            token, code, browser, until);
    RETURN QUERY SELECT made;
END
$$;

-- What a link is for, and whether it still works. Looking consumes nothing.
DROP FUNCTION IF EXISTS %SCHEMA%.find_%KIND%_email_link(bytea);
CREATE FUNCTION %SCHEMA%.find_%KIND%_email_link(token bytea)
RETURNS TABLE (link_id uuid, user_id uuid, email text, name text, used boolean, expired boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.id, u.id, u.email, u.name, l.used_at IS NOT NULL, l.expires_at <= now()
    FROM %SCHEMA%.%KIND%_email_link AS l
    JOIN %SCHEMA%.%KIND%_user AS u ON u.id = l.user_id AND u.status = 'active'
    WHERE l.token_hash = token
$$;

-- Counts a try at the code of the newest link that this browser asked for, and gives its hash: five tries, then nothing.
DROP FUNCTION IF EXISTS %SCHEMA%.try_%KIND%_email_code(bytea);
CREATE FUNCTION %SCHEMA%.try_%KIND%_email_code(browser bytea)
RETURNS TABLE (link_id uuid, user_id uuid, email text, code_hash bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE %SCHEMA%.%KIND%_email_link AS l SET tries = l.tries + 1
    FROM (
        SELECT n.id, u.id AS user_id, u.email
        FROM (SELECT * FROM %SCHEMA%.%KIND%_email_link AS x WHERE x.browser_hash = browser
              ORDER BY x.created_at DESC, x.id DESC LIMIT 1) AS n
        LEFT JOIN %SCHEMA%.%KIND%_user AS u ON u.id = n.user_id AND u.status = 'active'
    ) AS newest
    WHERE l.id = newest.id AND l.used_at IS NULL AND l.expires_at > now() AND l.tries < 5
    RETURNING l.id, newest.user_id, newest.email, l.code_hash
$$;

-- Uses a link up, for the person at work only: of two at once one gets a row.
DROP FUNCTION IF EXISTS %SCHEMA%.use_%KIND%_email_link(uuid);
CREATE FUNCTION %SCHEMA%.use_%KIND%_email_link(link uuid)
RETURNS TABLE (used uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE %SCHEMA%.%KIND%_email_link AS l SET used_at = now()
    WHERE l.id = link AND l.user_id = portal.app_id('user_id') AND l.used_at IS NULL AND l.expires_at > now()
    RETURNING l.id
$$;

-- What the person at work can sign in with: never the secrets themselves.
DROP FUNCTION IF EXISTS %SCHEMA%.own_%KIND%_ways();
CREATE FUNCTION %SCHEMA%.own_%KIND%_ways()
RETURNS TABLE (password boolean, totp boolean, passkeys bigint, narrowed text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.password_hash IS NOT NULL, u.totp_secret IS NOT NULL,
           (SELECT count(*) FROM %SCHEMA%.%KIND%_passkey AS k WHERE k.user_id = u.id), %NARROWED%
    FROM %SCHEMA%.%KIND%_user AS u WHERE u.id = portal.app_id('user_id')
$$;
