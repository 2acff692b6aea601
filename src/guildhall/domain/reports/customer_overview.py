"""What a tenant sees of its partners: who, what, until when, which people, what they did (PRODUCT §12)."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.access.links import Link


class PartnerPerson(Struct, frozen=True, kw_only=True):
    """Somebody of a partner who can reach the tenant now: never an address."""

    id: UUID
    name: str
    roles: list[str]
    last_active_at: datetime | None


class Access(Struct, frozen=True, kw_only=True):
    """One link with what stands behind it. `acts_30d` counts what the partner's people did, from the trail."""

    link: Link
    people: list[PartnerPerson]
    acts_30d: int
    last_act_at: datetime | None
    last_action: str | None


class Overview(Struct, frozen=True, kw_only=True):
    """The tenant's front page. `waiting` links ask for an answer; `live` and `standing` ones give access."""

    waiting: list[Access]
    standing: list[Access]
    past_count: int
    open_tickets: int
    partners_live: int


async def overview(connection: AsyncConnection, actor: Actor, *, now: datetime) -> Overview:
    """Return what the customer's front page shows; raises Forbidden without customer.links.read."""
    raise NotImplementedError
