"""Delivery: a job for each letter, and by the clock the letters that a job has lost, and the end of old contents.

A letter is sent at least once. Its row is locked while it is handed over, so two workers never send one; the lock ends
with its worker's connection, and at the latest after `_LEASE`. Whoever is killed before the server has taken the letter
has sent nothing, and the next worker sends it; who is killed after that, and before it is written down, lets it be
sent again under the same Message-ID. An invitation that comes twice is better than one that never comes.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from msgspec import Struct
from sqlalchemy import Text, case, func, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.jobs import enqueue, periodic, task
from guildhall.domain.mail.letters import opened
from guildhall.domain.mail.message import message
from guildhall.domain.mail.office import Office, Refused, Undelivered, office
from guildhall.domain.mail.outbox import DELIVER
from guildhall.domain.mail.rendering import one_line, written
from guildhall.domain.mail.tables import mail

MOST_SECONDS = 60.0  # for one letter, whatever the server does
KEPT_DAYS = 30
GIVEN_UP_HOURS = 26
_JOB_MINUTES = 90  # a job's own tries are over by then
_AT_ONCE = 500
_LONGEST_ERROR = 300
# The server ends the transaction of a worker that has vanished with its machine.
_LEASE = text("SELECT set_config('idle_in_transaction_session_timeout', '90s', true)")
_LATE = "Not delivered within a day. The last try said: "
_UNREADABLE = "This letter cannot be opened: it was sealed under another GUILDHALL_SECRET"


class Outcome(Struct, frozen=True):
    """What became of one try: the letter's status, and the words for staff."""

    status: str
    error: str = ""


@task(DELIVER, roles=(DbRole.PARTNER, DbRole.CUSTOMER, DbRole.STAFF))
async def deliver(actor: Actor, *, mail_id: UUID) -> str:
    """Hand one letter over, and return what became of it; one that is not queued is left alone.

    Raises Undelivered where a later try may fare better.
    """
    async with db.transaction(actor) as connection:
        row = await _claimed(connection, mail_id)
        if row is None:
            return await _left_alone(connection, mail_id)
        outcome = await _tried(row)
        await _write_down(connection, mail_id, outcome)
    if outcome.status == "queued":
        raise Undelivered("Not delivered yet; the page of the letter says why")
    return outcome.status


async def _claimed(connection: AsyncConnection, mail_id: UUID) -> Mapping[str, Any] | None:
    """Lock the letter and return it, or None where it is not queued or another worker has it."""
    await connection.execute(_LEASE)
    wanted = select(mail.c.id, mail.c.sealed, mail.c.queued_at).where(mail.c.id == mail_id, mail.c.status == "queued")
    row = (await connection.execute(wanted.with_for_update(skip_locked=True))).mappings().one_or_none()
    return dict(row) if row else None


async def _left_alone(connection: AsyncConnection, mail_id: UUID) -> str:
    """Return why a letter was not claimed; raise Undelivered where another worker has it, which may yet fail."""
    status = await connection.scalar(select(mail.c.status).where(mail.c.id == mail_id))
    if status == "queued":
        raise Undelivered("Another worker has this letter")
    return status or "absent"


async def _tried(row: Mapping[str, Any]) -> Outcome:
    """Hand a letter over."""
    desk = office()
    try:
        made = _made(row, desk)
    except InvalidTag:
        return Outcome("failed", _UNREADABLE)
    # Whatever is raised, it will not be better at the next try: parsers of addresses have faults of many kinds.
    except Exception as fault:  # noqa: BLE001
        return Outcome("failed", f"This letter cannot be written: {type(fault).__name__}")
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return Outcome(await desk.carrier.carry(made))
    except Refused as refused:
        return Outcome("failed", _said(refused))
    except Undelivered as late:
        return Outcome("queued", _said(late))
    except TimeoutError:
        return Outcome("queued", f"The mail server took longer than {MOST_SECONDS:.0f} seconds")


def _made(row: Mapping[str, Any], desk: Office) -> Any:
    """Return the message of a letter."""
    letter = opened(row["sealed"])
    return message(
        written(letter, desk.look),
        letter,
        sender=desk.sender,
        brand=desk.look.brand,
        mail_id=row["id"],
        queued_at=row["queued_at"],
        now=clock.now(),
    )


def _said(fault: Exception) -> str:
    """Return what a server said, in one line."""
    return one_line(str(fault))[:_LONGEST_ERROR]


async def _write_down(connection: AsyncConnection, mail_id: UUID, outcome: Outcome) -> None:
    """Keep what became of a try."""
    sent = {"sent_at": func.clock_timestamp()} if outcome.status == "sent" else {}
    tried = {"status": outcome.status, "error": outcome.error, "attempts": mail.c.attempts + 1}
    await connection.execute(update(mail).where(mail.c.id == mail_id).values(**tried, **sent))


@periodic("7 * * * *", "mail.chase")
async def chase(actor: Actor) -> int:
    """Give letters up that nobody took within a day; queue those again whose job is over; return how many."""
    now = func.now()
    waiting = select(mail.c.id).where(mail.c.status == "queued").with_for_update(skip_locked=True)
    old = waiting.where(mail.c.queued_at < now - func.make_interval(0, 0, 0, 0, GIVEN_UP_HOURS))
    lost = waiting.where(mail.c.queued_at < now - func.make_interval(0, 0, 0, 0, 0, _JOB_MINUTES))
    async with db.transaction(actor) as connection:
        said = func.left(
            literal(_LATE, Text) + case((mail.c.error == "", "nothing"), else_=mail.c.error), _LONGEST_ERROR
        )
        await connection.execute(update(mail).where(mail.c.id.in_(old)).values(status="failed", error=said))
        again = (await connection.scalars(lost.order_by(mail.c.queued_at).limit(_AT_ONCE))).all()
        for mail_id in again:
            await enqueue(connection, DELIVER, mail_id=mail_id)
    return len(again)


@periodic("23 4 * * *", "mail.erase")
async def erase(actor: Actor) -> int:
    """Erase what letters said, a month after they went or failed; return how many. That they were sent stays."""
    limit = func.now() - func.make_interval(0, 0, 0, KEPT_DAYS)
    settled = or_(mail.c.sent_at < limit, mail.c.sent_at.is_(None)) & (mail.c.queued_at < limit)
    old = (mail.c.status != "queued") & mail.c.erased_at.is_(None) & settled
    async with db.transaction(actor) as connection:
        done = await connection.execute(update(mail).where(old).values(sealed=None, erased_at=func.now()))
    return done.rowcount
