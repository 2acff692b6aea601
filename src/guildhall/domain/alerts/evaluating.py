"""Comparing what is wrong with the open alerts, kind by kind, in one statement that may be repeated at any time.

What is new is raised, what got worse is raised again, and what is cured is resolved.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.alerts.causes import CAUSES
from guildhall.domain.alerts.tables import KEPT_DAYS, alert
from guildhall.domain.webhooks.events import emit

_EVENTS = {
    "sla.ticket": "partner.tenant.sla_breach",
    "sla.uptime": "partner.tenant.sla_breach",
    "billing.threshold": "partner.tenant.billing_threshold",
}
# What got worse is new to whoever had acknowledged it or put it off.
_COMPARE = """
    WITH wrong AS MATERIALIZED (%(causes)s), cured AS (
        UPDATE portal.alert AS a
        SET status = 'resolved', resolved_at = now(), updated_at = now(), version = a.version + 1
        WHERE a.kind = '%(kind)s' AND a.status <> 'resolved' AND NOT EXISTS (
            SELECT 1 FROM wrong AS w WHERE w.partner_id = a.partner_id AND w.cause = a.cause)
    )
    INSERT INTO portal.alert AS a (id, partner_id, tenant_id, link_id, kind, cause, severity, "values")
    SELECT gen_random_uuid(), w.partner_id, w.tenant_id, w.link_id, '%(kind)s', w.cause, w.severity, w.said
    FROM wrong AS w ORDER BY w.partner_id, w.cause
    ON CONFLICT (partner_id, cause) WHERE status <> 'resolved' DO UPDATE SET
        severity = excluded.severity, "values" = excluded."values", link_id = excluded.link_id,
        updated_at = now(), version = a.version + 1,
        status = CASE WHEN %(worse)s THEN 'active' ELSE a.status END,
        raised_at = CASE WHEN %(worse)s THEN now() ELSE a.raised_at END,
        told_at = CASE WHEN %(worse)s THEN NULL ELSE a.told_at END,
        snoozed_until = CASE WHEN %(worse)s THEN NULL ELSE a.snoozed_until END,
        acknowledged_at = CASE WHEN %(worse)s THEN NULL ELSE a.acknowledged_at END,
        acknowledged_by = CASE WHEN %(worse)s THEN NULL ELSE a.acknowledged_by END
    WHERE (a.severity, a."values", a.link_id) IS DISTINCT FROM (excluded.severity, excluded."values", excluded.link_id)
    RETURNING a.id, a.partner_id, a.tenant_id, a.severity, a."values" AS said, a.version = 1 AS is_new
"""
_WORSE = "excluded.weight > a.weight"


def comparing(kind: str) -> str:
    """Return the statement that compares one kind, a key of CAUSES; it takes no values."""
    return _COMPARE % {"kind": kind, "causes": CAUSES[kind], "worse": _WORSE}


@periodic("* * * * *", "alerts.watch_tickets")
async def watch_tickets(actor: Actor) -> int:
    """Compare the tickets' clocks, whose breaches are recorded by the minute; return how many alerts are new."""
    return await _compare(actor, ("sla.ticket",))


@periodic("*/5 * * * *", "alerts.watch")
async def watch(actor: Actor) -> int:
    """Compare everything else; return how many alerts are new."""
    return await _compare(actor, (kind for kind in CAUSES if kind != "sla.ticket"))


async def _compare(actor: Actor, kinds: Iterable[str]) -> int:
    """Compare these kinds, each in a transaction of its own, so that a slow one holds up no other."""
    new = 0
    for kind in kinds:
        async with db.transaction(actor) as connection:
            new += await _raise(connection, kind)
    return new


async def _raise(connection: AsyncConnection, kind: str) -> int:
    """Compare one kind; return how many alerts are new."""
    raised = (await connection.execute(text(comparing(kind)))).all()
    new = [row for row in raised if row.is_new]
    if kind in _EVENTS:
        for row in new:
            await _emit(connection, kind, row)
    return len(new)


async def _emit(connection: AsyncConnection, kind: str, row: Any) -> None:
    """Tell the partner's endpoints of a new alert, whose data hold no amount."""
    data = {"alert_id": row.id, "tenant_id": row.tenant_id, "tenant_name": row.said["tenant"]}
    said = {name: str(value) for name, value in data.items()} | {"kind": kind, "severity": row.severity}
    await emit(connection, kind=_EVENTS[kind], partner_id=row.partner_id, tenant_id=row.tenant_id, data=said)


@periodic("41 3 * * *", "alerts.tidy")
async def tidy(actor: Actor) -> int:
    """Drop alerts half a year after they were resolved; return how many."""
    old = func.now() - func.make_interval(0, 0, 0, KEPT_DAYS)
    async with db.transaction(actor) as connection:
        return (await connection.execute(delete(alert).where(alert.c.resolved_at < old))).rowcount
