-- Notices, written in the transaction of their cause (PRODUCT §8). What a notice says to one side holds nothing that
-- this side may not know: to a partner, a tenant is what its link calls it (the name once known, else the domain that
-- the partner typed), and never an id before that. A cause is told once: `key` names it.

CREATE OR REPLACE FUNCTION portal.tell(
    side text, whom uuid, what text, key text, link uuid, tenant uuid, area text, said jsonb
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO portal.notice (id, audience, audience_id, kind, dedupe, link_id, tenant_id, area, "values")
    VALUES (gen_random_uuid(), side, whom, what, key, link, tenant, area, said) ON CONFLICT DO NOTHING
$$;

CREATE OR REPLACE FUNCTION portal.tell_partner(link portal.partner_tenant_link, what text, key text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.tell(
        'partner', link.partner_id, what, key, link.id, CASE WHEN link.tenant_name IS NOT NULL THEN link.tenant_id END,
        '', jsonb_build_object('tenant', coalesce(link.tenant_name, link.tenant_domain)))
$$;

CREATE OR REPLACE FUNCTION portal.tell_tenant(link portal.partner_tenant_link, what text, key text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.tell(
        'tenant', link.tenant_id, what, key, link.id, link.tenant_id, '', jsonb_build_object('partner', link.partner_name))
    WHERE link.tenant_id IS NOT NULL
$$;

-- What a change of a link's row is called; nothing where it is no news, or where link_change has the news.
CREATE OR REPLACE FUNCTION portal.link_news(old portal.partner_tenant_link, new portal.partner_tenant_link) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN old.status <> new.status THEN CASE
            WHEN new.status NOT IN ('active', 'scheduled') THEN 'link.' || new.status
            WHEN old.status = 'requested' THEN 'link.approved'
            WHEN old.status = 'countered' THEN 'link.accepted'
            WHEN old.status = 'paused' THEN 'link.resumed'
            ELSE 'link.started' END
        WHEN (old.access_role, old.permissions, old.operating_model, old.ends_at)
            IS NOT DISTINCT FROM (new.access_role, new.permissions, new.operating_model, new.ends_at)
            THEN CASE WHEN old.sla_config <> new.sla_config THEN 'link.promised' END
        WHEN EXISTS (
            SELECT 1 FROM portal.link_change AS wish
            WHERE wish.link_id = new.id AND wish.kind = 'change' AND wish.status = 'open'
              AND (wish.permissions, wish.operating_model, wish.ends_at)
                  IS NOT DISTINCT FROM (new.permissions, new.operating_model, new.ends_at)) THEN NULL
        WHEN new.permissions <@ old.permissions
            AND coalesce(new.ends_at, 'infinity') <= coalesce(old.ends_at, 'infinity') THEN 'link.narrowed'
        ELSE 'link.changed' END
$$;

-- The side that acts knows; the clock's doings are told to both.
CREATE OR REPLACE FUNCTION portal.link_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acting text := portal.side();
    what text;
    key text := 'link:' || NEW.id || ':' || NEW.version;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        what := portal.link_news(OLD, NEW);
    ELSE
        what := CASE NEW.status WHEN 'requested' THEN 'link.requested' ELSE 'link.created' END;
    END IF;
    IF what IN ('link.expired', 'link.lapsed', 'link.started') THEN
        acting := 'system';
    END IF;
    IF what IS NOT NULL AND acting <> 'partner' THEN
        PERFORM portal.tell_partner(NEW, what, key);
    END IF;
    IF what IS NOT NULL AND acting <> 'tenant' THEN
        PERFORM portal.tell_tenant(NEW, what, key);
    END IF;
    IF what = 'link.requested' AND NEW.attention = 'no_approver' THEN
        PERFORM portal.tell('staff', NULL, 'link.no_approver', key, NEW.id, NEW.tenant_id, '',
            jsonb_build_object('partner', NEW.partner_name, 'tenant', t.name))
        FROM tenancy.tenant AS t WHERE t.id = NEW.tenant_id;
    END IF;
    RETURN NULL;
END
$$;

-- A partner's wish to change a link, and the answer. Offers that close because the link does are no news.
CREATE OR REPLACE FUNCTION portal.link_change_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    link portal.partner_tenant_link;
    key text := 'link_change:' || NEW.id || ':' || NEW.status;
BEGIN
    SELECT * INTO link FROM portal.partner_tenant_link AS l
    WHERE l.id = NEW.link_id AND l.status IN ('scheduled', 'active', 'paused');
    IF link.id IS NULL THEN
        RETURN NULL;
    END IF;
    CASE NEW.status
        WHEN 'open' THEN PERFORM portal.tell_tenant(link, 'link.change_asked', key);
        WHEN 'withdrawn' THEN PERFORM portal.tell_tenant(link, 'link.change_withdrawn', key);
        WHEN 'accepted' THEN PERFORM portal.tell_partner(link, 'link.change_approved', key);
        WHEN 'declined' THEN PERFORM portal.tell_partner(link, 'link.change_declined', key);
        ELSE NULL;
    END CASE;
    RETURN NULL;
END
$$;

-- A ticket's news goes to the other side: from a partner to the tenant, from the tenant to every partner whose live
-- link opens support. An internal comment never comes here.
CREATE OR REPLACE FUNCTION portal.tell_of_ticket(
    ticket tenancy.ticket, from_partner text, by_name text, what text, key text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.tell('tenant', ticket.tenant_id, what, key, NULL, ticket.tenant_id, 'support', jsonb_build_object(
        'ticket_id', ticket.id, 'number', ticket.number, 'by', by_name, 'partner', from_partner))
    WHERE from_partner IS NOT NULL
    UNION ALL
    SELECT portal.tell('partner', l.partner_id, what, key, l.id, ticket.tenant_id, 'support', jsonb_build_object(
        'ticket_id', ticket.id, 'number', ticket.number, 'by', by_name, 'tenant', l.tenant_name))
    FROM portal.partner_tenant_link AS l
    WHERE from_partner IS NULL AND l.tenant_id = ticket.tenant_id AND 'support' = ANY (l.areas)
      AND l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)
$$;

CREATE OR REPLACE FUNCTION tenancy.ticket_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.tell_of_ticket(
        NEW, NEW.created_by_partner_name, NEW.created_by_name, 'ticket.opened', 'ticket:' || NEW.id);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tenancy.comment_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ticket tenancy.ticket;
BEGIN
    SELECT * INTO STRICT ticket FROM tenancy.ticket AS t WHERE t.id = NEW.ticket_id;
    PERFORM portal.tell_of_ticket(
        ticket, NEW.author_partner_name, NEW.author_name, 'ticket.commented', 'comment:' || NEW.id);
    RETURN NULL;
END
$$;

-- Who is given a ticket by somebody else is told alone. Of many that come by one act (`app.act_id`) one notice tells, with
-- their number; where it was told already, it is told again.
CREATE OR REPLACE FUNCTION tenancy.ticket_assigned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    giver uuid := portal.app_id('user_id');
    act uuid := portal.app_id('act_id');
BEGIN
    INSERT INTO portal.notice AS told
        (id, audience, audience_id, person_id, kind, dedupe, link_id, tenant_id, area, "values")
    SELECT gen_random_uuid(), 'partner', u.partner_id, u.id, of.kind, of.key, of.link, of.tenant, 'support', of.said
    FROM portal.partner_user AS u
    JOIN portal.partner_tenant_link AS l ON l.partner_id = u.partner_id AND l.tenant_id = NEW.tenant_id
    CROSS JOIN LATERAL (SELECT coalesce(
        (SELECT g.name FROM portal.partner_user AS g WHERE g.id = giver),
        (SELECT c.name FROM portal.api_client AS c WHERE c.id = giver))) AS by (name)
    CROSS JOIN LATERAL (
        SELECT 'ticket.assigned', 'assigned:' || NEW.id || ':' || NEW.version, l.id, NEW.tenant_id, jsonb_build_object(
            'ticket_id', NEW.id, 'number', NEW.number, 'tenant', l.tenant_name, 'by', by.name)
        WHERE act IS NULL
        UNION ALL
        SELECT 'ticket.assigned_many', 'assigned:' || act, NULL, NULL, jsonb_build_object('number', 1, 'by', by.name)
        WHERE act IS NOT NULL) AS of (kind, key, link, tenant, said)
    WHERE u.id = NEW.assigned_to_id AND u.id IS DISTINCT FROM giver
      AND l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)
    ON CONFLICT (audience, audience_id, dedupe) DO UPDATE
        SET told_at = NULL,
            "values" = told."values" || jsonb_build_object('number', (told."values" ->> 'number')::integer + 1)
        WHERE told.kind = 'ticket.assigned_many';
    RETURN NULL;
END
$$;

-- What a partner does to a subscriber is told to its tenant, once for each act.
CREATE OR REPLACE FUNCTION tenancy.subscriber_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.tell(
        'tenant', NEW.tenant_id, CASE NEW.status WHEN 'active' THEN 'subscriber.activated' ELSE 'subscriber.suspended' END,
        'subscriber:' || NEW.id || ':' || gen_random_uuid(), NULL, NEW.tenant_id, '',
        jsonb_build_object('partner', p.name, 'subscriber', NEW.name))
    FROM portal.partner AS p WHERE p.id = portal.app_id('partner_id');
    RETURN NULL;
END
$$;

-- What is entrusted to a partner, or no longer. Without the subscriber's name: after the end it is not the partner's to see.
CREATE OR REPLACE FUNCTION portal.account_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM portal.tell(
        'partner', NEW.partner_id, CASE NEW.status WHEN 'active' THEN 'account.begun' ELSE 'account.ended' END,
        'account:' || NEW.id || ':' || NEW.status, NULL, NULL, '', jsonb_build_object('account_id', NEW.id));
    RETURN NULL;
END
$$;

-- API clients: told to the principals of the partner, whoever of them or of the vendor did it.
CREATE OR REPLACE FUNCTION portal.tell_of_client(client portal.api_client, what text, key text, by_name text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT portal.tell('partner', client.partner_id, what, key, NULL, NULL, 'clients',
        jsonb_build_object('client', client.name, 'client_id', client.id, 'by', by_name))
$$;

CREATE OR REPLACE FUNCTION portal.client_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM portal.tell_of_client(NEW, 'client.set_up', 'client:' || NEW.id, NEW.created_by);
    ELSIF NEW.revoked_at IS NOT NULL THEN
        IF OLD.revoked_at IS NULL THEN
            PERFORM portal.tell_of_client(NEW, 'client.revoked', 'client_revoked:' || NEW.id, NEW.revoked_by);
        END IF;
    ELSIF NOT NEW.scopes <@ OLD.scopes OR NEW.responsible_id <> OLD.responsible_id OR NEW.expires_at > OLD.expires_at
       OR NEW.tenant_scope = 'all' AND OLD.tenant_scope <> 'all'
       OR OLD.networks <> '{}' AND (NEW.networks = '{}' OR NOT NEW.networks <@ OLD.networks) THEN
        PERFORM portal.tell_of_client(
            NEW, 'client.changed', 'client_changed:' || NEW.id || ':' || gen_random_uuid(), NEW.responsible_name);
    END IF;
    RETURN NULL;
END
$$;

-- The first secret comes with its client and is no news of its own.
CREATE OR REPLACE FUNCTION portal.client_secret_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    client portal.api_client;
BEGIN
    SELECT * INTO STRICT client FROM portal.api_client AS c WHERE c.id = NEW.client_id;
    IF EXISTS (SELECT 1 FROM portal.api_client_secret AS s WHERE s.client_id = NEW.client_id AND s.id <> NEW.id) THEN
        PERFORM portal.tell_of_client(client, 'client.secret_made', 'client_secret:' || NEW.id, NEW.created_by);
    END IF;
    RETURN NULL;
END
$$;

-- What the owner and the platform write is history being brought in, not news: nobody is told.
SET LOCAL ROLE @owner;
DROP TRIGGER IF EXISTS link_notices ON portal.partner_tenant_link;
CREATE TRIGGER link_notices AFTER INSERT OR UPDATE ON portal.partner_tenant_link
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.link_notices();
DROP TRIGGER IF EXISTS link_change_notices ON portal.link_change;
CREATE TRIGGER link_change_notices AFTER INSERT OR UPDATE OF status ON portal.link_change
    FOR EACH ROW WHEN (NEW.kind = 'change' AND portal.side() <> 'owner') EXECUTE FUNCTION portal.link_change_notices();
DROP TRIGGER IF EXISTS client_notices ON portal.api_client;
CREATE TRIGGER client_notices AFTER INSERT OR UPDATE OF revoked_at, scopes, responsible_id ON portal.api_client
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.client_notices();
DROP TRIGGER IF EXISTS client_secret_notices ON portal.api_client_secret;
CREATE TRIGGER client_secret_notices AFTER INSERT ON portal.api_client_secret
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.client_secret_notices();
DROP TRIGGER IF EXISTS ticket_notices ON tenancy.ticket;
CREATE TRIGGER ticket_notices AFTER INSERT ON tenancy.ticket
    FOR EACH ROW WHEN ((NEW.created_by_partner_id IS NULL OR NEW.notify_customer) AND portal.side() <> 'owner')
    EXECUTE FUNCTION tenancy.ticket_notices();
DROP TRIGGER IF EXISTS ticket_assigned ON tenancy.ticket;
CREATE TRIGGER ticket_assigned AFTER UPDATE OF assigned_to_id ON tenancy.ticket
    FOR EACH ROW WHEN (
        NEW.assigned_to_id IS NOT NULL AND NEW.assigned_to_id IS DISTINCT FROM OLD.assigned_to_id
        AND portal.side() = 'partner')
    EXECUTE FUNCTION tenancy.ticket_assigned();
DROP TRIGGER IF EXISTS comment_notices ON tenancy.ticket_comment;
CREATE TRIGGER comment_notices AFTER INSERT ON tenancy.ticket_comment
    FOR EACH ROW WHEN (
        NOT NEW.is_internal AND (NEW.author_partner_id IS NULL OR NEW.notify_customer) AND portal.side() <> 'owner')
    EXECUTE FUNCTION tenancy.comment_notices();
DROP TRIGGER IF EXISTS subscriber_notices ON tenancy.subscriber;
CREATE TRIGGER subscriber_notices AFTER UPDATE OF status ON tenancy.subscriber
    FOR EACH ROW WHEN (NEW.status <> OLD.status AND portal.side() = 'partner')
    EXECUTE FUNCTION tenancy.subscriber_notices();
DROP TRIGGER IF EXISTS account_notices ON portal.partner_account;
CREATE TRIGGER account_notices AFTER INSERT OR UPDATE OF status ON portal.partner_account
    FOR EACH ROW WHEN (portal.side() <> 'owner') EXECUTE FUNCTION portal.account_notices();
SET LOCAL ROLE @definer;
