"""Webhook endpoints and their log as callers get them, and what they send about them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.domain.webhooks.acts import Draft
from guildhall.domain.webhooks.endpoints import Attempt, Delivery, Endpoint, Secret
from guildhall.domain.webhooks.tables import DeliveryStatus
from guildhall.surfaces.api.reading import Cursor, Limit, Offset

State = Literal["active", "failing", "disabled"]
Url = Annotated[str, Meta(max_length=2000, description="Where it listens: https, on the public Internet.")]
About = Annotated[str, Meta(max_length=200, description="What it is for.")]
Events = Annotated[
    list[str], Meta(max_length=50, description="Names of events, or patterns with `*` such as `partner.link.*`.")
]


class WebhooksQuery(Struct, frozen=True):
    """Which endpoints to list: in trouble first, then the newest."""

    state: Annotated[tuple[State, ...], Meta(description="Only endpoints in these states.")] = ()
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class DeliveriesQuery(Struct, frozen=True):
    """Which deliveries to list, newest first."""

    status: Annotated[tuple[DeliveryStatus, ...], Meta(description="Only deliveries in these states.")] = ()
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class Webhook(Struct, frozen=True, kw_only=True):
    """An endpoint. `state` is `failing` while nothing gets through; `disabled_for` is partner, staff, gone or failing.

    What staff of the vendor switched off, they alone switch on again, and say why in `disabled_because`.
    `version` is its ETag.
    """

    id: UUID
    url: str
    description: str
    events: list[str]
    state: State
    disabled_for: str
    disabled_because: str
    disabled_at: datetime | None
    failing_since: datetime | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class WebhookDetail(Webhook, frozen=True, kw_only=True):
    """An endpoint with the secrets that sign its deliveries now, newest first, without their values."""

    secrets: list[Secret]


class WebhookPage(Struct, frozen=True, kw_only=True):
    """A page of endpoints."""

    items: list[Webhook]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


class NewWebhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to add."""

    url: Url
    events: Events
    description: About = ""


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: About | UnsetType = UNSET


class WebhookSecret(Struct, frozen=True, kw_only=True):
    """A new secret, which begins with `whsec_`, shown this once: null in an answer that is repeated."""

    webhook: WebhookDetail
    secret: str | None


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many hours older secrets go on signing beside the new one."""

    overlap_hours: Annotated[Literal[0, 1, 24, 72, 168], Meta(description="0 ends them at once.")] = 24

    @property
    def overlap(self) -> timedelta:
        """Return the overlap as the domain takes it."""
        return timedelta(hours=self.overlap_hours)


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when to send again what failed."""

    since: Annotated[datetime, Meta(tz=True, description="Deliveries whose event happened at this moment or later.")]


class Replayed(Struct, frozen=True, kw_only=True):
    """How many deliveries are sent again; at most 1000 for each call, the oldest first."""

    deliveries: int


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """A page of an endpoint's log."""

    items: list[Delivery]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


class DeliveryDetail(Struct, frozen=True, kw_only=True):
    """One delivery with the body that was posted (empty before the first try) and its tries, newest first."""

    delivery: Delivery
    body: str
    attempts: list[Attempt]


def listed_as(found: Endpoint) -> Webhook:
    """Return an endpoint of a list as callers get it."""
    return Webhook(**_same(found))


def detailed(found: Endpoint, secrets: list[Secret]) -> WebhookDetail:
    """Return one endpoint as callers get it."""
    return WebhookDetail(secrets=secrets, **_same(found))


def _same(found: Endpoint) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Webhook.__struct_fields__}


def changed(found: Endpoint, change: WebhookChange) -> Draft:
    """Return what a change leads to."""
    new = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    kept = {"url": found.url, "description": found.description, "events": found.events} | new
    return Draft(url=kept["url"], description=kept["description"], events=tuple(kept["events"]))
