"""The events that software can be told of: the one table, with who may hear of each and what it says.

A new kind is one row of KINDS and a call of `emit` in the transaction of its cause. What changes a link, a ticket or
a tenant is told by the triggers of emitting.sql, so that no way to write one can forget it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text, Uuid

from guildhall.core.i18n import N_
from guildhall.domain.webhooks.platform_events import PLATFORM_KINDS

ANY_LINK = "any"
TEST = "webhook.test"
# As domain/access/states.py has them, which lies above.
LINK_STATES = {
    "requested": N_("You asked a customer for a link"),
    "countered": N_("A customer offers less than you asked"),
    "declined": N_("A customer declined your request"),
    "lapsed": N_("Nobody answered your request in time"),
    "withdrawn": N_("A request was taken back"),
    "scheduled": N_("A link was approved and starts later"),
    "active": N_("A link became live, or was resumed"),
    "paused": N_("A link was paused"),
    "expired": N_("A link passed its end"),
    "revoked": N_("A link was revoked"),
    "ended": N_("A link was given back"),
}
_EMIT = text("SELECT portal.emit_event(:kind, :partner_id, :tenant_id, :data)").bindparams(
    bindparam("kind", type_=Text),
    bindparam("partner_id", type_=Uuid),
    bindparam("tenant_id", type_=Uuid),
    bindparam("data", type_=JSONB),
)


class LinkEvent(Struct, frozen=True, kw_only=True):
    """A step of a link. `tenant_id` and `tenant_name` are null until the customer is known to you.

    `previous_status` is null for a link that is new; `side` is who took the step: partner, tenant, staff or system.
    """

    link_id: UUID
    status: str
    previous_status: str | None
    side: str
    tenant_id: UUID | None
    tenant_name: str | None
    tenant_domain: str
    access_role: str
    operating_model: str
    areas: list[str]
    starts_at: datetime
    ends_at: datetime | None


class TicketEvent(Struct, frozen=True, kw_only=True):
    """A ticket that was opened at a customer whose live link lets you read tickets."""

    ticket_id: UUID
    tenant_id: UUID
    tenant_name: str
    number: int
    subject: str
    priority: Literal["low", "normal", "high", "urgent"]
    status: Literal["open", "pending", "resolved", "closed"]
    category: str
    created_by_partner_id: UUID | None
    sla_breach_at: datetime | None
    created_at: datetime


class TenantEvent(Struct, frozen=True, kw_only=True):
    """A customer whose status changed: active, suspended or trial."""

    tenant_id: UUID
    tenant_name: str
    status: Literal["active", "trial", "suspended"]
    previous_status: Literal["active", "trial", "suspended"]


class AlertEvent(Struct, frozen=True, kw_only=True):
    """An alert that was raised at a customer whose live link lets you read alerts of this kind.

    `kind` says of what, as in the lists of alerts: `sla.ticket`, `sla.uptime` or `billing.threshold`.
    """

    alert_id: UUID
    kind: Literal["sla.ticket", "sla.uptime", "billing.threshold"]
    tenant_id: UUID
    tenant_name: str
    severity: Literal["critical", "warning", "info"]


class TestEvent(Struct, frozen=True, kw_only=True):
    """What you send yourself to try an endpoint out."""

    message: str


class Kind(Struct, frozen=True):
    """One kind of event: what it says, in words for people, and what a live link must hold for it to be told.

    `needs` is a permission inside a tenant, `any` (any live link), or empty: it is about the partner itself. What is
    for the `platform` is told to no partner, and needs nothing.
    """

    name: str
    about: str
    data: type[Struct]
    needs: str = ""
    platform: bool = False


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        *(Kind(f"partner.link.{state}", about, LinkEvent) for state, about in LINK_STATES.items()),
        Kind(
            "partner.tenant.ticket_created",
            N_("A ticket was opened at a customer"),
            TicketEvent,
            "partner.support.tickets.read",
        ),
        Kind("partner.tenant.status_changed", N_("A customer's status changed"), TenantEvent, ANY_LINK),
        Kind(
            "partner.tenant.sla_breach",
            N_("An SLA alert was raised at a customer"),
            AlertEvent,
            "partner.alerts.sla.read",
        ),
        Kind(
            "partner.tenant.billing_threshold",
            N_("A customer's receivables reached the threshold"),
            AlertEvent,
            "partner.alerts.billing.read",
        ),
        *(Kind(name, about, data, platform=True) for name, (about, data) in PLATFORM_KINDS.items()),
        Kind(TEST, N_("A test that you send yourself"), TestEvent),
    )
}


async def emit(
    connection: AsyncConnection, *, kind: str, partner_id: UUID, tenant_id: UUID | None, data: Mapping[str, Any]
) -> None:
    """Tell the partner's endpoints of one event, inside the transaction of its cause; nothing where none listens.

    `data` holds what the kind's struct says, as JSON values. Where the event is about a tenant whose live link does
    not open it now, nobody is told. Raises LookupError for a kind that is not in the table.
    """
    if kind not in KINDS:
        raise LookupError(f"{kind} is not an event")
    values = {"kind": kind, "partner_id": partner_id, "tenant_id": tenant_id, "data": dict(data)}
    await connection.execute(_EMIT, values)


def told(*, platform: bool) -> tuple[str, ...]:
    """Return the events that a partner's endpoints, or the platform's, get: a test besides those that they choose."""
    return tuple(kind.name for kind in KINDS.values() if kind.platform == platform or kind.name == TEST)


def choosable(*, platform: bool) -> tuple[str, ...]:
    """Return the events that a partner's endpoint, or one of the platform, can choose."""
    return tuple(name for name in told(platform=platform) if name != TEST)


def known(pattern: str, *, platform: bool) -> bool:
    """Return whether `pattern`, a name or one with `*`, matches an event that an endpoint can choose."""
    return any(fnmatchcase(name, pattern) for name in choosable(platform=platform))


def chosen(patterns: Iterable[str], *, platform: bool) -> list[str]:
    """Return the events that `patterns` choose, in the table's order."""
    listed = tuple(patterns)
    return [name for name in choosable(platform=platform) if any(fnmatchcase(name, each) for each in listed)]


def rows() -> str:
    """Return every kind with what it needs and whether it is the platform's, as rows of SQL for the boundary."""
    return ", ".join(f"('{kind.name}', '{kind.needs}', {kind.platform})" for kind in KINDS.values())
