"""The alerts of the demo: what its own data says is wrong today, some of it seen to, put off or over."""

from datetime import date, timedelta

from guildhall.domain.alerts.causes import CAUSES
from guildhall.domain.alerts.evaluating import comparing
from guildhall.worlds.demo_partners import BY_SLUG, person_of
from guildhall.worlds.ground import Connection, midnight

# The n-th open alert of a kind, by its cause, so that each state of the centre has something to show.
_PICKED = "id IN (SELECT id FROM portal.alert WHERE partner_id = %s AND kind = %s ORDER BY cause OFFSET %s LIMIT %s)"


def seed_alerts(connection: Connection, today: date) -> None:
    """Compare the seeded data once, as the worker does; nobody is told of what an example holds from the start."""
    northwind, now = BY_SLUG["northwind"], midnight(today)
    for kind in CAUSES:
        connection.execute(comparing(kind).encode())
    connection.execute("UPDATE portal.alert SET id = md5(partner_id::text || cause)::uuid")  # the same in every demo
    connection.execute(
        "UPDATE portal.alert SET (raised_at, told_at, created_at, updated_at) ="
        " (SELECT began, began, began, began FROM coalesce((\"values\"->>'breached_at')::timestamptz, %s) AS began)",
        [now],
    )
    connection.execute(
        f"UPDATE portal.alert SET status = 'acknowledged', acknowledged_at = %s, acknowledged_by = %s WHERE {_PICKED}",
        [now, person_of("northwind", "msp_support").name, northwind.id, "sla.ticket", 0, 2],
    )
    connection.execute(
        f"UPDATE portal.alert SET snoozed_until = %s WHERE {_PICKED}",
        [now + timedelta(days=2), northwind.id, "usage.capacity", 0, 1],
    )
    connection.execute(
        'INSERT INTO portal.alert (id, partner_id, tenant_id, link_id, kind, cause, severity, status, "values",'
        " raised_at, told_at, resolved_at, created_at, updated_at)"
        " SELECT md5(id::text)::uuid, partner_id, tenant_id, link_id, kind, cause, severity, 'resolved', \"values\","
        f" raised_at - interval '9 days', told_at, raised_at - interval '8 days', raised_at - interval '9 days',"
        f" raised_at - interval '8 days' FROM portal.alert WHERE {_PICKED}",
        [northwind.id, "usage.capacity", 1, 2],
    )
