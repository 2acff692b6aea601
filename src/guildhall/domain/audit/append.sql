-- The trail: append only (BOUNDARY §5). One call writes one event into each chain concerned.
-- What is hashed is RFC 8785 JSON: {"at":…,"chain":…,"entry":<body>,"previous":…,"sequence":…}; the body comes
-- canonical from the application, the other members are assembled here in key order.

CREATE OR REPLACE FUNCTION portal.audit_append(
    event uuid, kinds text[], chains uuid[], bodies text[], person_name text, person_salt text
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    side text := portal.side();
    partner uuid := portal.app_id('partner_id');
    tenant uuid := portal.app_id('tenant_id');
    person text := current_setting('app.user_id', true);
    part record;
    entry jsonb;
    head portal.audit_head;
    moment timestamptz := clock_timestamp();
    stamp text := to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    sealed text;
BEGIN
    IF cardinality(kinds) = 0 OR cardinality(kinds) <> cardinality(chains) OR cardinality(kinds) <> cardinality(bodies) THEN
        RAISE EXCEPTION 'an event needs one body for each chain' USING ERRCODE = 'check_violation';
    END IF;
    FOR part IN SELECT * FROM unnest(kinds, chains, bodies) AS x (kind, chain, body) ORDER BY kind, chain LOOP
        entry := part.body::jsonb;
        IF entry ->> 'event' IS DISTINCT FROM event::text THEN
            RAISE EXCEPTION 'an entry names its event' USING ERRCODE = 'check_violation';
        END IF;
        IF side IN ('partner', 'tenant') THEN
            IF coalesce(entry -> 'actor' ->> 'id', '') <> coalesce(person, '')
               OR (side = 'partner' AND partner IS NOT NULL AND entry -> 'actor' ->> 'partner_id' IS DISTINCT FROM partner::text)
               OR (side = 'partner' AND part.kind = 'partner' AND part.chain IS DISTINCT FROM partner)
               OR (side = 'tenant' AND part.kind = 'tenant' AND part.chain IS DISTINCT FROM tenant)
               OR (part.kind = 'vendor' AND entry ->> 'action' NOT LIKE 'sign_in.%'
                   AND NOT (side = 'partner' AND partner IS NULL AND coalesce(person, '') = '' AND
                            entry ->> 'action' IN ('application.submitted', 'application.answered')))
               OR (side = 'partner' AND part.kind = 'tenant' AND NOT EXISTS (
                   SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.partner_id = partner AND l.tenant_id = part.chain)
                   AND NOT EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.id = partner AND p.home_tenant_id = part.chain))
               OR (side = 'tenant' AND part.kind = 'partner' AND NOT EXISTS (
                   SELECT 1 FROM portal.partner_tenant_link AS l WHERE l.tenant_id = tenant AND l.partner_id = part.chain))
            THEN
                RAISE EXCEPTION 'nobody signs for somebody else' USING ERRCODE = 'insufficient_privilege';
            END IF;
        END IF;
        INSERT INTO portal.audit_head (kind, chain_id, sequence, hash)
        VALUES (part.kind, part.chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM portal.audit_head AS h
        WHERE h.kind = part.kind AND h.chain_id = part.chain FOR UPDATE;
        sealed := '{"at":"' || stamp || '","chain":"' || part.kind || ':' || part.chain || '","entry":' || part.body
            || ',"previous":"' || encode(head.hash, 'hex') || '","sequence":' || (head.sequence + 1) || '}';
        INSERT INTO portal.audit_entry (
            kind, chain_id, sequence, event_id, at, body, previous_hash, hash, actor_name, actor_salt, surface,
            actor_kind, actor_id, partner_id, tenant_id, action, target_kind, target_id
        ) VALUES (
            part.kind, part.chain, head.sequence + 1, event, moment, part.body, head.hash,
            sha256(convert_to(sealed, 'UTF8')), person_name, person_salt, entry ->> 'surface',
            entry -> 'actor' ->> 'kind', (entry -> 'actor' ->> 'id')::uuid, (entry -> 'actor' ->> 'partner_id')::uuid,
            (entry ->> 'tenant_id')::uuid, entry ->> 'action', entry -> 'target' ->> 'kind', entry -> 'target' ->> 'id'
        );
        UPDATE portal.audit_head AS h SET sequence = head.sequence + 1, hash = sha256(convert_to(sealed, 'UTF8'))
        WHERE h.kind = part.kind AND h.chain_id = part.chain;
    END LOOP;
END
$$;

-- Locks the heads of several chains in their one order, for a transaction that writes several events.
CREATE OR REPLACE FUNCTION portal.audit_hold(kinds text[], chains uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO portal.audit_head (kind, chain_id, sequence, hash)
    SELECT DISTINCT x.kind, x.chain, 0, decode(repeat('00', 32), 'hex')
    FROM unnest(kinds, chains) AS x (kind, chain) ORDER BY 1, 2 ON CONFLICT DO NOTHING;
    PERFORM 1 FROM portal.audit_head AS h
    WHERE (h.kind, h.chain_id) IN (SELECT x.kind, x.chain FROM unnest(kinds, chains) AS x (kind, chain))
    ORDER BY h.kind, h.chain_id FOR UPDATE;
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
