"""Counts that nobody added to for a day are dropped."""

from sqlalchemy import delete, func

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.quotas.tables import call_count

KEPT_HOURS = 24


@periodic("41 * * * *", "quotas.sweep")
async def sweep(actor: Actor) -> int:
    """Drop counts that were last added to a day ago; return how many."""
    old = func.now() - func.make_interval(0, 0, 0, 0, KEPT_HOURS)
    async with db.transaction(actor) as connection:
        return (await connection.execute(delete(call_count).where(call_count.c.used_at < old))).rowcount
