"""Links as callers get them, and what they send about them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.domain.access.links import Link, Offer
from guildhall.domain.access.states import Pauser, Shown
from guildhall.domain.access.tables import CustomerAccess, OperatingModel, RelationshipType
from guildhall.domain.access.terms import Terms
from guildhall.domain.rbac.registry import AccessRole
from guildhall.surfaces.api.reading import Cursor, Limit, Offset, Search, SortOrder

SortBy = Literal["created_at", "ends_at", "status", "tenant_name"]
Custom = Annotated[
    dict[str, bool],
    Meta(
        max_length=60,
        description="Permission strings (or patterns with `*`) to add to the role or, with false, "
        "to take from it; false wins.",
    ),
]
Ending = Annotated[datetime, Meta(tz=True, description="The moment from which the link is no longer live.")]
Reason = Annotated[str, Meta(max_length=2000, description="Why; the customer reads it.")]


class LinksQuery(Struct, frozen=True):
    """Which links to list, and in which order."""

    status: Annotated[tuple[Shown, ...], Meta(description="Only links in these states.")] = ()
    search: Annotated[Search, Meta(description="Part of the customer's name or domain.")] = ""
    sort_by: Annotated[SortBy, Meta(description="What to sort by.")] = "created_at"
    sort_order: SortOrder = "desc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class LinkSummary(Struct, frozen=True, kw_only=True):
    """A link in any state. `tenant_id` and `tenant_name` are null until the customer is known to you.

    `status` is `expiring` within 30 days of the end. `permissions` is exactly what the customer approved, or was
    asked for. `version` is its ETag.
    """

    id: UUID
    tenant_id: UUID | None
    tenant_name: str | None
    tenant_domain: str
    status: Shown
    access_role: AccessRole
    custom_permissions: dict[str, bool]
    permissions: list[str]
    areas: list[str]
    relationship_type: RelationshipType
    operating_model: OperatingModel
    customer_access: CustomerAccess
    starts_at: datetime
    ends_at: datetime | None
    paused_by: Pauser | None
    sla_config: dict[str, Any]
    alert_config: dict[str, Any]
    reason: str
    version: int
    created_by: str
    updated_by: str
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime


class LinkDetail(LinkSummary, frozen=True, kw_only=True):
    """A link with what was offered on it, newest first: counter-offers and changes that were asked for."""

    offers: list[Offer]


class LinkPage(Struct, frozen=True, kw_only=True):
    """A page of links."""

    items: list[LinkSummary]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


class NewLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask of whom: by `domain` and `approver_email`, or by a `code` that the customer shows you."""

    domain: Annotated[str, Meta(max_length=253, description="The customer's domain.")] | UnsetType = UNSET
    approver_email: (
        Annotated[str, Meta(max_length=254, description="Somebody at the customer who may approve.")] | UnsetType
    ) = UNSET
    code: Annotated[str, Meta(max_length=40, description="A code that the customer gave you.")] | UnsetType = UNSET
    access_role: Annotated[AccessRole, Meta(description="What the link opens.")]
    operating_model: Annotated[OperatingModel, Meta(description="How deep you may look.")]
    relationship_type: Annotated[RelationshipType, Meta(description="How you stand to the customer.")] = "msp_managed"
    custom_permissions: Custom = {}
    starts_at: Annotated[datetime, Meta(tz=True, description="The first moment; at once when left out.")] | None = None
    ends_at: Ending | None = None
    reason: Reason = ""


class Requested(Struct, frozen=True, kw_only=True):
    """What became of a request. `link` is null when it was asked by domain: the answer never tells who exists."""

    message: str
    link: LinkSummary | None


class LinkChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New terms; what is left out stays. `ends_at` null asks for a link without end."""

    access_role: Annotated[AccessRole, Meta(description="What the link opens.")] | UnsetType = UNSET
    operating_model: Annotated[OperatingModel, Meta(description="How deep you may look.")] | UnsetType = UNSET
    custom_permissions: Custom | UnsetType = UNSET
    ends_at: Ending | UnsetType | None = UNSET
    reason: Reason = ""


class Changed(Struct, frozen=True, kw_only=True):
    """What became of a change: `narrowed` holds at once; `asked` waits for the customer, the old terms hold on."""

    outcome: Literal["narrowed", "asked"]
    link: LinkDetail


class Extension(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A later end to ask for."""

    ends_at: Ending
    reason: Reason = ""


class Ended(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a link is given back."""

    reason: Reason = ""


_SAME = tuple(name for name in LinkSummary.__struct_fields__ if name != "status")


def listed_as(link: Link) -> LinkSummary:
    """Return a link of a list as callers get it."""
    return LinkSummary(status=link.shown_status, **{name: getattr(link, name) for name in _SAME})


def detailed(link: Link, offers: list[Offer]) -> LinkDetail:
    """Return one link in full as callers get it."""
    return LinkDetail(status=link.shown_status, offers=offers, **{name: getattr(link, name) for name in _SAME})


def changed(link: Link, change: LinkChange) -> Terms:
    """Return the terms that a change leads to."""
    terms = Terms(
        access_role=link.access_role,
        operating_model=link.operating_model,
        ends_at=link.ends_at,
        starts_at=link.starts_at,
        custom_permissions=link.custom_permissions,
        relationship_type=link.relationship_type,
    )
    return msgspec.structs.replace(
        terms, **{name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    )
