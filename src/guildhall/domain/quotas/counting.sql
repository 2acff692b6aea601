-- Calls are counted in sixtieths of the time for which they count (`slots`, the newest last), one more than sixty, so that
-- none is forgotten early: in no stretch of that time are more calls let through than the quota. Rows are locked in one
-- order, a partner's before a tenant's. The table is not logged: a crash of the database server forgets the counts.

-- The slots as they are now: older ones have gone out at the front. Not a definer.
CREATE OR REPLACE FUNCTION portal.slots_now(slots integer[], used_at timestamptz, seconds integer, moment timestamptz)
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone integer := least(61, floor(extract(epoch FROM moment) * 60 / seconds)
                              - floor(extract(epoch FROM used_at) * 60 / seconds));
BEGIN
    RETURN CASE WHEN gone <= 0 THEN slots ELSE slots[gone + 1:] || array_fill(0, ARRAY[gone]) END;
END
$$;

-- Counts one call, unless `quota` are counted already. `wait` is in how many seconds the oldest one is forgotten. Not a
-- definer: only portal.count_call calls it.
CREATE OR REPLACE FUNCTION portal.count_one(
    who uuid, what text, quota integer, window_seconds integer, OUT used integer, OUT wait integer, OUT full_up boolean
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    c portal.call_count;
    moment timestamptz;
    first integer;
BEGIN
    SELECT * INTO c FROM portal.call_count AS x WHERE x.subject = who AND x.kind = what FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO portal.call_count AS x (subject, kind, seconds, slots, used_at)
        VALUES (who, what, window_seconds, array_fill(0, ARRAY[61]), clock_timestamp()) ON CONFLICT DO NOTHING;
        SELECT * INTO c FROM portal.call_count AS x WHERE x.subject = who AND x.kind = what FOR UPDATE;
    END IF;
    moment := greatest(clock_timestamp(), c.used_at);
    c.slots := portal.slots_now(c.slots, c.used_at, window_seconds, moment);
    SELECT coalesce(sum(n), 0), min(i) FILTER (WHERE n > 0) INTO used, first
    FROM unnest(c.slots) WITH ORDINALITY AS s (n, i);
    full_up := used >= quota;
    IF full_up THEN
        UPDATE portal.call_count AS x
        SET refused = CASE WHEN c.refused_at > moment - interval '1 hour' THEN c.refused + 1 ELSE 1 END,
            refused_at = moment
        WHERE x.subject = who AND x.kind = what;
    ELSE
        c.slots[61] := c.slots[61] + 1;
        used := used + 1;
        UPDATE portal.call_count AS x SET slots = c.slots, used_at = moment WHERE x.subject = who AND x.kind = what;
    END IF;
    wait := ceil((floor(extract(epoch FROM moment) * 60 / window_seconds) + coalesce(first, 61)) * window_seconds / 60
                 - extract(epoch FROM moment));
END
$$;

-- Takes back what count_one counted a moment ago in this transaction.
CREATE OR REPLACE FUNCTION portal.uncount_one(who uuid, what text) RETURNS void
LANGUAGE sql VOLATILE
AS $$
    UPDATE portal.call_count AS x SET slots[61] = x.slots[61] - 1 WHERE x.subject = who AND x.kind = what
$$;

-- Counts one call of a partner (or of a client of the platform) under all that limits it: its kind; half of the lists
-- where it goes `across` several tenants; and all partners' calls in one tenant, where it names one to which the partner
-- has a live link. Where one of them is full, none grows, and `full_kind` names it. A call of nobody is
-- not counted.
CREATE OR REPLACE FUNCTION portal.count_call(
    who uuid, what text, standard integer, seconds integer, across boolean, tenant uuid, tenant_calls integer
) RETURNS TABLE (quota integer, used integer, wait integer, across_used integer, across_wait integer, full_kind text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one record;
    more record;
BEGIN
    IF who IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT coalesce(
        (SELECT CASE what WHEN 'list' THEN q.list_calls WHEN 'detail' THEN q.detail_calls
                          WHEN 'write' THEN q.write_calls WHEN 'export' THEN q.export_calls END
         FROM portal.partner_quota AS q WHERE q.partner_id = who),
        standard) INTO quota;
    one := portal.count_one(who, what, quota, seconds);
    used := one.used;
    wait := one.wait;
    full_kind := CASE WHEN one.full_up THEN what ELSE '' END;
    IF across AND full_kind = '' THEN
        more := portal.count_one(who, 'across', (quota + 1) / 2, seconds);
        across_used := more.used;
        across_wait := more.wait;
        IF more.full_up THEN
            full_kind := 'across';
            PERFORM portal.uncount_one(who, what);
            used := used - 1;
        END IF;
    END IF;
    IF tenant IS NOT NULL AND full_kind = '' AND EXISTS (
        SELECT 1 FROM portal.partner_tenant_link AS l
        WHERE l.partner_id = who AND l.tenant_id = tenant AND portal.is_live(l.status, l.starts_at, l.ends_at))
    THEN
        more := portal.count_one(tenant, 'tenant', tenant_calls, 60);
        IF more.full_up THEN
            full_kind := 'tenant';
            PERFORM portal.uncount_one(who, what);
            used := used - 1;
        END IF;
    END IF;
    RETURN NEXT;
END
$$;
