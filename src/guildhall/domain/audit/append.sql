-- The trail: append only (BOUNDARY §5). One call writes one event into each chain concerned.
-- What is hashed is RFC 8785 JSON: {"at":…,"chain":…,"entry":<body>,"previous":…,"sequence":…}; the body comes
-- canonical from the application, the other members are assembled here in key order.

-- Locks the heads of several chains until the commit, each made where it is missing. Whoever appends comes through
-- here, so all take them in one order and in one pass, and no two wait for each other. What there is stays as it is:
-- the update never happens, but its row is locked.
CREATE OR REPLACE FUNCTION portal.audit_hold(kinds text[], chains uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO portal.audit_head AS h (kind, chain_id, sequence, hash)
    SELECT DISTINCT x.kind, x.chain, 0, decode(repeat('00', 32), 'hex')
    FROM unnest(kinds, chains) AS x (kind, chain) ORDER BY 1, 2
    ON CONFLICT (kind, chain_id) DO UPDATE SET sequence = h.sequence WHERE false;
END
$$;

-- Appends to many chains at once, to each its own event: the n-th of each array belong together. A chain that is named
-- twice is refused by the key of its entries. The plan is made once for a connection: it suits one chain and ten thousand.
CREATE OR REPLACE FUNCTION portal.audit_append_each(
    events uuid[], kinds text[], chains uuid[], bodies text[], person_name text, person_salts text[]
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    side text := portal.side();
    partner uuid := portal.app_id('partner_id');
    tenant uuid := portal.app_id('tenant_id');
    person text := current_setting('app.user_id', true);
    entries jsonb[] := bodies::jsonb[];
    part record;
    moment timestamptz;
    stamp text;
BEGIN
    IF cardinality(kinds) = 0 OR cardinality(kinds) <> ANY (
        ARRAY[cardinality(events), cardinality(chains), cardinality(bodies), cardinality(person_salts)])
    THEN
        RAISE EXCEPTION 'an event needs one body for each chain' USING ERRCODE = 'check_violation';
    END IF;
    FOR part IN SELECT * FROM unnest(events, kinds, chains, entries) AS x (event, kind, chain, entry) LOOP
        IF part.entry ->> 'event' IS DISTINCT FROM part.event::text THEN
            RAISE EXCEPTION 'an entry names its event' USING ERRCODE = 'check_violation';
        END IF;
        IF side IN ('partner', 'tenant') THEN
            IF coalesce(part.entry -> 'actor' ->> 'id', '') <> coalesce(person, '')
               OR (side = 'partner' AND partner IS NOT NULL AND part.entry -> 'actor' ->> 'partner_id' IS DISTINCT FROM partner::text)
               OR (side = 'partner' AND part.kind = 'partner' AND part.chain IS DISTINCT FROM partner)
               OR (side = 'tenant' AND part.kind = 'tenant' AND part.chain IS DISTINCT FROM tenant)
               OR (part.kind = 'vendor' AND part.entry ->> 'action' NOT LIKE 'sign_in.%'
                   AND NOT (side = 'partner' AND partner IS NULL AND coalesce(person, '') = '' AND
                            part.entry ->> 'action' IN ('application.submitted', 'application.answered')))
               OR (side = 'partner' AND part.kind = 'tenant' AND NOT EXISTS (
                   SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.partner_id = partner AND l.tenant_id = part.chain)
                   AND NOT EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.id = partner AND p.home_tenant_id = part.chain))
               OR (side = 'tenant' AND part.kind = 'partner' AND NOT EXISTS (
                   SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.tenant_id = tenant AND l.partner_id = part.chain))
            THEN
                RAISE EXCEPTION 'nobody signs for somebody else' USING ERRCODE = 'insufficient_privilege';
            END IF;
        END IF;
    END LOOP;
    PERFORM portal.audit_hold(kinds, chains);
    moment := clock_timestamp();
    stamp := to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    WITH sealed AS MATERIALIZED (
        SELECT x.*, h.sequence + 1 AS sequence, h.hash AS previous, sha256(convert_to(
            '{"at":"' || stamp || '","chain":"' || x.kind || ':' || x.chain || '","entry":' || x.body
            || ',"previous":"' || encode(h.hash, 'hex') || '","sequence":' || (h.sequence + 1) || '}', 'UTF8')) AS hash
        FROM unnest(events, kinds, chains, bodies, entries, person_salts) AS x (event, kind, chain, body, entry, salt)
        JOIN portal.audit_head AS h ON h.kind = x.kind AND h.chain_id = x.chain
    ), written AS (
        INSERT INTO portal.audit_entry (
            kind, chain_id, sequence, event_id, at, body, previous_hash, hash, actor_name, actor_salt, surface,
            actor_kind, actor_id, partner_id, tenant_id, action, target_kind, target_id
        ) SELECT
            s.kind, s.chain, s.sequence, s.event, moment, s.body, s.previous, s.hash, person_name, s.salt,
            s.entry ->> 'surface', s.entry -> 'actor' ->> 'kind', (s.entry -> 'actor' ->> 'id')::uuid,
            (s.entry -> 'actor' ->> 'partner_id')::uuid, (s.entry ->> 'tenant_id')::uuid, s.entry ->> 'action',
            s.entry -> 'target' ->> 'kind', s.entry -> 'target' ->> 'id'
        FROM sealed AS s
    )
    UPDATE portal.audit_head AS h SET sequence = s.sequence, hash = s.hash
    FROM sealed AS s WHERE h.kind = s.kind AND h.chain_id = s.chain;
END
$$;

-- Appends one event to the chains that it concerns.
CREATE OR REPLACE FUNCTION portal.audit_append(
    event uuid, kinds text[], chains uuid[], bodies text[], person_name text, person_salt text
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.audit_append_each(
        array_fill(event, ARRAY[cardinality(kinds)]), kinds, chains, bodies,
        person_name, array_fill(person_salt, ARRAY[cardinality(kinds)]));
END
$$;

-- The trail is append-only for everybody. One thing may change: a name and its salt may become empty, by the definer,
-- so by portal.audit_erase alone. The name is outside of what is hashed; the chain still verifies.
CREATE OR REPLACE FUNCTION portal.audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outside CONSTANT text[] := '{actor_name,actor_salt}';
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = '@definer' THEN
        IF TG_LEVEL = 'STATEMENT' THEN
            RETURN NULL;
        END IF;
        IF to_jsonb(NEW) - outside = to_jsonb(OLD) - outside AND NEW.actor_name || NEW.actor_salt = '' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS audit_entry_fixed ON portal.audit_entry;
CREATE TRIGGER audit_entry_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON portal.audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION portal.audit_refuse();
DROP TRIGGER IF EXISTS audit_entry_sealed ON portal.audit_entry;
CREATE TRIGGER audit_entry_sealed BEFORE UPDATE ON portal.audit_entry
    FOR EACH ROW EXECUTE FUNCTION portal.audit_refuse();
DROP TRIGGER IF EXISTS audit_signature_fixed ON portal.audit_signature;
CREATE TRIGGER audit_signature_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON portal.audit_signature
    FOR EACH STATEMENT EXECUTE FUNCTION portal.audit_refuse();
SET LOCAL ROLE @definer;

-- A legal erasure: the name of one person goes from every entry, its id stays. Only the owner may call it.
CREATE OR REPLACE FUNCTION portal.audit_erase(person uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    erased bigint;
BEGIN
    UPDATE portal.audit_entry AS e SET actor_name = '', actor_salt = ''
    WHERE e.actor_id = person AND e.actor_name || e.actor_salt <> '';
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

-- The head of a chain, for its reader: to show that an export is complete.
CREATE OR REPLACE FUNCTION portal.audit_head_of(which text, chain uuid) RETURNS TABLE (sequence bigint, hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.sequence, h.hash FROM portal.audit_head AS h
    WHERE h.kind = which AND h.chain_id = chain AND (
        portal.side() NOT IN ('partner', 'tenant')
        OR (portal.side() = 'partner' AND which = 'partner' AND chain = portal.app_id('partner_id'))
        OR (portal.side() = 'tenant' AND which = 'tenant' AND chain = ANY (ARRAY(SELECT portal.own_tenant()))))
$$;

-- Every head, for whoever walks the chains: the daily signature and `audit verify`.
CREATE OR REPLACE FUNCTION portal.audit_heads()
RETURNS TABLE (kind text, chain_id uuid, sequence bigint, hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT h.kind, h.chain_id, h.sequence, h.hash FROM portal.audit_head AS h ORDER BY h.kind, h.chain_id $$;
