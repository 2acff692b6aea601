"""What a partner may call and has called, for itself."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.domain.quotas import kinds
from guildhall.domain.quotas.tables import partner_quota

Kind = Literal["list", "across", "detail", "write", "export"]
_KINDS: tuple[Kind, ...] = ("list", "across", "detail", "write", "export")
_USED = text(
    """
    SELECT c.kind, (SELECT sum(n) FROM unnest(portal.slots_now(c.slots, c.used_at, c.seconds, now())) AS n) AS used
    FROM portal.call_count AS c WHERE c.subject = :partner
    """
).bindparams(bindparam("partner", type_=Uuid))


class Use(Struct, frozen=True, kw_only=True):
    """One kind of calls: `limit` in any `seconds`, of which `used` in those that end now.

    `across` are those lists that go over several tenants.
    """

    kind: Kind
    limit: int
    seconds: int
    used: int


async def used(connection: AsyncConnection, actor: Actor) -> list[Use]:
    """Return every kind of calls of the actor's partner."""
    own = await quotas(connection, actor)
    rows = await connection.execute(_USED, {"partner": actor.partner_id})
    found = {row.kind: row.used for row in rows}
    return [
        Use(kind=kind, limit=own[kind].calls, seconds=own[kind].seconds, used=found.get(kind, 0)) for kind in _KINDS
    ]


async def quotas(connection: AsyncConnection, actor: Actor) -> dict[str, kinds.Rate]:
    """Return what the actor's partner may call: its own quotas, else the standard ones."""
    chosen = select(partner_quota).where(partner_quota.c.partner_id == actor.partner_id)
    row = (await connection.execute(chosen)).mappings().first()
    return rates(dict(row) if row else {})


def rates(own: Mapping[str, Any]) -> dict[str, kinds.Rate]:
    """Return the rates under a row of own quotas, by kind."""
    found = {}
    for kind in kinds.OF_PARTNER:
        usual = kinds.standard(kind)
        found[kind] = kinds.Rate(own.get(f"{kind}_calls") or usual.calls, usual.seconds)
    lists = found["list"]
    return found | {kinds.ACROSS: kinds.Rate(kinds.across(lists.calls), lists.seconds)}
