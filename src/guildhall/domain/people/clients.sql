-- API clients: how one is found by its secret, how one acts, and who of a partner may see and change them.

-- Who is at work for a partner: one of its people, or a client within its own limits and those of its responsible
-- person. Not a definer: only those functions read it that are.
CREATE OR REPLACE FUNCTION portal.at_work() RETURNS TABLE (
    person_id uuid, partner_id uuid, tenant_scope text, client_id uuid, client_scope text, client_areas text[]
)
LANGUAGE sql STABLE
AS $$
    SELECT u.id, u.partner_id, u.tenant_scope, NULL::uuid, 'all'::text, NULL::text[]
    FROM portal.partner_user AS u
    WHERE u.id = portal.app_id('user_id') AND u.partner_id = portal.app_id('partner_id') AND u.status = 'active'
    UNION ALL
    SELECT u.id, u.partner_id, u.tenant_scope, c.id, c.tenant_scope, c.areas
    FROM portal.api_client AS c
    JOIN portal.partner_user AS u ON u.id = c.responsible_id AND u.partner_id = c.partner_id AND u.status = 'active'
    JOIN portal.partner AS p ON p.id = c.partner_id AND p.status = 'active'
    WHERE c.id = portal.app_id('user_id') AND c.partner_id = portal.app_id('partner_id')
      AND c.revoked_at IS NULL AND c.expires_at > now()
$$;

-- Whether a client's own limits include the tenant.
CREATE OR REPLACE FUNCTION portal.client_within(client uuid, scope text, tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT client IS NULL OR scope = 'all' OR EXISTS (
        SELECT 1 FROM portal.api_client_tenant AS t WHERE t.client_id = client AND t.tenant_id = tenant)
$$;

-- What a client id and the hash of a secret prove together, of a partner's client or, without a partner, of one of the
-- platform. One row or none; unknown client and wrong secret are the
-- same work and the same answer.
DROP FUNCTION IF EXISTS portal.find_client(uuid, bytea);
CREATE FUNCTION portal.find_client(client uuid, secret bytea) RETURNS TABLE (
    secret_id uuid, client_id uuid, name text, networks text[], last_used_at timestamptz, last_used_from text,
    partner_id uuid, partner_name text, partner_status text, standing text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, c.id, c.name, c.networks, c.last_used_at, c.last_used_from, p.id, p.name, p.status,
           CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.expires_at <= now() THEN 'expired'
                WHEN u.status <> 'active' THEN 'stopped' ELSE 'active' END
    FROM portal.api_client_secret AS s
    JOIN portal.api_client AS c ON c.id = s.client_id
    JOIN portal.partner_user AS u ON u.id = c.responsible_id
    JOIN portal.partner AS p ON p.id = c.partner_id AND p.status <> 'terminated'
    WHERE s.secret_hash = secret AND s.client_id = client AND (s.ends_at IS NULL OR s.ends_at > now())
    UNION ALL
    SELECT s.id, c.id, c.name, c.networks, c.last_used_at, c.last_used_from, NULL, NULL, 'active',
           CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.expires_at <= now() THEN 'expired'
                ELSE 'active' END
    FROM portal.platform_client_secret AS s
    JOIN portal.platform_client AS c ON c.id = s.client_id
    WHERE s.secret_hash = secret AND s.client_id = client AND (s.ends_at IS NULL OR s.ends_at > now())
$$;

-- The living client behind an access token, by the secret that the token was got with, and the link to one tenant as
-- portal.find_partner_session gives it.
DROP FUNCTION IF EXISTS portal.find_client_session(uuid, uuid);
CREATE FUNCTION portal.find_client_session(secret uuid, tenant uuid)
RETURNS TABLE (
    session_id uuid, user_id uuid, name text, roles text[], scopes text[], networks text[],
    last_used_at timestamptz, last_used_from text,
    partner_id uuid, partner_name text, partner_status text, home_tenant_id uuid,
    link_id uuid, link_status text, link_live boolean, link_overdue boolean, link_role text, link_permissions text[], link_model text,
    link_ends_at timestamptz, link_paused_by text, tenant_name text, within_limits boolean, has_account boolean
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, c.id, c.name, u.roles, c.scopes, c.networks, c.last_used_at, c.last_used_from,
           p.id, p.name, p.status, p.home_tenant_id,
           l.id, l.status, portal.is_live(l.status, l.starts_at, l.ends_at),
           l.ends_at IS NOT NULL AND l.ends_at <= now(), l.access_role, l.permissions,
           l.operating_model, l.ends_at, l.paused_by, l.tenant_name,
           CASE WHEN tenant IS NULL THEN NULL
                ELSE portal.within_limits(u.id, u.tenant_scope, tenant) AND portal.client_within(c.id, c.tenant_scope, tenant)
           END,
           p.home_tenant_id = tenant AND c.tenant_scope = 'all' AND EXISTS (
               SELECT 1 FROM portal.partner_account AS a
               WHERE a.partner_id = p.id AND a.home_tenant_id = tenant AND a.status = 'active')
    FROM portal.api_client_secret AS s
    JOIN portal.api_client AS c ON c.id = s.client_id AND c.revoked_at IS NULL AND c.expires_at > now()
    JOIN portal.partner_user AS u ON u.id = c.responsible_id AND u.partner_id = c.partner_id AND u.status = 'active'
    JOIN portal.partner AS p ON p.id = c.partner_id AND p.status <> 'terminated'
    LEFT JOIN LATERAL (
        SELECT * FROM portal.partner_tenant_link AS x
        WHERE x.partner_id = p.id AND x.tenant_id = tenant
          AND x.status IN ('scheduled', 'active', 'paused', 'expired', 'revoked', 'ended')
        ORDER BY x.status IN ('scheduled', 'active', 'paused') DESC, x.updated_at DESC, x.id DESC
        LIMIT 1
    ) AS l ON tenant IS NOT NULL
    WHERE s.id = secret AND (s.ends_at IS NULL OR s.ends_at > now())
$$;

-- The living client of the platform behind an access token, by the secret that the token was got with.
CREATE OR REPLACE FUNCTION portal.find_platform_session(secret uuid)
RETURNS TABLE (session_id uuid, user_id uuid, name text, networks text[], last_used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, c.id, c.name, c.networks, c.last_used_at
    FROM portal.platform_client_secret AS s
    JOIN portal.platform_client AS c ON c.id = s.client_id AND c.revoked_at IS NULL AND c.expires_at > now()
    WHERE s.id = secret AND (s.ends_at IS NULL OR s.ends_at > now())
$$;

-- Notes that a secret was used from an address, at most once a minute for each.
CREATE OR REPLACE FUNCTION portal.client_used(secret uuid, address text) RETURNS TABLE (noted boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE portal.api_client_secret AS s SET last_used_at = now()
    WHERE s.id = secret AND (s.last_used_at IS NULL OR s.last_used_at < now() - interval '1 minute');
    UPDATE portal.api_client AS c SET last_used_at = now(), last_used_from = address
    FROM portal.api_client_secret AS s
    WHERE s.id = secret AND c.id = s.client_id
      AND (c.last_used_at IS NULL OR c.last_used_at < now() - interval '1 minute');
    UPDATE portal.platform_client_secret AS s SET last_used_at = now()
    WHERE s.id = secret AND (s.last_used_at IS NULL OR s.last_used_at < now() - interval '1 minute');
    UPDATE portal.platform_client AS c SET last_used_at = now(), last_used_from = address
    FROM portal.platform_client_secret AS s
    WHERE s.id = secret AND c.id = s.client_id
      AND (c.last_used_at IS NULL OR c.last_used_at < now() - interval '1 minute');
    RETURN QUERY SELECT true;
END
$$;
