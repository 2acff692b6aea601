"""What is kept for a while only: notices with their read marks, and answers kept for Idempotency-Key."""

from sqlalchemy import delete, func, select

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.idempotency import idempotency_key
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


@periodic("41 * * * *", "idempotency.tidy")
async def forget_answers(actor: Actor) -> None:
    """Drop the answers whose day is over."""
    async with db.transaction(actor) as connection:
        await connection.execute(delete(idempotency_key).where(idempotency_key.c.expires_at < func.now()))
