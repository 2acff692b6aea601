"""Acting on alerts: somebody sees to it, or it may wait. What is right again is resolved by itself, by nobody's act."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import any_, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound
from guildhall.core.i18n import N_
from guildhall.domain.access.scope import tenants_opening
from guildhall.domain.alerts import reading
from guildhall.domain.alerts.kinds import FAMILIES
from guildhall.domain.alerts.reading import Alert
from guildhall.domain.alerts.tables import alert
from guildhall.domain.audit.trail import Action, Target, record

SNOOZES = (1, 4, 24, 24 * 7)  # hours
MOST = 100


async def acknowledge(actor: Actor, *, alert_ids: Collection[UUID], now: datetime) -> list[Alert]:
    """Note that somebody sees to these alerts; return them. Who was first stays.

    Raises NotFound where the actor does not see one, Forbidden without the permission of its kind or where the
    customer's link does not hold it, Conflict where one is resolved. Then none is changed.
    """
    done = {"status": "acknowledged", "acknowledged_at": now, "acknowledged_by": actor.name, "snoozed_until": None}
    return await _act(actor, alert_ids, Action.ALERT_ACKNOWLEDGED, done, "active")


async def snooze(actor: Actor, *, alert_ids: Collection[UUID], hours: int, now: datetime) -> list[Alert]:
    """Let these alerts wait for one of SNOOZES `hours`; what gets worse meanwhile comes back at once.

    Raises as `acknowledge`, and Invalid for another length.
    """
    if hours not in SNOOZES:
        raise Invalid(errors={"hours": N_("Choose one of the list")})
    until = now + timedelta(hours=hours)
    done = {"snoozed_until": until, "status": "active", "acknowledged_at": None, "acknowledged_by": None}
    return await _act(actor, alert_ids, Action.ALERT_SNOOZED, done, "active", "acknowledged")


async def _act(
    actor: Actor, alert_ids: Collection[UUID], action: Action, done: Mapping[str, Any], *before: str
) -> list[Alert]:
    """Change the alerts that are in a state of `before`, all or none, and record each."""
    ids = list(dict.fromkeys(alert_ids))
    if not ids or len(ids) > MOST:
        raise Invalid(errors={"id": N_("Choose at least one alert, and at most 100.")})
    async with db.transaction(actor) as connection:
        found = await reading.get(connection, actor, ids)
        if len(found) != len(ids):
            raise NotFound(code="ALERT_NOT_FOUND")
        await _may(connection, actor, found)
        changed = await connection.execute(
            update(alert)
            .where(alert.c.id.in_(ids), alert.c.status.in_(before))
            .values(**done, version=alert.c.version + 1, updated_at=func.now())
            .returning(alert.c.id)
        )
        concerned = set(changed.scalars())
        for each in found:
            if each.id in concerned:
                await _note(connection, actor, each, action, done)
        return await reading.get(connection, actor, ids)


async def _may(connection: AsyncConnection, actor: Actor, found: list[Alert]) -> None:
    """Raise unless the actor may act on every one of the alerts."""
    if any(each.status == "resolved" for each in found):
        raise Conflict(N_("What this alert was about is right again; there is nothing to do."))
    for needs in FAMILIES.values():
        concerned = [each.id for each in found if each.kind in needs.kinds]
        if not concerned:
            continue
        if not actor.may(needs.act):
            raise Forbidden
        if needs.link:
            opened = alert.c.tenant_id == any_(tenants_opening(actor.partner_id, needs.act))
            rows = await connection.execute(alert.select().where(alert.c.id.in_(concerned), opened))
            if len(rows.all()) != len(concerned):
                raise Forbidden


async def _note(
    connection: AsyncConnection, actor: Actor, each: Alert, action: Action, done: Mapping[str, Any]
) -> None:
    """Write one act into the partner's trail: it is the partner's own affair, and changes nothing of the customer's."""
    until = done.get("snoozed_until")
    changes = {"kind": each.kind, "tenant": each.tenant_name, "status": done["status"]}
    await record(
        connection,
        actor,
        action=action,
        target=Target("alert", each.id),
        partner_id=actor.partner_id,
        tenant_id=each.tenant_id,
        partners_own=True,
        changes=changes | ({"snoozed_until": until.isoformat()} if until else {}),
    )
