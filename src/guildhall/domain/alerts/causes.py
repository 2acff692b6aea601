"""What is wrong now, kind by kind: one statement each, over every partner's live links.

A row is a cause: whose, at which customer, its fingerprint, how bad it is, and what the alert says of it. A cause that
is in the answer no more is cured.
"""

from collections.abc import Mapping

_LINK = """
    SELECT l.*, coalesce(l.tenant_name, l.tenant_domain) AS called
    FROM portal.partner_tenant_link AS l
    JOIN portal.partner AS p ON p.id = l.partner_id AND p.status <> 'terminated'
    WHERE l.status = 'active' AND portal.is_live(l.status, l.starts_at, l.ends_at)
"""
_SLA = "'partner.alerts.sla.read' = ANY (l.permissions)"
_WANTED = "l.alert_config->'sla_breach' IS DISTINCT FROM 'false'"

# A ticket whose clock ran out and that nobody has resolved.
_TICKET = f"""
    SELECT l.partner_id, l.tenant_id, l.id AS link_id, 'ticket:' || t.id AS cause,
           CASE WHEN t.priority IN ('urgent', 'high') THEN 'critical' ELSE 'warning' END AS severity,
           jsonb_build_object('tenant', l.called, 'ticket_id', t.id, 'number', t.number, 'priority', t.priority,
               'breached_at', t.sla_breached_at) AS said
    FROM tenancy.ticket AS t
    JOIN ({_LINK}) AS l ON l.tenant_id = t.tenant_id
    WHERE t.status IN ('open', 'pending') AND t.sla_breached_at IS NOT NULL
      AND {_SLA} AND 'partner.support.tickets.list' = ANY (l.permissions) AND {_WANTED}
"""

# A calendar month (UTC) whose recorded outages, overlaps once, are more than the target leaves of the whole month: so
# nothing comes and goes while the month is young. After the following month it is history.
_UPTIME = f"""
    SELECT l.partner_id, l.tenant_id, l.id AS link_id,
           'uptime:' || l.tenant_id || ':' || to_char(m.first, 'YYYY-MM') AS cause,
           CASE WHEN d.seconds >= 2 * m.seconds * (100 - l.target) / 100 THEN 'critical' ELSE 'warning' END AS severity,
           jsonb_build_object('tenant', l.called, 'month', to_char(m.first, 'YYYY-MM'), 'target', l.target,
               'down_minutes', round(d.seconds / 60, 1),
               'allowed_minutes', floor(m.seconds * (100 - l.target) / 100 / 60)) AS said
    FROM (
        SELECT *, CASE WHEN jsonb_typeof(l.sla_config->'uptime_target') = 'number'
            THEN (l.sla_config->>'uptime_target')::numeric END AS target
        FROM ({_LINK}) AS l WHERE {_SLA} AND {_WANTED}
    ) AS l
    CROSS JOIN (
        SELECT first, tstzrange(first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC') AS span,
               extract(epoch FROM first + interval '1 month' - first)::numeric AS seconds
        FROM unnest(ARRAY[0, 1]) AS back,
            LATERAL (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => back) AS first) AS x
    ) AS m
    CROSS JOIN LATERAL (
        SELECT sum(extract(epoch FROM upper(part) - lower(part))) AS seconds
        FROM (
            SELECT unnest(range_agg(tstzrange(o.started_at, coalesce(o.ended_at, now())) * m.span)) AS part
            FROM tenancy.outage AS o
            WHERE o.tenant_id = l.tenant_id AND o.started_at < upper(m.span)
              AND o.started_at <= now() AND coalesce(o.ended_at, now()) > lower(m.span)
        ) AS parts
    ) AS d
    WHERE l.target BETWEEN 0 AND 100 AND d.seconds > m.seconds * (100 - l.target) / 100
"""

# What a customer's subscribers owe it, in the currency of the link's threshold. Currencies are never added up.
_BILLING = f"""
    SELECT l.partner_id, l.tenant_id, l.id AS link_id, 'billing:' || l.id || ':' || r.currency AS cause,
           CASE WHEN r.outstanding >= 2 * l.threshold THEN 'critical' ELSE 'warning' END AS severity,
           jsonb_build_object('tenant', l.called, 'amount', r.outstanding::text, 'threshold', l.threshold::text,
               'currency', r.currency) AS said
    FROM (
        SELECT *, (l.alert_config#>>'{{billing_threshold,amount}}')::numeric AS threshold
        FROM ({_LINK}) AS l
        WHERE 'partner.alerts.billing.read' = ANY (l.permissions)
          AND l.alert_config#>>'{{billing_threshold,amount}}' ~ '^[0-9]{{1,14}}([.][0-9]{{1,4}})?$'
    ) AS l
    JOIN tenancy.billing_rollup AS r ON r.tenant_id = l.tenant_id
        AND r.currency = l.alert_config#>>'{{billing_threshold,currency}}'
    WHERE l.threshold > 0 AND r.outstanding >= l.threshold
"""

# As with the notices before an end: calendar days in UTC, and no warning for what was asked for shorter than that.
_EXPIRING = f"""
    SELECT l.partner_id, l.tenant_id, l.id AS link_id, 'link:' || l.id || ':' || l.ends_on AS cause,
           CASE l.mark WHEN 1 THEN 'critical' WHEN 7 THEN 'warning' ELSE 'info' END AS severity,
           jsonb_build_object('tenant', l.called, 'ends_at', l.ends_at, 'mark', l.mark) AS said
    FROM (
        SELECT *, CASE WHEN days <= 1 THEN 1 WHEN days <= 7 THEN 7 ELSE 30 END AS mark
        FROM (
            SELECT *, (l.ends_at AT TIME ZONE 'UTC')::date AS ends_on,
                   (l.ends_at AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date AS days
            FROM ({_LINK}) AS l WHERE l.ends_at < now() + interval '31 days'
        ) AS ending
        WHERE days <= 30
    ) AS l
    WHERE l.starts_at < l.ends_at - make_interval(days => l.mark)
"""

# The fullest of the last seven days against what the subscription holds, so that a quiet Sunday cures nothing.
# More than it holds is billed, not stopped: so it is no worse than a warning.
_USAGE = f"""
    SELECT l.partner_id, l.tenant_id, l.id AS link_id, 'usage:' || l.id || ':' || c.metric AS cause,
           CASE WHEN u.most >= c.capacity THEN 'warning' ELSE 'info' END AS severity,
           jsonb_build_object('tenant', l.called, 'metric', c.metric, 'capacity', c.capacity::text,
               'quantity', u.most::text, 'percent', floor(100 * u.most / c.capacity)) AS said
    FROM portal.subscription AS s
    JOIN ({_LINK}) AS l ON l.id = s.link_id AND {_SLA}
    CROSS JOIN LATERAL (
        SELECT each.key AS metric, (each.value#>>'{{}}')::numeric AS capacity
        FROM jsonb_each(s.capacity) AS each WHERE jsonb_typeof(each.value) = 'number'
    ) AS c
    CROSS JOIN LATERAL (
        SELECT max(d.quantity) AS most FROM tenancy.usage_daily AS d
        WHERE d.tenant_id = l.tenant_id AND d.metric = c.metric AND d.day > (now() AT TIME ZONE 'UTC')::date - 8
    ) AS u
    WHERE s.status IN ('trial', 'active') AND c.capacity > 0 AND u.most >= 0.8 * c.capacity
"""

CAUSES: Mapping[str, str] = {
    "sla.ticket": _TICKET,
    "sla.uptime": _UPTIME,
    "billing.threshold": _BILLING,
    "link.expiring": _EXPIRING,
    "usage.capacity": _USAGE,
}
