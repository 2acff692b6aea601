"""Notices and letters before an API client ends: 14 days and 1 day before, once each, to the principals (PRODUCT §3).

As with links, days are calendar days in UTC, the end is part of the key (a later end is warned of anew), and a client
that was set up for less gets no such warning.
"""

from sqlalchemy import text

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.people.client_letters import tell_principals

_WARN = text(
    """
    INSERT INTO portal.notice (id, audience, audience_id, kind, area, "values", dedupe)
    SELECT gen_random_uuid(), 'partner', c.partner_id,
           CASE c.days WHEN 0 THEN 'client.ends_today' WHEN 1 THEN 'client.ends_tomorrow' ELSE 'client.ends_soon' END,
           'clients',
           jsonb_build_object('client', c.name, 'client_id', c.id, 'days', c.days, 'until', c.ends_on),
           'client_ends:' || c.id || ':' || c.ends_on || ':' || c.mark
    FROM (
        SELECT *, CASE WHEN days <= 1 THEN 1 ELSE 14 END AS mark
        FROM (
            SELECT *, (expires_at AT TIME ZONE 'UTC')::date AS ends_on,
                   (expires_at AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date AS days
            FROM portal.api_client
            WHERE revoked_at IS NULL AND expires_at > now() AND expires_at < now() + interval '15 days'
        ) AS ending
        WHERE days <= 14
    ) AS c
    WHERE c.created_at < c.expires_at - make_interval(days => c.mark)
    ON CONFLICT DO NOTHING
    RETURNING audience_id, kind, "values" AS said
    """
)


@periodic("17 * * * *", "clients.warn_of_ends")
async def warn_of_ends(actor: Actor) -> int:
    """Write the warnings that are due; return how many. Safe to run at any time, and again."""
    async with db.transaction(actor) as connection:
        due = (await connection.execute(_WARN)).all()
        for row in due:
            values = {name: str(value) for name, value in row.said.items()}
            await tell_principals(
                connection, row.kind, partner_id=row.audience_id, client_id=row.said["client_id"], values=values
            )
    return len(due)
