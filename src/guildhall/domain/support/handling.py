"""Opening, answering and changing tickets, for a partner's and a customer's people (PRODUCT §6, §8)."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from guildhall.core.actor import Actor
from guildhall.domain.support.tickets import Ticket


class Draft(Struct, frozen=True, kw_only=True):
    """A ticket to be opened: subject of 1-200 characters, description of at most 20,000, at most 20 tags of 40."""

    subject: str
    description: str = ""
    priority: str = "normal"
    category: str = "other"
    subscriber_id: UUID | None = None
    tags: tuple[str, ...] = ()
    notify_customer: bool = True


class Answer(Struct, frozen=True, kw_only=True):
    """A comment to be written: 1-20,000 characters; an internal one never reaches the customer."""

    content: str
    is_internal: bool = False
    notify_customer: bool = True


class Change(Struct, frozen=True, kw_only=True):
    """What to change of a ticket; what is left out stays. `assigned_to` None gives the ticket back to nobody."""

    status: str | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    assigned_to: UUID | UnsetType | None = UNSET
    comment: Answer | None = None


async def open_ticket(actor: Actor, *, tenant_id: UUID, draft: Draft, now: datetime) -> Ticket:
    """Open a ticket in a tenant; its SLA clock starts at `now`.

    Raises Forbidden, TenantAccessDenied (and the other refusals of gates 3 and 4), Invalid by field.
    """
    raise NotImplementedError


async def update(
    actor: Actor, *, ticket_id: UUID, change: Change, if_version: int | None = None, now: datetime
) -> Ticket:
    """Change a ticket, answer it, or both, in one act; return it as it then stands.

    A comment needs the permission `.comment`, every other field `.update` (BOUNDARY §3). Raises NotFound
    (TICKET_NOT_FOUND), Forbidden, PreconditionFailed where `if_version` is not the ticket's version, Conflict
    for a step that its status does not allow, Invalid by field (a comment's field is `comment.content`).
    """
    raise NotImplementedError
