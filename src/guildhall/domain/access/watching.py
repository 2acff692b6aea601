"""What a customer sees of the partners behind its links: their people, what they did last, what they ask for."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from guildhall.core.actor import Actor
from guildhall.domain.access.links import Offer
from guildhall.domain.access.tables import link_change

_PEOPLE = text("SELECT * FROM portal.partner_people_for_tenant() ORDER BY last_active_at DESC NULLS LAST, name")
# One short look from the end of the chain for each partner, not a walk over the whole of it.
_LAST_ACTS = text(
    """
    SELECT act.* FROM unnest(:partners) AS asked (partner_id)
    CROSS JOIN LATERAL (
        SELECT e.partner_id, e.sequence, e.at, e.action, e.actor_name
        FROM portal.audit_entry AS e
        WHERE e.kind = 'tenant' AND e.chain_id = :tenant_id AND e.partner_id = asked.partner_id
        ORDER BY e.sequence DESC LIMIT 1
    ) AS act
    """
).bindparams(bindparam("partners", type_=ARRAY(Uuid)), bindparam("tenant_id", type_=Uuid))


class PartnerPerson(Struct, frozen=True, kw_only=True):
    """Somebody of a partner who can reach the tenant now: a name, never an address."""

    link_id: UUID
    partner_id: UUID
    person_id: UUID
    name: str
    roles: list[str]
    last_active_at: datetime | None


class LastAct(Struct, frozen=True, kw_only=True):
    """The newest entry of the tenant's trail that somebody of a partner made."""

    partner_id: UUID
    sequence: int
    at: datetime
    action: str
    actor_name: str


async def people(connection: AsyncConnection) -> dict[UUID, list[PartnerPerson]]:
    """Return who can reach the actor's tenant through a live link, by link, the last active first."""
    found: dict[UUID, list[PartnerPerson]] = {}
    for row in (await connection.execute(_PEOPLE)).mappings():
        found.setdefault(row["link_id"], []).append(PartnerPerson(**row))
    return found


async def last_acts(connection: AsyncConnection, actor: Actor, partner_ids: Iterable[UUID]) -> dict[UUID, LastAct]:
    """Return what each of these partners did last in the actor's tenant, by partner."""
    values = {"partners": list(dict.fromkeys(partner_ids)), "tenant_id": actor.tenant_id}
    return {row["partner_id"]: LastAct(**row) for row in (await connection.execute(_LAST_ACTS, values)).mappings()}


async def open_offers(connection: AsyncConnection, link_ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """Return what is being offered on these links, by link; a link has at most one open offer."""
    columns = [link_change.c[name] for name in Offer.__struct_fields__]
    rows = await connection.execute(
        select(*columns).where(link_change.c.link_id.in_(list(link_ids)), link_change.c.status == "open")
    )
    return {row["link_id"]: Offer(**row) for row in rows.mappings()}
