"""What the vendor's platform can be told of: what partners, customers and staff do here that it has to follow.

What the platform sends itself is not told back to it. No event holds an amount.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from guildhall.core.i18n import N_


class PlatformLinkEvent(Struct, frozen=True, kw_only=True):
    """A link that begins, rests or ends. `side` is who took the step: partner, tenant, staff or system."""

    tenant_id: UUID
    tenant_external_id: str | None
    tenant_name: str
    link_id: UUID
    partner_id: UUID
    partner_name: str
    status: str
    previous_status: str | None
    side: str
    access_role: str
    operating_model: str
    areas: list[str]
    starts_at: datetime
    ends_at: datetime | None


class PlatformSubscriberEvent(Struct, frozen=True, kw_only=True):
    """A subscriber whose status was changed here. `partner_id` is null unless a partner did it."""

    tenant_id: UUID
    tenant_external_id: str | None
    tenant_name: str
    subscriber_id: UUID
    external_id: str | None
    status: str
    previous_status: str
    side: str
    partner_id: UUID | None


class PlatformTicketEvent(Struct, frozen=True, kw_only=True):
    """A ticket as it stands after something happened to it; `external_id` is null for one that was opened here."""

    tenant_id: UUID
    tenant_external_id: str | None
    tenant_name: str
    ticket_id: UUID
    external_id: str | None
    number: int
    subject: str
    priority: str
    status: str
    category: str
    assigned_to_name: str | None
    side: str
    partner_id: UUID | None
    created_at: datetime


class PlatformCommentEvent(Struct, frozen=True, kw_only=True):
    """A comment that the customer reads too; internal notes are told to nobody."""

    tenant_id: UUID
    tenant_external_id: str | None
    tenant_name: str
    ticket_id: UUID
    external_id: str | None
    number: int
    comment_id: UUID
    author_name: str
    content: str
    side: str
    partner_id: UUID | None
    created_at: datetime


PLATFORM_KINDS: Mapping[str, tuple[str, type[Struct]]] = {
    "platform.link.scheduled": (N_("A link was approved and starts later"), PlatformLinkEvent),
    "platform.link.active": (N_("A link became live, or was resumed"), PlatformLinkEvent),
    "platform.link.paused": (N_("A link was paused"), PlatformLinkEvent),
    "platform.link.expired": (N_("A link passed its end"), PlatformLinkEvent),
    "platform.link.revoked": (N_("A link was revoked"), PlatformLinkEvent),
    "platform.link.ended": (N_("A link was given back"), PlatformLinkEvent),
    "platform.subscriber.activated": (N_("A subscriber was activated"), PlatformSubscriberEvent),
    "platform.subscriber.suspended": (N_("A subscriber was suspended"), PlatformSubscriberEvent),
    "platform.ticket.created": (N_("A ticket was opened"), PlatformTicketEvent),
    "platform.ticket.updated": (N_("A ticket's status, priority or person changed"), PlatformTicketEvent),
    "platform.ticket.commented": (N_("A comment was written in a ticket"), PlatformCommentEvent),
}
