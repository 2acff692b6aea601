"""Notices before a link ends: 30, 7 and 1 days before and on the day, once each, to both sides (PRODUCT §5).

Days are calendar days in UTC. A link that is asked for shorter than a warning's distance gets no such warning. What
was missed while no worker ran is caught up with one notice that says the days left now.
"""

from sqlalchemy import text

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic

# `mark` is the warning that is due; its end is part of the key, so an extension is warned of anew.
_WARN = text(
    """
    INSERT INTO portal.notice (id, audience, audience_id, kind, link_id, tenant_id, "values", dedupe)
    SELECT gen_random_uuid(), side.name, side.id,
           CASE l.days WHEN 0 THEN 'link.ends_today' WHEN 1 THEN 'link.ends_tomorrow' ELSE 'link.ends_soon' END,
           l.id, l.tenant_id, side.said || jsonb_build_object('days', l.days),
           'link_ends:' || l.id || ':' || l.ends_on || ':' || l.mark
    FROM (
        SELECT *, CASE WHEN days <= 0 THEN 0 WHEN days = 1 THEN 1 WHEN days <= 7 THEN 7 ELSE 30 END AS mark
        FROM (
            SELECT *, (ends_at AT TIME ZONE 'UTC')::date AS ends_on,
                   (ends_at AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date AS days
            FROM portal.partner_tenant_link
            WHERE status IN ('active', 'paused') AND ends_at > now() AND ends_at < now() + interval '31 days'
        ) AS ending
        WHERE days <= 30
    ) AS l
    CROSS JOIN LATERAL (VALUES
        ('partner', l.partner_id, jsonb_build_object('tenant', coalesce(l.tenant_name, l.tenant_domain))),
        ('tenant', l.tenant_id, jsonb_build_object('partner', l.partner_name))
    ) AS side (name, id, said)
    WHERE l.starts_at < l.ends_at - make_interval(days => l.mark)
    ON CONFLICT DO NOTHING
    """
)


@periodic("7 * * * *", "notices.warn_of_ends")
async def warn_of_ends(actor: Actor) -> int:
    """Write the warnings that are due; return how many. Safe to run at any time, and again."""
    async with db.transaction(actor) as connection:
        return (await connection.execute(_WARN)).rowcount
