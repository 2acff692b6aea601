"""What is kept for a while only: notices, and answers kept for Idempotency-Key."""

from sqlalchemy import delete, exists, func, or_, select

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.idempotency import idempotency_key
from guildhall.core.jobs import periodic
from guildhall.domain.notify.tables import notice, notice_read

READ_DAYS = 90
UNREAD_DAYS = 365


@periodic("17 3 * * *", "notices.tidy")
async def tidy(actor: Actor) -> int:
    """Drop notices that somebody has read after 90 days, others after a year; return how many."""
    read = exists(select(notice_read.c.notice_id).where(notice_read.c.notice_id == notice.c.id))
    old, very_old = (
        notice.c.created_at < func.now() - func.make_interval(0, 0, 0, d) for d in (READ_DAYS, UNREAD_DAYS)
    )
    async with db.transaction(actor) as connection:
        gone = list(await connection.scalars(select(notice.c.id).where(old, or_(read, very_old))))
        await connection.execute(delete(notice_read).where(notice_read.c.notice_id.in_(gone)))
        await connection.execute(delete(notice).where(notice.c.id.in_(gone)))
        return len(gone)


@periodic("41 * * * *", "idempotency.tidy")
async def forget_answers(actor: Actor) -> None:
    """Drop the answers whose day is over."""
    async with db.transaction(actor) as connection:
        await connection.execute(delete(idempotency_key).where(idempotency_key.c.expires_at < func.now()))
