"""What staff do with letters: open one, send one again, try the mail out with one to themselves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden
from guildhall.core.freshness import require_fresh
from guildhall.core.i18n import N_
from guildhall.core.jobs import enqueue
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.letters import Letter, opened
from guildhall.domain.mail.outbox import DELIVER, post
from guildhall.domain.mail.reading import Item, get, must
from guildhall.domain.mail.tables import mail

UNDELIVERED = frozenset({"kept", "failed"})
_OPEN = text("SELECT portal.open_letter(:letter)")
_MYSELF = text("SELECT email FROM portal.staff_user WHERE id = :me")
_ERASED = "What this letter said has been erased"


def live(item: Item) -> bool:
    """Return whether whoever opens the letter sees its link and its code: only where its reader never got them.

    A letter that was sent once and failed when it was sent again has been read.
    """
    return item.status in UNDELIVERED and item.sent_at is None


async def open_letter(actor: Actor, *, mail_id: UUID, now: datetime) -> None:
    """Note that this person opens a letter, before it is shown: a link in it is power.

    Raises Forbidden without `staff.mail.open`, StepUpRequired without a fresh second factor, NotFound, and Conflict
    where the words are erased.
    """
    must(actor, "staff.mail.open")
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        item = await get(connection, actor, mail_id)
        await content(connection, actor, mail_id)
        await _note(connection, actor, Action.MAIL_OPENED, item)


async def content(connection: AsyncConnection, actor: Actor, mail_id: UUID) -> Letter:
    """Return what a letter says, for a person whose opening it is noted already (`open_letter`).

    Raises Forbidden without `staff.mail.open`, Conflict where it is erased.
    """
    must(actor, "staff.mail.open")
    kept = await connection.scalar(_OPEN, {"letter": mail_id})
    if kept is None:
        raise Conflict(_ERASED)
    return opened(kept)


async def send_again(actor: Actor, *, mail_id: UUID) -> None:
    """Queue a letter once more, unchanged, to the same address.

    Raises Forbidden without `staff.mail.send`, NotFound, and Conflict where it waits already or is erased.
    """
    must(actor, "staff.mail.send")
    async with db.transaction(actor) as connection:
        item = await get(connection, actor, mail_id)
        again = update(mail).where(mail.c.id == mail_id, mail.c.status != "queued", mail.c.erased_at.is_(None))
        done = await connection.execute(again.values(status="queued", error="", queued_at=func.now()))
        if not done.rowcount:
            raise Conflict(_ERASED if item.erased_at else "This letter waits for its delivery already")
        await enqueue(connection, DELIVER, mail_id=mail_id)
        await _note(connection, actor, Action.MAIL_SENT_AGAIN, item)


async def send_test(actor: Actor) -> UUID:
    """Write a letter to the person at work, to see whether mail arrives; return its id.

    Raises Forbidden without `staff.mail.send`.
    """
    must(actor, "staff.mail.send")
    async with db.transaction(actor) as connection:
        address = await connection.scalar(_MYSELF, {"me": actor.user_id})
        if address is None:
            raise Forbidden
        letter = Letter(
            kind="mail.test",
            to=address,
            name=actor.name,
            language=actor.language,
            subject=N_("This letter has arrived"),
            paragraphs=(N_("You asked for it on the page of the mail. Links in letters look like the one below."),),
            link=("staff", "/mail"),
            button=N_("Go back to the mail"),
        )
        mail_id = await post(connection, letter)
        await _note(connection, actor, Action.MAIL_TESTED, await get(connection, actor, mail_id))
    return mail_id


async def _note(connection: AsyncConnection, actor: Actor, action: Action, item: Item) -> None:
    """Write an act on a letter into the vendor's trail, without the address: names must be erasable (BOUNDARY §5)."""
    await record(connection, actor, action=action, target=Target("letter", item.id), changes={"kind": item.kind})
