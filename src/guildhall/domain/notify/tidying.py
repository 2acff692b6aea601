"""Notices are kept for half a year, with their read marks."""

from sqlalchemy import delete, func, select

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic
from guildhall.domain.notify.tables import notice, notice_read

KEPT_DAYS = 180


@periodic("17 3 * * *", "notices.tidy")
async def tidy(actor: Actor) -> int:
    """Drop notices after half a year; return how many."""
    old = select(notice.c.id).where(notice.c.created_at < func.now() - func.make_interval(0, 0, 0, KEPT_DAYS))
    async with db.transaction(actor) as connection:
        await connection.execute(delete(notice_read).where(notice_read.c.notice_id.in_(old)))
        return (await connection.execute(delete(notice).where(notice.c.id.in_(old)))).rowcount
