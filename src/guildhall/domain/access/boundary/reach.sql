-- Who reaches what. Everything here is owned by @definer, has a fixed search path, and is listed with what it
-- can leak in docs/definer-functions.md. `@word` is a database role of this installation.

CREATE OR REPLACE FUNCTION portal.app_id(name text) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT nullif(current_setting('app.' || name, true), '')::uuid $$;

-- The only definition of a live link: gates and policies both ask it (BOUNDARY §2). Its body is read here and now, so that
-- what it calls is what this path says, and not the path of whoever asks a view or a policy that it becomes part of.
CREATE OR REPLACE FUNCTION portal.is_live(status text, starts_at timestamptz, ends_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE
RETURN status = 'active' AND starts_at <= now() AND (ends_at IS NULL OR now() < ends_at);

-- Whether the person's own tenant limits include the tenant (PRODUCT §3).
CREATE OR REPLACE FUNCTION portal.within_limits(person uuid, scope text, tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT scope = 'all' OR (scope = 'include') = EXISTS (
        SELECT 1 FROM portal.partner_user_tenant AS limited
        WHERE limited.user_id = person AND limited.tenant_id = tenant
        UNION ALL
        SELECT 1 FROM portal.partner_user_group AS named
        JOIN portal.tenant_group_tenant AS grouped ON grouped.group_id = named.group_id
        WHERE named.user_id = person AND grouped.tenant_id = tenant
    )
$$;

-- Subscribers of the partner's home tenant that it looks after (PRODUCT §1, “Partner account”).
CREATE OR REPLACE FUNCTION portal.account_subscribers() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 5
AS $$
    SELECT account.subscriber_id
    FROM portal.partner_account AS account
    JOIN portal.partner ON partner.id = account.partner_id
        AND partner.home_tenant_id = account.home_tenant_id AND partner.status = 'active'
    JOIN tenancy.subscriber ON subscriber.id = account.subscriber_id
        AND subscriber.tenant_id = account.home_tenant_id
    WHERE account.partner_id = portal.app_id('partner_id') AND account.status = 'active'
      AND NOT EXISTS (  -- a client that is limited to some tenants is not at home there
          SELECT 1 FROM portal.api_client AS client
          WHERE client.id = portal.app_id('user_id') AND client.tenant_scope <> 'all')
$$;

CREATE OR REPLACE FUNCTION portal.account_invoices() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 5
AS $$ SELECT id FROM tenancy.invoice WHERE subscriber_id = ANY (ARRAY(SELECT portal.account_subscribers())) $$;

CREATE OR REPLACE FUNCTION portal.account_tickets() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 5
AS $$ SELECT id FROM tenancy.ticket WHERE subscriber_id = ANY (ARRAY(SELECT portal.account_subscribers())) $$;

-- Whether the person or client at work keeps this file for this tenant, and the ticket is that tenant's.
DROP FUNCTION IF EXISTS portal.may_attach(uuid, uuid, uuid);
CREATE OR REPLACE FUNCTION portal.may_attach(file_id uuid, ticket_id uuid, tenant_id uuid, comment_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal.file AS kept
        WHERE kept.id = may_attach.file_id AND kept.tenant_id = may_attach.tenant_id
          AND kept.created_by = portal.app_id('user_id') AND kept.state = 'writing'
    ) AND EXISTS (
        SELECT 1 FROM tenancy.ticket AS about
        WHERE about.id = may_attach.ticket_id AND about.tenant_id = may_attach.tenant_id
    ) AND (may_attach.comment_id IS NULL OR EXISTS (
        SELECT 1 FROM tenancy.ticket_comment AS said
        WHERE said.id = may_attach.comment_id AND said.ticket_id = may_attach.ticket_id
          AND said.author_id = portal.app_id('user_id')
    ))
$$;

-- The tenant of the customer's person at work, if the membership is active. No row otherwise.
CREATE OR REPLACE FUNCTION portal.own_tenant() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
AS $$
    SELECT membership.tenant_id
    FROM tenancy.customer_membership AS membership
    JOIN tenancy.customer_user AS person ON person.id = membership.user_id AND person.status = 'active'
    WHERE membership.user_id = portal.app_id('user_id')
      AND membership.tenant_id = portal.app_id('tenant_id')
      AND membership.status = 'active'
$$;

-- What a customer may know of the people behind its live links: names, roles, last active; never an address.
CREATE OR REPLACE FUNCTION portal.partner_people_for_tenant()
RETURNS TABLE (link_id uuid, partner_id uuid, person_id uuid, name text, roles text[], last_active_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT link.id, link.partner_id, person.id, person.name, person.roles, person.last_active_at
    FROM portal.partner_tenant_link AS link
    JOIN portal.partner_user AS person ON person.partner_id = link.partner_id AND person.status = 'active'
        AND person.last_active_at IS NOT NULL  -- who is invited reaches nothing yet
    WHERE link.tenant_id = ANY (ARRAY(SELECT portal.own_tenant()))
      AND link.status = 'active' AND portal.is_live(link.status, link.starts_at, link.ends_at)
      AND portal.within_limits(person.id, person.tenant_scope, link.tenant_id)
$$;

-- The same for the person at work, of tenants of the own partner's links only.
CREATE OR REPLACE FUNCTION portal.within_own_limits(tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT portal.within_limits(person.person_id, person.tenant_scope, tenant)
               AND portal.client_within(person.client_id, person.client_scope, tenant)
        FROM portal.at_work() AS person
    ), false)
$$;

-- Whether the person or client at work is limited to no customers at all; false where nobody is at work.
CREATE OR REPLACE FUNCTION portal.sees_every_customer() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT person.tenant_scope = 'all' AND person.client_scope = 'all' FROM portal.at_work() AS person
    ), false)
$$;

-- The tenants of the partner's links, in whatever state, that lie within the limits of the person or client at work:
-- within_limits and client_within, written out, since a call for each of ten thousand links costs more than the look.
CREATE OR REPLACE FUNCTION portal.tenants_within_limits() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 50
AS $$
    SELECT DISTINCT link.tenant_id
    FROM portal.at_work() AS person
    JOIN portal.partner_tenant_link AS link ON link.partner_id = person.partner_id AND link.tenant_id IS NOT NULL
    WHERE (person.tenant_scope = 'all'
           OR (person.tenant_scope = 'include') = EXISTS (
               SELECT 1 FROM portal.partner_user_tenant AS limited
               WHERE limited.user_id = person.person_id AND limited.tenant_id = link.tenant_id
               UNION ALL
               SELECT 1 FROM portal.partner_user_group AS named
               JOIN portal.tenant_group_tenant AS grouped ON grouped.group_id = named.group_id
               WHERE named.user_id = person.person_id AND grouped.tenant_id = link.tenant_id))
      AND (person.client_id IS NULL OR person.client_scope = 'all' OR EXISTS (
          SELECT 1 FROM portal.api_client_tenant AS named
          WHERE named.client_id = person.client_id AND named.tenant_id = link.tenant_id))
$$;

-- The areas that the person or client at work may use, as bits (AREA_BITS); null where nobody is at work.
CREATE OR REPLACE FUNCTION portal.areas_at_work() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN person.client_id IS NULL THEN -1 ELSE (
        SELECT sum(known.bit)::integer FROM (VALUES %AREAS%) AS known (name, bit)
        WHERE known.name = 'any' OR known.name = ANY (person.client_areas)) END
    FROM portal.at_work() AS person
    JOIN portal.partner ON partner.id = person.partner_id AND partner.status <> 'terminated'
$$;

-- The tenants that the person or client at work reaches by a live link, with what it may use there. Policies ask one view
-- of it for each area and for each table that a statement reads. Views and not a function, so that the look goes into the
-- plan and its rows are kept once; they read with the rights of @definer, as a function would. Nothing is asked but what
-- ix_link_opens holds.
CREATE VIEW portal.reached AS
    SELECT link.tenant_id, link.opens & (SELECT portal.areas_at_work()) AS opens
    FROM portal.partner_tenant_link AS link
    WHERE link.partner_id = (SELECT portal.app_id('partner_id'))
      AND link.status = 'active' AND portal.is_live(link.status, link.starts_at, link.ends_at)
      AND ((SELECT portal.sees_every_customer())
           OR link.tenant_id IN (SELECT within FROM portal.tenants_within_limits() AS within));
%REACHED%

-- The same for an area that is known only when it is asked for.
CREATE OR REPLACE FUNCTION portal.reach(area text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 50
AS $$
    SELECT tenant_id FROM portal.reached
    WHERE opens & (SELECT known.bit FROM (VALUES %AREAS%) AS known (name, bit) WHERE known.name = area) <> 0
$$;

-- How many people a tenant has on the vendor's product, for a partner that reaches it: a number, never who.
CREATE OR REPLACE FUNCTION portal.people_count(tenant uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*)
    FROM tenancy.customer_membership AS membership
    JOIN tenancy.customer_user AS person ON person.id = membership.user_id AND person.status = 'active'
    WHERE membership.tenant_id = tenant AND membership.status = 'active' AND membership.accepted_at IS NOT NULL
      AND tenant IN (SELECT reached FROM portal.reach('any') AS reached)
$$;
