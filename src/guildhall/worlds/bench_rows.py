"""The SQL that fills a bench world. Every value follows from the tenant's number, so worlds repeat exactly.

`%(today)s` is the day that dates count back from, `%(slice)s` a period from 0: rows are written period by period and
mixed over the tenants, as they would have come in, so that no tenant's rows lie together on the disk.
"""

# Tenants 0-49 are the measured partner's; `rate` is how many rows they get where others get one.
NUMBERS = """
CREATE TEMPORARY TABLE bench ON COMMIT DROP AS
SELECT n, pg_temp.made(1, n) AS id, pg_temp.made(2, owner) AS partner_id, owner, n < 50 + %(giant)s AS measured,
       CASE WHEN n < 50 THEN 10 ELSE 1 END AS rate,
       (ARRAY['Amber','Birch','Cedar','Delta','Ember','Fjord','Grove','Haven','Inlet','Jade'])[1 + mod(n, 10)] || ' ' ||
       (ARRAY['Fiber','Wireless','Networks','Cable','Telecom','Clinics','Logistics'])[1 + mod(n, 7)] || ' ' || n AS name
FROM (SELECT n, CASE WHEN n < 50 THEN 0 WHEN n < 50 + %(giant)s THEN 1
             ELSE %(first)s + mod(n - 50 - %(giant)s, %(partners)s - %(first)s) END AS owner
      FROM generate_series(0, %(tenants)s - 1) AS n) AS x
"""
# Ids sort by number within a kind, as the application's sort by time.
MADE = """
CREATE FUNCTION pg_temp.made(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid
"""

PARTNERS = """
INSERT INTO portal.partner (id, name, slug, type, tier, country, created_at)
SELECT pg_temp.made(2, n), 'Bench Partner ' || n,
       CASE WHEN n = 0 THEN 'bench50' WHEN n < %(first)s THEN 'bench10k' ELSE 'bench-' || n END, 'mssp', 'gold', 'US',
       %(today)s::date - 600
FROM generate_series(0, %(partners)s - 1) AS n
"""
TENANTS = """
INSERT INTO tenancy.tenant (id, external_id, name, slug, domain, status, plan_type, contact_email, region, created_at)
SELECT id, 'B-' || n, name, 'bench-' || n, 'bench-' || n || '.example',
       (ARRAY['active','active','active','active','trial','active','active','suspended'])[1 + mod(n, 8)], 'growth',
       'admin@bench-' || n || '.example', 'us-east', %(today)s::date - 560 + mod(n, 300) FROM bench
"""
LINKS = """
INSERT INTO portal.partner_tenant_link (id, partner_id, partner_name, tenant_id, tenant_name, tenant_domain,
    access_role, permissions, areas, relationship_type, operating_model, starts_at, ends_at, status, sla_config,
    created_by, updated_by, decided_at, created_at, updated_at)
SELECT pg_temp.made(3, b.n), b.partner_id, p.name, b.id, b.name, 'bench-' || b.n || '.example', 'msp_full',
       %(permissions)s, %(areas)s, 'msp_managed',
       (ARRAY['co_managed','fully_managed','customer_managed','co_managed'])[1 + mod(b.n, 4)],
       %(today)s::date - 200, %(today)s::date + 400, 'active', '{"response_hours": 4}', 'Bench', 'Bench',
       %(today)s::date - 200, %(today)s::date - 200, %(today)s::date - 200
FROM bench AS b JOIN portal.partner AS p ON p.id = b.partner_id
"""
SUBSCRIPTIONS = """
INSERT INTO portal.subscription (id, partner_id, link_id, tenant_id, plan, status, billing_cycle, currency, mrr,
    capacity, starts_on, renews_on)
SELECT pg_temp.made(4, n), partner_id, pg_temp.made(3, n), id, 'growth',
       (ARRAY['active','active','active','trial','suspended'])[1 + mod(n, 5)], 'monthly', 'USD', 290 + mod(n * 37, 900),
       '{"active_subscribers": 60, "bandwidth_gb": 800, "api_calls": 6000}', %(today)s::date - 200,
       %(today)s::date + 1 + mod(n, 28) FROM bench
"""
SUBSCRIBERS = """
INSERT INTO tenancy.subscriber (id, tenant_id, external_id, name, email, status, plan, created_at)
SELECT pg_temp.made(5, n * 64 + k), id, 'S-' || k, 'Subscriber ' || k, 's' || k || '@mail.example',
       (ARRAY['active','active','active','active','suspended','cancelled'])[1 + mod(n + k, 6)], 'Home 500',
       %(today)s::date - 500
FROM bench, generate_series(1, 4 * rate) AS k
"""
POSTURE = """
INSERT INTO tenancy.posture_snapshot (id, tenant_id, taken_at, score, critical, high, medium, low, findings)
SELECT pg_temp.made(6, n), id, %(today)s::date - 1, 55 + mod(n, 45), 0, 1, 0, 0,
       '[{"id": "1", "title": "Open port", "severity": "high"}]' FROM bench
"""
OUTAGES = """
INSERT INTO tenancy.outage (id, tenant_id, external_id, started_at, ended_at, cause)
SELECT pg_temp.made(7, n), id, 'O-1', start, start + interval '1 second' * (300 + mod(n * 97, 7000)), 'Fibre cut'
FROM (SELECT n, id, (%(today)s::date - 1 - mod(n, 29)) + interval '9 hours' AS start FROM bench WHERE measured) AS x
"""
INVOICES = """
INSERT INTO tenancy.invoice (id, tenant_id, subscriber_id, external_id, number, status, currency, amount, amount_paid,
    issued_on, due_on, paid_on, created_at, updated_at)
SELECT pg_temp.made(8, row), tenant_id, subscriber_id, 'I-' || k, 'INV-' || k, status, 'USD', amount,
       CASE status WHEN 'paid' THEN amount ELSE 0 END, issued, issued + 30,
       CASE status WHEN 'paid' THEN issued + 12 END, issued, issued
FROM (
    SELECT *, CASE WHEN issued < %(today)s::date - 30
        THEN CASE WHEN luck < 6 THEN 'overdue' WHEN luck < 8 THEN 'cancelled' ELSE 'paid' END
        ELSE CASE WHEN luck < 5 THEN 'draft' WHEN luck < 60 THEN 'finalized' ELSE 'paid' END END AS status
    FROM (
        SELECT id AS tenant_id, pg_temp.made(5, n * 64 + 1 + mod(k, 4 * rate)) AS subscriber_id, k,
               %(slice)s::bigint * 1000000000 + k * 1000000::bigint + n AS row, mod(n * 31 + k * 17, 100) AS luck,
               20.25 + mod(n * 37 + k * 13, 500) AS amount,
               %(today)s::date - 27 * (19 - %(slice)s) - 1 - mod(n + 3 * k, 26) AS issued
        FROM bench, generate_series(%(slice)s * rate + 1, %(slice)s * rate + rate) AS k
    ) AS x
) AS y ORDER BY mod(row * 7919, 1000003)
"""
PAYMENTS = """
INSERT INTO tenancy.payment (id, tenant_id, invoice_id, external_id, currency, amount, paid_on, created_at)
SELECT pg_temp.made(9, row_number() OVER (ORDER BY paid_on, id)), tenant_id, id, 'P-' || external_id, currency, amount,
       paid_on, paid_on
FROM tenancy.invoice WHERE status = 'paid'
"""
LINES = """
INSERT INTO tenancy.invoice_line (id, tenant_id, invoice_id, position, description, quantity, unit_price, amount)
SELECT pg_temp.made(10, row_number() OVER (ORDER BY i.id)), i.tenant_id, i.id, 1, 'Home 500', 1, i.amount, i.amount
FROM tenancy.invoice AS i JOIN bench AS b ON b.id = i.tenant_id WHERE b.n < 50
"""
TICKETS = """
INSERT INTO tenancy.ticket (id, tenant_id, subscriber_id, number, subject, description, status, priority, category,
    created_by_kind, created_by_name, sla_breach_at, sla_breached_at, resolved_at, response_count, created_at,
    updated_at)
SELECT pg_temp.made(11, row), tenant_id, subscriber_id, k, subject, subject || ', by phone.', status, priority,
       'network', 'platform', 'Platform', due, CASE WHEN late OR (resolved IS NULL AND due < now()) THEN due END,
       resolved, mod(k, 4), created, coalesce(resolved, created)
FROM (
    SELECT *, created + interval '1 hour' * hours AS due, luck < 12 AS late,
           CASE WHEN status IN ('resolved', 'closed')
                THEN created + interval '1 hour' * hours * CASE WHEN luck < 12 THEN 1.5 ELSE 0.6 END END AS resolved
    FROM (
        SELECT id AS tenant_id, pg_temp.made(5, n * 64 + 1 + mod(k, 4 * rate)) AS subscriber_id, k,
               %(slice)s::bigint * 1000000000 + k * 1000000::bigint + n AS row, mod(n * 29 + k * 23, 100) AS luck,
               (ARRAY['Slow speeds','No signal','Packet loss','Router fails'])[1 + mod(n + k, 4)] AS subject,
               (ARRAY['urgent','high','normal','normal','low'])[1 + mod(n + k, 5)] AS priority,
               (ARRAY[1, 4, 4, 4, 4])[1 + mod(n + k, 5)] AS hours,
               CASE WHEN %(slice)s < 8 THEN 'closed'
                    ELSE (ARRAY['open','pending','resolved','closed'])[1 + mod(n + k, 4)] END AS status,
               %(today)s::date - 50 * (9 - %(slice)s) - 1 - mod(n + 7 * k, 49) + interval '1 minute' * mod(n * 13, 1440)
                   AS created
        FROM bench, generate_series(%(slice)s * rate + 1, %(slice)s * rate + rate) AS k
    ) AS x
) AS y ORDER BY mod(row * 7919, 1000003)
"""
COMMENTS = """
INSERT INTO tenancy.ticket_comment (id, tenant_id, ticket_id, content, is_internal, author_kind, author_name,
    created_at)
SELECT pg_temp.made(12, row_number() OVER (ORDER BY k.id, place)), k.tenant_id, k.id, 'We are on it.', place = 2,
       'platform', 'Platform', k.created_at + interval '1 hour' * place
FROM tenancy.ticket AS k JOIN bench AS b ON b.id = k.tenant_id, generate_series(1, 2) AS place WHERE b.n < 50
"""
USAGE = """
INSERT INTO tenancy.usage_daily (tenant_id, metric, day, quantity)
SELECT id, metric, %(today)s::date - 34 + %(slice)s, base + mod(n * 7 + %(slice)s * 3, 40)
FROM bench, (VALUES ('active_subscribers', 20), ('bandwidth_gb', 400), ('api_calls', 3000)) AS m (metric, base)
"""
# Three open alerts for each tenant.
ALERTS = """
INSERT INTO portal.alert (id, partner_id, tenant_id, link_id, kind, cause, severity, values, raised_at, told_at)
SELECT pg_temp.made(13, 4 * n + place), partner_id, id, pg_temp.made(3, n), kind, kind || ':' || n,
       (ARRAY['critical','warning','info'])[1 + mod(n + place, 3)], said || jsonb_build_object('tenant', name),
       %(today)s::date - mod(n, 60) + interval '1 minute' * mod(n * 13, 1440), now()
FROM bench, (VALUES
    (1, 'sla.uptime', '{"month": "2026-10", "target": 99.9, "down_minutes": 70, "allowed_minutes": 44}'::jsonb),
    (2, 'billing.threshold', '{"amount": "900.0000", "threshold": "500.0000", "currency": "USD"}'),
    (3, 'usage.capacity', '{"metric": "api_calls", "capacity": "3000", "quantity": "3030", "percent": 101}')
) AS a (place, kind, said)
"""

# Step, statement, and over how many periods it runs.
STEPS = (
    ("numbers", NUMBERS, 1),
    ("partners", PARTNERS, 1),
    ("tenants", TENANTS, 1),
    ("links", LINKS, 1),
    ("subscriptions", SUBSCRIPTIONS, 1),
    ("subscribers", SUBSCRIBERS, 1),
    ("posture", POSTURE, 1),
    ("outages", OUTAGES, 1),
    ("invoices", INVOICES, 20),
    ("payments", PAYMENTS, 1),
    ("invoice lines", LINES, 1),
    ("tickets", TICKETS, 10),
    ("comments", COMMENTS, 1),
    ("usage", USAGE, 34),
    ("alerts", ALERTS, 1),
)
