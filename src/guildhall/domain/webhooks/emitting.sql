-- Webhooks: events written in the transaction of their cause, with a delivery and its job for each endpoint that
-- chose them (domain/webhooks/events.py has the kinds). Where no endpoint of theirs listens, nothing is written. What is
-- of no partner is of the vendor's platform.

-- Whether the partner may hear now of something that needs `needed`: '' is about itself, 'any' asks for a live link.
-- The platform hears of everything that is for it.
CREATE OR REPLACE FUNCTION portal.webhook_open(whom uuid, tenant uuid, needed text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT whom IS NULL OR EXISTS (SELECT 1 FROM portal.partner AS p WHERE p.id = whom AND p.status = 'active')
       AND (needed = '' OR EXISTS (
            SELECT 1 FROM portal.partner_tenant_link AS l
            WHERE l.partner_id = whom AND l.tenant_id = tenant AND l.status = 'active'
              AND portal.is_live(l.status, l.starts_at, l.ends_at)
              AND (needed = 'any' OR needed = ANY (l.permissions))))
$$;

-- Whether one of an endpoint's patterns matches an event's name.
CREATE OR REPLACE FUNCTION portal.webhook_chosen(patterns text[], what text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM unnest(patterns) AS pattern WHERE what LIKE replace(replace(pattern, '_', '\_'), '*', '%'))
$$;

-- Write one event and its deliveries. `only_to` names one endpoint, whatever it chose. Called by the functions here.
CREATE OR REPLACE FUNCTION portal.webhook_write(what text, whom uuid, tenant uuid, said jsonb, only_to uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed text;
    event uuid := gen_random_uuid();
    made uuid;
    endpoint uuid;
    delivery uuid;
BEGIN
    SELECT k.needs INTO needed FROM (VALUES %EVENTS%) AS k (kind, needs, platform)
    WHERE k.kind = what AND (k.platform = (whom IS NULL) OR only_to IS NOT NULL);
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not an event', left(what, 80) USING ERRCODE = 'check_violation';
    END IF;
    FOR endpoint IN
        SELECT e.id FROM portal.webhook_endpoint AS e
        WHERE e.partner_id IS NOT DISTINCT FROM whom AND e.status = 'active' AND (only_to IS NULL OR e.id = only_to)
          AND (only_to IS NOT NULL OR portal.webhook_chosen(e.events, what))
        ORDER BY e.id
    LOOP
        IF made IS NULL THEN
            IF NOT portal.webhook_open(whom, tenant, needed) THEN
                RETURN NULL;
            END IF;
            INSERT INTO portal.webhook_event (id, partner_id, kind, tenant_id, data)
            VALUES (event, whom, what, tenant, said);
            made := event;
        END IF;
        INSERT INTO portal.webhook_delivery AS d (id, partner_id, endpoint_id, event_id, next_at)
        VALUES (gen_random_uuid(), whom, endpoint, event, now()) RETURNING d.id INTO delivery;
        PERFORM portal.enqueue(
            'webhooks.deliver', jsonb_strip_nulls(jsonb_build_object('delivery_id', delivery, 'partner_id', whom)));
    END LOOP;
    RETURN made;
END
$$;

-- What the code calls. A partner's people tell of their own partner, a customer's of their own tenant.
CREATE OR REPLACE FUNCTION portal.emit_event(what text, whom uuid, tenant uuid, said jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF whom IS NULL OR portal.side() = 'partner' AND whom IS DISTINCT FROM portal.app_id('partner_id')
       OR portal.side() = 'tenant' AND tenant IS DISTINCT FROM portal.app_id('tenant_id') THEN
        RAISE EXCEPTION 'not an event of theirs' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN portal.webhook_write(what, whom, tenant, said, NULL);
END
$$;

-- A test of one endpoint, by whoever looks after the partner's webhooks, or by staff for the platform's.
CREATE OR REPLACE FUNCTION portal.webhook_test(endpoint uuid, said jsonb) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.webhook_write('webhook.test', e.partner_id, NULL, said, e.id)
    FROM portal.webhook_endpoint AS e
    WHERE e.id = endpoint
      AND CASE WHEN portal.side() = 'staff' THEN e.partner_id IS NULL AND portal.is_lead()
          ELSE e.partner_id IN (SELECT portal.webhook_partner()) END
$$;

-- What an event told the platform, for leads alone: subjects and comments of tickets are in it.
CREATE OR REPLACE FUNCTION portal.webhook_platform_data(event uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.data FROM portal.webhook_event AS e WHERE e.id = event AND e.partner_id IS NULL AND portal.is_lead()
$$;

-- The partner whose webhooks the person or client at work may look after: of a principal who sees every customer, or
-- of a client of one that has the scope and is limited to no customers.
CREATE OR REPLACE FUNCTION portal.webhook_partner() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
AS $$
    SELECT w.partner_id
    FROM portal.at_work() AS w
    JOIN portal.partner AS p ON p.id = w.partner_id AND p.status <> 'terminated'
    JOIN portal.partner_user AS u ON u.id = w.person_id AND 'principal' = ANY (u.roles)
    WHERE w.tenant_scope = 'all' AND w.client_scope = 'all'
      AND (w.client_id IS NULL OR EXISTS (
          SELECT 1 FROM portal.api_client AS c
          WHERE c.id = w.client_id AND 'partner.webhooks.manage' = ANY (c.scopes)))
$$;

-- The sealed secrets that sign now. Definer: nobody but the worker, which delivers, gets them.
CREATE OR REPLACE FUNCTION portal.webhook_secrets(endpoint uuid) RETURNS SETOF bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 2
AS $$
    SELECT s.sealed FROM portal.webhook_secret AS s
    WHERE s.endpoint_id = endpoint AND (s.ends_at IS NULL OR s.ends_at > now())
    ORDER BY s.created_at DESC, s.id DESC
$$;

-- Told to the platform, of a tenant, by its own name for it; who did it is the side and the partner at work.
CREATE OR REPLACE FUNCTION portal.webhook_to_platform(what text, tenant uuid, said jsonb) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.webhook_write(
        what, NULL, t.id,
        jsonb_build_object('side', portal.side(), 'partner_id', portal.app_id('partner_id')) || said || jsonb_build_object(
            'tenant_id', t.id, 'tenant_external_id', t.external_id, 'tenant_name', t.name), NULL)
    FROM tenancy.tenant AS t
    WHERE t.id = tenant
      AND EXISTS (SELECT 1 FROM portal.webhook_endpoint AS e WHERE e.partner_id IS NULL AND e.status = 'active')
$$;

-- A link's steps, told to its own partner, who learns no more of the tenant than it knows (see portal.tell_partner).
CREATE OR REPLACE FUNCTION portal.link_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named boolean := NEW.tenant_name IS NOT NULL;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = NEW.status THEN
        RETURN NULL;
    END IF;
    PERFORM portal.webhook_write(
        'partner.link.' || NEW.status, NEW.partner_id, CASE WHEN named THEN NEW.tenant_id END,
        jsonb_build_object(
            'link_id', NEW.id, 'status', NEW.status,
            'previous_status', CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END,
            'side', CASE WHEN NEW.status IN ('expired', 'lapsed') THEN 'system' ELSE portal.side() END,
            'tenant_id', CASE WHEN named THEN NEW.tenant_id END,
            'tenant_name', NEW.tenant_name, 'tenant_domain', NEW.tenant_domain, 'access_role', NEW.access_role,
            'operating_model', NEW.operating_model, 'areas', NEW.areas, 'starts_at', NEW.starts_at,
            'ends_at', NEW.ends_at),
        NULL);
    IF NEW.status IN ('scheduled', 'active', 'paused', 'expired', 'revoked', 'ended') THEN
        PERFORM portal.webhook_to_platform('platform.link.' || NEW.status, NEW.tenant_id, jsonb_build_object(
            'link_id', NEW.id, 'partner_id', NEW.partner_id, 'partner_name', NEW.partner_name, 'status', NEW.status,
            'previous_status', CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END,
            'side', CASE WHEN NEW.status = 'expired' THEN 'system' ELSE portal.side() END,
            'access_role', NEW.access_role, 'operating_model', NEW.operating_model, 'areas', NEW.areas,
            'starts_at', NEW.starts_at, 'ends_at', NEW.ends_at));
    END IF;
    RETURN NULL;
END
$$;

-- Told to every partner whose live link opens it; the name is the one that the link knows.
CREATE OR REPLACE FUNCTION portal.webhook_to_linked(what text, tenant uuid, said jsonb) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.webhook_write(
        what, l.partner_id, tenant, said || jsonb_build_object('tenant_id', tenant, 'tenant_name', l.tenant_name), NULL)
    FROM portal.partner_tenant_link AS l
    WHERE l.tenant_id = tenant AND l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)
      AND EXISTS (
          SELECT 1 FROM portal.webhook_endpoint AS e WHERE e.partner_id = l.partner_id AND e.status = 'active')
$$;

CREATE OR REPLACE FUNCTION tenancy.ticket_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.webhook_to_linked('partner.tenant.ticket_created', NEW.tenant_id, jsonb_build_object(
        'ticket_id', NEW.id, 'number', NEW.number, 'subject', NEW.subject, 'priority', NEW.priority,
        'status', NEW.status, 'category', NEW.category, 'created_by_partner_id', NEW.created_by_partner_id,
        'sla_breach_at', NEW.sla_breach_at, 'created_at', NEW.created_at));
    RETURN NULL;
END
$$;

-- What is done to tickets and subscribers here, told to the platform; an internal note is told to nobody.
CREATE OR REPLACE FUNCTION tenancy.platform_ticket_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.webhook_to_platform(
        CASE TG_OP WHEN 'INSERT' THEN 'platform.ticket.created' ELSE 'platform.ticket.updated' END, NEW.tenant_id,
        jsonb_build_object(
            'ticket_id', NEW.id, 'external_id', NEW.external_id, 'number', NEW.number, 'subject', NEW.subject,
            'priority', NEW.priority, 'status', NEW.status, 'category', NEW.category,
            'assigned_to_name', NEW.assigned_to_name, 'created_at', NEW.created_at));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.platform_comment_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.webhook_to_platform('platform.ticket.commented', k.tenant_id, jsonb_build_object(
        'ticket_id', k.id, 'external_id', k.external_id, 'number', k.number, 'comment_id', NEW.id,
        'author_name', NEW.author_name, 'content', NEW.content, 'created_at', NEW.created_at))
    FROM tenancy.ticket AS k WHERE k.id = NEW.ticket_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.platform_subscriber_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.webhook_to_platform(
        CASE NEW.status WHEN 'active' THEN 'platform.subscriber.activated' ELSE 'platform.subscriber.suspended' END,
        NEW.tenant_id,
        jsonb_build_object(
            'subscriber_id', NEW.id, 'external_id', NEW.external_id, 'status', NEW.status,
            'previous_status', OLD.status));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.tenant_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.webhook_to_linked('partner.tenant.status_changed', NEW.id, jsonb_build_object(
        'status', NEW.status, 'previous_status', OLD.status));
    RETURN NULL;
END
$$;

-- Where a partner's software listens, and to what, is its partner's affair, whatever staff may switch off; and what staff
-- switched off stays off until staff switch it on. Columns are granted to a role and not to a row.
CREATE OR REPLACE FUNCTION portal.endpoint_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('role') = '@staff' AND OLD.partner_id IS NOT NULL
       AND (OLD.url, OLD.description, OLD.events) IS DISTINCT FROM (NEW.url, NEW.description, NEW.events) THEN
        RAISE EXCEPTION 'only its partner changes an endpoint' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF current_setting('role') = '@partner' AND OLD.disabled_for = 'staff'
       AND (OLD.status, OLD.disabled_for) IS DISTINCT FROM (NEW.status, NEW.disabled_for) THEN
        RAISE EXCEPTION 'staff switched this endpoint off' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

-- What the owner writes is history being brought in. The platform brings both: a ticket older than a day is history,
-- and a status that changes is news whoever says it.
SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS link_events ON portal.partner_tenant_link;
CREATE TRIGGER link_events AFTER INSERT OR UPDATE OF status ON portal.partner_tenant_link
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.link_events();
DROP TRIGGER IF EXISTS ticket_events ON tenancy.ticket;
CREATE TRIGGER ticket_events AFTER INSERT ON tenancy.ticket
    FOR EACH ROW WHEN (current_setting('role') IN ('@partner', '@customer', '@staff', '@platform', '@worker')
        AND NEW.created_at > now() - interval '1 day')
    EXECUTE FUNCTION tenancy.ticket_events();
DROP TRIGGER IF EXISTS tenant_events ON tenancy.tenant;
CREATE TRIGGER tenant_events AFTER UPDATE OF status ON tenancy.tenant
    FOR EACH ROW WHEN (current_setting('role') IN ('@partner', '@customer', '@staff', '@platform', '@worker')
        AND OLD.status <> NEW.status)
    EXECUTE FUNCTION tenancy.tenant_events();
DROP TRIGGER IF EXISTS platform_ticket_opened ON tenancy.ticket;
CREATE TRIGGER platform_ticket_opened AFTER INSERT ON tenancy.ticket
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION tenancy.platform_ticket_events();
DROP TRIGGER IF EXISTS platform_ticket_changed ON tenancy.ticket;
CREATE TRIGGER platform_ticket_changed AFTER UPDATE OF status, priority, assigned_to_id ON tenancy.ticket
    FOR EACH ROW WHEN (portal.side() <> 'owner' AND (NEW.status, NEW.priority, NEW.assigned_to_id)
        IS DISTINCT FROM (OLD.status, OLD.priority, OLD.assigned_to_id))
    EXECUTE FUNCTION tenancy.platform_ticket_events();
DROP TRIGGER IF EXISTS platform_ticket_commented ON tenancy.ticket_comment;
CREATE TRIGGER platform_ticket_commented AFTER INSERT ON tenancy.ticket_comment
    FOR EACH ROW WHEN (NOT NEW.is_internal AND portal.side() <> 'owner')
    EXECUTE FUNCTION tenancy.platform_comment_events();
DROP TRIGGER IF EXISTS platform_subscriber_changed ON tenancy.subscriber;
CREATE TRIGGER platform_subscriber_changed AFTER UPDATE OF status ON tenancy.subscriber
    FOR EACH ROW WHEN (NEW.status <> OLD.status AND NEW.status IN ('active', 'suspended') AND portal.side() <> 'owner')
    EXECUTE FUNCTION tenancy.platform_subscriber_events();
DROP TRIGGER IF EXISTS endpoint_guard ON portal.webhook_endpoint;
CREATE TRIGGER endpoint_guard BEFORE UPDATE ON portal.webhook_endpoint
    FOR EACH ROW EXECUTE FUNCTION portal.endpoint_guard();
SET LOCAL ROLE @definer;
