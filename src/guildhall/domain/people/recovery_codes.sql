-- Recovery codes, once for each kind of person: %KIND%.

-- Door: whether a code is one of a person's that was not used. Always one row.
DROP FUNCTION IF EXISTS %SCHEMA%.%KIND%_recovery_code_fits(uuid, bytea);
CREATE FUNCTION %SCHEMA%.%KIND%_recovery_code_fits(who uuid, code bytea) RETURNS TABLE (fits boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM %SCHEMA%.%KIND%_recovery_code AS c
        WHERE c.user_id = who AND c.code_hash = code AND c.used_at IS NULL)
$$;

-- Uses up a code of the person at work and says how many are left. Of two at once one gets a row.
DROP FUNCTION IF EXISTS %SCHEMA%.use_%KIND%_recovery_code(bytea);
CREATE FUNCTION %SCHEMA%.use_%KIND%_recovery_code(code bytea) RETURNS TABLE (remaining integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE %SCHEMA%.%KIND%_recovery_code AS c SET used_at = now()
    WHERE c.user_id = portal.app_id('user_id') AND c.code_hash = code AND c.used_at IS NULL;
    IF FOUND THEN
        RETURN QUERY
        SELECT count(*)::integer FROM %SCHEMA%.%KIND%_recovery_code AS c
        WHERE c.user_id = portal.app_id('user_id') AND c.used_at IS NULL;
    END IF;
END
$$;
