"""The trail of the caller's own organisation: searched, and read entry by entry."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.core import cursor, db
from guildhall.core.errors import NotFound
from guildhall.domain.audit import reading
from guildhall.domain.audit.reading import MISSING, Entry
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Search
from guildhall.surfaces.entry import needs

GROUP = "Audit trail"
PATH = "/partner/audit"
READ = "partner.audit.read"
_DIGITS = 18


class AuditQuery(Struct, frozen=True):
    """Which entries to list, newest first."""

    action: Annotated[
        str,
        Meta(
            max_length=80,
            pattern=r"^[a-z_]*(\.[a-z_]+)?$",
            description="A verb such as `link.approved`, or all of one family such as `link`.",
        ),
    ] = ""
    actor_id: Annotated[UUID, Meta(description="Only what this person or software did.")] | UnsetType = UNSET
    tenant_id: Annotated[UUID, Meta(description="Only what concerns this customer.")] | UnsetType = UNSET
    search: Annotated[Search, Meta(description="Part of a name, of what was acted on, or of the entry itself.")] = ""
    since: Annotated[datetime, Meta(tz=True, description="At this moment or later.")] | UnsetType = UNSET
    until: Annotated[datetime, Meta(tz=True, description="Before this moment.")] | UnsetType = UNSET
    limit: Limit = 50
    cursor: Cursor = ""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One entry of the chain.

    `hash` seals the entry and `previous_hash`, the hash of the one before. `actor_name` is empty once it was erased;
    `changes` says what was changed, mostly as value before and after.
    """

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


class AuditPage(Struct, frozen=True, kw_only=True):
    """A page of entries; they are never counted."""

    items: list[AuditEntry]
    total: None
    limit: int
    offset: None
    has_more: bool
    next_cursor: str | None


class Place(Struct, frozen=True):
    """Where a page ended."""

    sequence: Annotated[int, Meta(ge=1, lt=2**62)]


LIST = Operation(
    id="listAuditEntries",
    method="GET",
    path=PATH,
    group=GROUP,
    summary="Read the trail",
    description="What people and software of your organisation did, and what was done to it, newest first. With "
    "`X-Active-Tenant-Id` only what concerns that tenant. The export with its proof is in the console.",
    mark=needs(READ),
    query=AuditQuery,
    answer=AuditPage,
    codes=("TENANT_CONTEXT_MISMATCH",),
)


@serves(LIST)
async def list_entries(call: Call[AuditQuery, None]) -> AuditPage:
    """Return one page of the partner's trail."""
    asked = call.query
    about = call.narrowed((asked.tenant_id,) if isinstance(asked.tenant_id, UUID) else ())
    wanted = reading.Filter(
        actor_id=asked.actor_id or None,
        tenant_id=about[0] if about else None,
        action=asked.action,
        text=asked.search,
        since=asked.since or None,
        until=asked.until or None,
        before=cursor.decode(asked.cursor, Place).sequence if asked.cursor else None,
        limit=asked.limit,
    )
    async with db.transaction(call.actor) as connection:
        found = await reading.listed(connection, call.actor, wanted)
    return AuditPage(
        items=[_shown(each) for each in found.items],
        total=None,
        limit=asked.limit,
        offset=None,
        has_more=found.next_before is not None,
        next_cursor=None if found.next_before is None else cursor.encode(Place(found.next_before)),
    )


def _shown(found: Entry) -> AuditEntry:
    """Return an entry as callers get it."""
    return AuditEntry(**{name: getattr(found, name) for name in AuditEntry.__struct_fields__})


GET = Operation(
    id="getAuditEntry",
    method="GET",
    path=PATH + "/{sequence}",
    group=GROUP,
    summary="Read one entry",
    description="By its place in the chain.",
    mark=needs(READ),
    answer=AuditEntry,
    codes=(MISSING,),
)


@serves(GET)
async def get_entry(call: Call[None, None]) -> AuditEntry:
    """Return one entry."""
    text = call.request.path_params["sequence"]
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise NotFound(code=MISSING)
    async with db.transaction(call.actor) as connection:
        found = await reading.get(connection, call.actor, sequence=int(text))
    call.within(found.tenant_id, MISSING)
    return _shown(found)


ENDPOINTS: tuple[Endpoint, ...] = (list_entries, get_entry)
