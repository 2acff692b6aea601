"""What time does to links: requests lapse, scheduled links start, ended ones are stored as expired (BOUNDARY §2).

Nothing here shuts anything: an expired link is shut by its dates. These steps keep the record in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.access.links import overdue
from guildhall.domain.access.states import OPEN
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.writes import close_offers, note_step
from guildhall.domain.audit.trail import Action, hold

LAPSE_DAYS = 90
_STEPS: Sequence[tuple[str, Action, ColumnElement[bool]]] = (
    ("expired", Action.LINK_EXPIRED, overdue),
    (
        "lapsed",
        Action.LINK_LAPSED,
        and_(link.c.status.in_(OPEN), link.c.updated_at < func.now() - func.make_interval(0, 0, 0, LAPSE_DAYS)),
    ),
    ("active", Action.LINK_STARTED, and_(link.c.status == "scheduled", link.c.starts_at <= func.now())),
)


@periodic("* * * * *", "links.sweep")
async def sweep(actor: Actor) -> dict[str, int]:
    """Take every step that time asks for; return how many links went to each state. Safe to run at any time."""
    counts = {}
    for to, action, due in _STEPS:
        async with db.transaction(actor) as connection:
            rows = await _step(connection, actor, to, due)
            for row in rows:
                if to != "active":
                    await close_offers(connection, actor, row["id"], "lapsed")
            partners, tenants = [row["partner_id"] for row in rows], [row["tenant_id"] for row in rows]
            await hold(connection, partners=partners, tenants=tenants)
            for row in rows:
                await note_step(connection, actor, row, action)
            counts[to] = len(rows)
    return counts


async def _step(
    connection: AsyncConnection, actor: Actor, to: str, due: ColumnElement[bool]
) -> list[Mapping[str, Any]]:
    """Bring the links for which `due` holds to state `to`; return them in the order of their chains."""
    written = await connection.execute(
        update(link)
        .where(due)
        .values(
            status=to,
            paused_by=None,
            version=link.c.version + 1,
            updated_by=actor.name,
            updated_at=func.now(),
        )
        .returning(link)
    )
    return sorted(written.mappings().all(), key=lambda row: (row["partner_id"], str(row["tenant_id"])))
