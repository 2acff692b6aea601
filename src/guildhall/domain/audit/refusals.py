"""Refusals: noted in a transaction of their own, bounded by rate, never in the way of the answer (BOUNDARY §5)."""

from collections import Counter
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Kind
from guildhall.domain.audit.trail import Action, Target, record

_PER_MINUTE = 30
_LONGEST_PATH = 200
_KNOWN = frozenset({Kind.PARTNER_USER, Kind.API_CLIENT, Kind.PLATFORM, Kind.CUSTOMER_USER, Kind.STAFF_USER})
# A partner that never was let in leaves no mark with a tenant: it may only have guessed an id.
_WAS_LET_IN = text(
    """
    SELECT EXISTS (SELECT 1 FROM portal.partner_tenant_link
                   WHERE partner_id = :partner_id AND tenant_id = :tenant_id
                     AND status IN ('scheduled', 'active', 'paused', 'expired', 'revoked', 'ended'))
        OR EXISTS (SELECT 1 FROM portal.partner WHERE id = :partner_id AND home_tenant_id = :tenant_id)
    """
)
_log = structlog.get_logger("guildhall.audit")


class _Minute:
    """What this process has noted in the running minute."""

    def __init__(self) -> None:
        self._now: datetime | None = None
        self._noted: set[tuple[UUID | None, str, UUID | None]] = set()
        self._by_person: Counter[UUID | None] = Counter()

    def admits(self, person: UUID | None, code: str, tenant_id: UUID | None, now: datetime) -> bool:
        """Return whether this refusal is the first of its kind in the minute, and count it."""
        minute = now.replace(second=0, microsecond=0)
        if minute != self._now:
            self._now = minute
            self._noted.clear()
            self._by_person.clear()
        key = (person, code, tenant_id)
        if key in self._noted or self._by_person[person] >= _PER_MINUTE:
            return False
        self._noted.add(key)
        self._by_person[person] += 1
        return True


_minute = _Minute()


async def refused(actor: Actor, *, code: str, path: str, now: datetime, tenant_id: UUID | None = None) -> None:
    """Note that a gate refused `actor` with `code` at `path` (no query string), about `tenant_id` where it named one.

    The own side's chain gets it, and the tenant's where the partner has or had a link to it. At most one entry
    per person, code, tenant and minute and 30 per person and minute in each process. Never raises.
    """
    if actor.kind not in _KNOWN or not _minute.admits(actor.user_id, code, tenant_id, now):
        return
    try:
        await _note(actor, code, path, tenant_id)
    except Exception:  # noqa: BLE001 - the refusal stands whether or not it could be noted
        _log.exception("a refusal could not be noted", code=code, request_id=actor.request_id)


async def _note(actor: Actor, code: str, path: str, tenant_id: UUID | None) -> None:
    """Append one refusal to the chains that it concerns."""
    async with db.transaction(actor) as connection:
        await record(
            connection,
            actor,
            action=Action.REFUSED,
            target=Target("path", quote(path)[:_LONGEST_PATH]),
            partner_id=actor.partner_id,
            tenant_id=await _concerned(connection, actor, tenant_id),
            changes={"code": code} | ({"named_tenant": str(tenant_id)} if tenant_id else {}),
        )


async def _concerned(connection: AsyncConnection, actor: Actor, tenant_id: UUID | None) -> UUID | None:
    """Return the tenant whose chain a refusal belongs to: a customer's own, or one that let the partner in."""
    if actor.kind is Kind.CUSTOMER_USER:
        return actor.tenant_id
    if not actor.of_partner or tenant_id is None:
        return None
    values = {"partner_id": actor.partner_id, "tenant_id": tenant_id}
    return tenant_id if await connection.scalar(_WAS_LET_IN, values) else None
