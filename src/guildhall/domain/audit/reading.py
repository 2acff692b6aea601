"""Reading the trail: a chain by its own readers, filtered, newest first, paged by sequence (PRODUCT §13)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.audit.tables import audit_entry as entry
from guildhall.domain.audit.trail import VENDOR

ChainKind = Literal["partner", "tenant", "vendor"]
MISSING = "AUDIT_ENTRY_NOT_FOUND"
_PREFIX: Mapping[DbRole, str] = {DbRole.PARTNER: "partner", DbRole.CUSTOMER: "customer", DbRole.STAFF: "staff"}


class Chain(Struct, frozen=True):
    """One chain: of a partner, of a tenant, or the vendor's own."""

    kind: ChainKind
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Filter(Struct, frozen=True, kw_only=True):
    """Which entries of a chain to show.

    `chain` is for staff only; others read their own. `action` is a verb (`link.approved`) or a whole family
    (`link`). `text` is looked for in names, targets and the entry itself. `since` is inclusive, `until` exclusive.
    `before` is the cursor: the sequence of the last entry of the page before.
    """

    chain: Chain | None = None
    actor_id: UUID | None = None
    partner_id: UUID | None = None
    tenant_id: UUID | None = None
    action: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of a chain. `hash` and `previous_hash` are hexadecimal; `actor_name` is empty once erased."""

    chain: Chain
    sequence: int
    event_id: UUID
    at: datetime
    action: str
    surface: str
    actor_kind: str
    actor_id: UUID | None
    actor_name: str
    partner_id: UUID | None
    partner_name: str | None
    tenant_id: UUID | None
    target_kind: str
    target_id: str
    changes: dict[str, Any]
    reason: str
    request_id: str
    ip: str
    user_agent: str
    previous_hash: str
    hash: str


class Page(Struct, frozen=True):
    """Some entries, newest first, and the cursor of the next page, or None at the end."""

    items: list[Entry]
    next_before: int | None


def needs(actor: Actor, verb: Literal["read", "export"]) -> str:
    """Return the permission with which the actor's side reads or exports a trail."""
    return f"{_PREFIX[actor.role]}.audit.{verb}"


def chain_of(actor: Actor, wanted: Chain | None = None) -> Chain:
    """Return the chain that the actor reads: the own one, or for staff the wanted one, else the vendor's.

    Raises Forbidden where somebody other than staff names a chain that is not the own.
    """
    if actor.role is DbRole.STAFF:
        return wanted or Chain("vendor", VENDOR)
    own = Chain("partner", _known(actor.partner_id)) if actor.role is DbRole.PARTNER else None
    own = own or Chain("tenant", _known(actor.tenant_id))
    if wanted not in {None, own}:
        raise Forbidden
    return own


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> Page:
    """Return one page of a chain, newest first. Raises Forbidden without the permission to read it."""
    must(actor, "read")
    rows = (
        await connection.execute(
            select(entry)
            .where(*_conditions(chain_of(actor, wanted.chain), wanted))
            .order_by(entry.c.sequence.desc())
            .limit(wanted.limit + 1)
        )
    ).mappings()
    found = [_entry(row) for row in rows]
    items = found[: wanted.limit]
    return Page(items, items[-1].sequence if len(found) > wanted.limit else None)


async def get(connection: AsyncConnection, actor: Actor, *, sequence: int, chain: Chain | None = None) -> Entry:
    """Return one entry of a chain by its sequence; raises NotFound where there is none."""
    must(actor, "read")
    of = chain_of(actor, chain)
    row = (await connection.execute(select(entry).where(*_in(of), entry.c.sequence == sequence))).mappings().first()
    if row is None:
        raise NotFound(code=MISSING)
    return _entry(row)


def must(actor: Actor, verb: Literal["read", "export"]) -> None:
    """Raise Forbidden unless the person may read or export the trail of the own side."""
    if not actor.may(needs(actor, verb)):
        raise Forbidden


def _known(identity: UUID | None) -> UUID:
    """Return the id of the actor's own side; raises Forbidden where the actor belongs to none."""
    if identity is None:
        raise Forbidden
    return identity


def _in(chain: Chain) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that an entry belongs to `chain`."""
    return (entry.c.kind == chain.kind, entry.c.chain_id == chain.id)


def _conditions(chain: Chain, wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions."""
    where = list(_in(chain))
    for column, value in (
        (entry.c.actor_id, wanted.actor_id),
        (entry.c.partner_id, wanted.partner_id),
        (entry.c.tenant_id, wanted.tenant_id),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.action:
        family = entry.c.action.startswith(f"{wanted.action}.", autoescape=True)
        where.append(or_(entry.c.action == wanted.action, family))
    if wanted.text:
        columns = (entry.c.actor_name, entry.c.target_id, entry.c.body)
        where.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    if wanted.since is not None:
        where.append(entry.c.at >= wanted.since)
    if wanted.until is not None:
        where.append(entry.c.at < wanted.until)
    if wanted.before is not None:
        where.append(entry.c.sequence < wanted.before)
    return where


def _entry(row: RowMapping) -> Entry:
    """Return a row as its readers see it; what has no column of its own comes from the body."""
    body = msgspec.json.decode(row["body"])
    columns = (
        "sequence event_id at action surface actor_kind actor_id actor_name partner_id tenant_id target_kind target_id"
    )
    return Entry(
        chain=Chain(row["kind"], row["chain_id"]),
        partner_name=body["actor"]["partner_name"],
        changes=body["changes"],
        reason=body["reason"],
        request_id=body["request_id"],
        ip=body.get("ip", ""),
        user_agent=body.get("user_agent", ""),
        previous_hash=row["previous_hash"].hex(),
        hash=row["hash"].hex(),
        **{name: row[name] for name in columns.split()},
    )
