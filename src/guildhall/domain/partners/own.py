"""What a partner's person may know of the own organisation."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.partners.tables import Status, Type, partner


class OwnPartner(Struct, frozen=True, kw_only=True):
    """The own organisation in the programme."""

    id: UUID
    name: str
    type: Type
    tier: str
    status: Status
    home_tenant_id: UUID | None


async def own(connection: AsyncConnection, actor: Actor) -> OwnPartner:
    """Return the partner that the person at work belongs to."""
    columns = [partner.c[name] for name in OwnPartner.__struct_fields__]
    row = (await connection.execute(select(*columns).where(partner.c.id == actor.partner_id))).mappings().one()
    return OwnPartner(**row)
