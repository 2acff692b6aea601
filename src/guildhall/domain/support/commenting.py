"""Writing into a ticket: an answer for everybody, or a note for the own side alone.

An internal note leaves no mark that the customer could see: the ticket's figures, its version and its last change stay
as they are, and the trail of the customer holds nothing of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, DbRole
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.support.attaching import Kept, attach
from guildhall.domain.support.drafts import Answer
from guildhall.domain.support.tickets import Ticket
from guildhall.domain.tenancy.tables import ticket_comment


class Said(Struct, frozen=True):
    """A comment that was written."""

    id: UUID
    is_internal: bool
    files: int = 0

    @property
    def noted(self) -> dict[str, Any]:
        """Return what the trail says of it, which is never its words."""
        files = {"files": self.files} if self.files else {}
        return {"id": str(self.id), "is_internal": self.is_internal, **files}


async def write(
    connection: AsyncConnection,
    actor: Actor,
    current: Ticket,
    answer: Answer,
    kept: Sequence[Kept] = (),
    *,
    now: datetime,
) -> Said:
    """Write a comment, checked already, with its files into a ticket that the actor may answer."""
    said = Said(new_id(), answer.is_internal, len(kept))
    await connection.execute(
        insert(ticket_comment).values(
            id=said.id,
            tenant_id=current.tenant_id,
            ticket_id=current.id,
            content=answer.content.strip(),
            is_internal=answer.is_internal,
            notify_customer=answer.notify_customer and not answer.is_internal,
            author_kind=actor.kind,
            author_id=actor.user_id,
            author_name=actor.name,
            author_partner_id=actor.partner_id,
            author_partner_name=actor.partner_name,
            created_at=now,
        )
    )
    await attach(connection, actor, current, kept, is_internal=said.is_internal, comment_id=said.id, now=now)
    return said


def answered(actor: Actor, current: Ticket, *, now: datetime) -> dict[str, Any]:
    """Return the columns of a response: a helper's comment that the customer can read."""
    if actor.role is DbRole.CUSTOMER:
        return {}
    return {"last_response_at": now, "response_count": current.response_count + 1}


async def note_internal(connection: AsyncConnection, actor: Actor, about: Ticket, said: Said) -> None:
    """Write an internal note into the trail of the own side alone."""
    await record(
        connection,
        actor,
        action=Action.TICKET_COMMENTED,
        target=Target("ticket", about.id),
        partner_id=actor.partner_id,
        changes={"number": about.number, "tenant": about.tenant_name, "comment": said.noted},
    )
