"""What one partner may call and has called."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def used(connection: AsyncConnection, partner_id: UUID | None) -> list[Use]:
    """Return every kind of calls of a partner, which the policies must show to whoever asks."""
    allowed = rates(await own_quota(connection, partner_id) or {})
    counts = {row.kind: row.used for row in await connection.execute(_USED, {"partner": partner_id})}
    return [_use(kind, allowed[kind], counts.get(kind, 0)) for kind in _KINDS]


def _use(kind: Kind, rate: kinds.Rate, count: int) -> Use:
    return Use(kind=kind, limit=rate.calls, seconds=rate.seconds, used=count)


async def own_quota(connection: AsyncConnection, partner_id: UUID | None) -> Mapping[str, Any] | None:
    """Return the row of a partner that has a quota of its own."""
    chosen = select(partner_quota).where(partner_quota.c.partner_id == partner_id)
    row = (await connection.execute(chosen)).mappings().first()
    return None if row is None else dict(row)


def rates(own: Mapping[str, Any]) -> dict[str, kinds.Rate]:
    """Return what is allowed under a row of own quotas, by kind."""
    found = {}
    for kind in kinds.OF_PARTNER:
        usual = kinds.standard(kind)
        found[kind] = kinds.Rate(own.get(f"{kind}_calls") or usual.calls, usual.seconds)
    lists = found["list"]
    return found | {kinds.ACROSS: kinds.Rate(kinds.across(lists.calls), lists.seconds)}
