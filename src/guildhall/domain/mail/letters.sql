-- What a letter says, sealed, for a lead of the staff at work. Definer: the staff role itself reads no sealed content,
-- since many letters carry a one-time link.
CREATE OR REPLACE FUNCTION portal.open_letter(letter uuid) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m.sealed FROM portal.mail AS m
    WHERE m.id = letter AND EXISTS (
        SELECT 1 FROM portal.staff_user AS s
        WHERE s.id = portal.app_id('user_id') AND s.status = 'active' AND 'lead' = ANY (s.roles)
    )
$$;
