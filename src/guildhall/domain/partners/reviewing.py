"""What staff do with an application before it is approved: take, assign, note, ask, decline (PRODUCT §4)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import new_id, parse_id
from guildhall.core.text import storable
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.outbox import post
from guildhall.domain.partners import application_letters as letters
from guildhall.domain.partners.application_states import DECLINE_REASONS, OPEN, sources
from guildhall.domain.partners.application_tables import application, application_note
from guildhall.domain.partners.applications import Application, get, must
from guildhall.domain.partners.applying import link_token
from guildhall.domain.people.tables import staff_user
from guildhall.domain.rbac.registry import STAFF

DECIDE = "staff.applications.decide"
DECIDERS = STAFF[DECIDE].roles
LONGEST = 4000
_SAY = "Say it, in at most 4000 characters"


async def take(actor: Actor, *, application_id: UUID) -> None:
    """Take an application into review, or back into it while the applicant has not answered; it is the actor's then."""
    must(actor, DECIDE)
    async with db.transaction(actor) as connection:
        await step(connection, actor, application_id=application_id, to="in_review", assigned_to=actor.user_id)
        await note_act(connection, actor, application_id, Action.APPLICATION_TAKEN)


async def assign(actor: Actor, *, application_id: UUID, to: str) -> None:
    """Give an open application to somebody who decides (`to` is that person's id), or to nobody (nothing)."""
    must(actor, DECIDE)
    async with db.transaction(actor) as connection:
        person = parse_id(to)
        if to:
            await _decides(connection, person)
        done = await connection.execute(
            update(application)
            .where(application.c.id == application_id, application.c.status.in_(OPEN))
            .values(assigned_to=person, updated_at=func.now())
            .returning(application.c.id)
        )
        if done.first() is None:
            await get(connection, actor, application_id)
            raise Conflict("This application is decided")
        await note_act(connection, actor, application_id, Action.APPLICATION_ASSIGNED, {"assigned": str(person or "")})


async def _decides(connection: AsyncConnection, user_id: UUID | None) -> None:
    """Raise Invalid for anybody but one who may decide."""
    found = await connection.scalar(
        select(staff_user.c.id).where(
            staff_user.c.id == user_id, staff_user.c.status == "active", staff_user.c.roles.overlap(sorted(DECIDERS))
        )
    )
    if found is None:
        raise Invalid(errors={"assigned": "Choose one of the list"})


async def note(actor: Actor, *, application_id: UUID, text: str) -> None:
    """Keep a note that only staff read."""
    must(actor, DECIDE)
    kept = said(text, "text")
    async with db.transaction(actor) as connection:
        found = await get(connection, actor, application_id)
        if found.erased_at is not None:
            raise Conflict("The personal data of this application are erased")
        await connection.execute(
            insert(application_note).values(
                id=new_id(),
                application_id=application_id,
                author_id=actor.user_id,
                author_name=actor.name,
                text=kept,
            )
        )
        await note_act(connection, actor, application_id, Action.APPLICATION_NOTED)


async def ask(actor: Actor, *, application_id: UUID, question: str) -> None:
    """Ask the applicant for more: a letter goes out, and the application waits for the answer."""
    must(actor, DECIDE)
    asked = said(question, "question")
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, application_id=application_id, to="needs_info", asked=asked, answer="")
        await post(connection, letters.asked(**_recipient(row), question=asked, token=link_token(application_id)))
        await note_act(connection, actor, application_id, Action.APPLICATION_ASKED)


async def decline(actor: Actor, *, application_id: UUID, code: str, note: str) -> None:
    """Decline an application, with a reason for the record and a note that the applicant reads."""
    must(actor, DECIDE)
    errors = {} if code in DECLINE_REASONS else {"code": "Choose one of the list"}
    try:
        words = said(note, "note")
    except Invalid as refusal:
        raise Invalid(errors={**errors, **refusal.errors}) from None
    if errors:
        raise Invalid(errors=errors)
    async with db.transaction(actor) as connection:
        row = await step(
            connection,
            actor,
            application_id=application_id,
            to="declined",
            decline_reason=code,
            decline_note=words,
            decided_at=func.now(),
            decided_by=actor.name,
        )
        await post(connection, letters.declined(**_recipient(row), note=words, token=link_token(application_id)))
        await note_act(connection, actor, application_id, Action.APPLICATION_DECLINED, {"decline_reason": code})


def said(text: str, field: str) -> str:
    """Return a text that staff wrote; raises Invalid at `field` for an empty or endless one."""
    words = text.strip()
    if not words or len(words) > LONGEST or not storable(words):
        raise Invalid(errors={field: _SAY})
    return words


def _recipient(row: RowMapping) -> dict[str, str]:
    """Return to whom a letter about the application goes."""
    return {
        "to": row["email"],
        "name": row["contact_name"],
        "language": row["language"],
        "organisation": row["legal_name"],
    }


async def step(
    connection: AsyncConnection, actor: Actor, *, application_id: UUID, to: str, **values: Any
) -> RowMapping:
    """Bring an application to state `to` if staff may from where it stands; return the row written.

    Of two at once one wins: the condition is in the write. Raises NotFound and, with the state it is in, Conflict.
    """
    columns = [column for column in application.c if column.name != "link_hash"]
    done = await connection.execute(
        update(application)
        .where(application.c.id == application_id, application.c.status.in_(sources(to, "staff")))
        .values(status=to, state_since=func.now(), updated_at=func.now(), **values)
        .returning(*columns)
    )
    row = done.mappings().first()
    if row is None:
        raise _elsewhere(await get(connection, actor, application_id))
    return row


async def as_seen(
    connection: AsyncConnection, actor: Actor, *, application_id: UUID, to: str, seen: datetime | None
) -> Application:
    """Lock an application that is about to go to state `to`, and return it.

    `seen` is the `state_since` of the page from which somebody acts. Raises Conflict where the application has moved
    since, as by an answer that changed it.
    """
    await connection.execute(select(application.c.id).where(application.c.id == application_id).with_for_update())
    found = await get(connection, actor, application_id)
    if found.status not in sources(to, "staff"):
        raise _elsewhere(found)
    if found.state_since != seen:
        raise Conflict("This application has changed since you opened it; look at it again")
    return found


def _elsewhere(found: Application) -> Conflict:
    """Return the refusal of a step that is not to be taken from where the application stands."""
    return Conflict(
        "This application is in the state “%(application_state)s” now; look at it again",
        values={"application_state": found.status},
    )


async def note_act(
    connection: AsyncConnection,
    actor: Actor,
    application_id: UUID,
    action: Action,
    changes: dict[str, Any] | None = None,
) -> None:
    """Write an act of staff on an application into the vendor's trail."""
    await record(connection, actor, action=action, target=Target("application", application_id), changes=changes)
