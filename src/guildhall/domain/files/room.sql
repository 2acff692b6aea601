-- How much room the files of a tenant take up: those that are attached, and those that wait for it within the hour.
CREATE OR REPLACE FUNCTION portal.tenant_file_octets(tenant uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(sum(f.size_bytes), 0)::bigint FROM portal.file AS f
    WHERE f.tenant_id = tenant AND (f.expires_at IS NULL OR f.expires_at > now())
$$;

-- Whether so many octets more fit where the person at work may write. A partner has half of a tenant's room at most, so
-- none shuts out the tenant and its other partners by itself. Whoever asks for the same tenant meanwhile waits, and then
-- counts what was announced in this transaction too.
CREATE OR REPLACE FUNCTION portal.file_room(tenant uuid, more bigint, most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    share bigint;  -- what the caller's partner has of it
BEGIN
    IF NOT (portal.side() = 'partner' AND tenant IN (SELECT reached FROM portal.reach('support_write') AS reached)
            OR portal.side() = 'tenant' AND tenant IN (SELECT own FROM portal.own_tenant() AS own)) THEN
        RAISE EXCEPTION 'nobody keeps files here' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('files of ' || tenant, 0));
    IF portal.side() = 'partner' THEN
        SELECT coalesce(sum(f.size_bytes), 0) INTO share FROM portal.file AS f
        WHERE f.tenant_id = tenant AND f.partner_id = portal.app_id('partner_id')
          AND (f.expires_at IS NULL OR f.expires_at > now());
        IF share + more > most / 2 THEN
            RETURN false;
        END IF;
    END IF;
    RETURN portal.tenant_file_octets(tenant) + more <= most;
END
$$;
