"""Exports of invoices: asked for, watched while a worker writes them, fetched for seven days (`export_run.py`).

An export belongs to whoever asked for it: a colleague's customers may be others. What is in it is decided by the
links when it runs, and asked again whenever it is fetched.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from guildhall.core import db, once
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Forbidden, Invalid, NotFound, TenantAccessDenied
from guildhall.core.ids import new_id
from guildhall.core.jobs import enqueue
from guildhall.core.sql import bound
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.billing.export_columns import COLUMNS, LINE_COLUMNS, LINE_MONEY_COLUMNS, MONEY_COLUMNS
from guildhall.domain.billing.export_tables import invoice_export
from guildhall.domain.billing.invoice_sql import LIVE, TYPES
from guildhall.domain.billing.invoices import MONEY, Coverage, Filter, check
from guildhall.domain.files import files
from guildhall.domain.files.files import File
from guildhall.domain.files.tables import file

EXPORT = "partner.billing.invoices.export"
TASK = "billing.export"
KEPT_FOR = timedelta(days=7)
Format = Literal["csv", "pdf"]
MEDIA_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
# A PDF is set in memory as a whole; a spreadsheet is streamed.
MOST_IN_PDF = 1_500
FAILURES = ("too_large", "never_done")


class Wish(Struct, frozen=True, kw_only=True):
    """What an export shall hold. `columns` empty is all; `wanted` filters as the list does, its page left out."""

    format: Format
    wanted: Filter
    include_line_items: bool = False
    columns: tuple[str, ...] = ()


class ExportItem(Struct, frozen=True, kw_only=True):
    """An export in a list. Until it is counted `rows_total` is None; `failure` is a code of FAILURES."""

    id: UUID
    file_id: UUID
    format: Format
    filter: dict[str, Any]
    columns: list[str]
    include_line_items: bool
    status: Literal["processing", "completed", "failed"]
    rows_done: int
    rows_total: int | None
    left_out: int
    failure: str
    created_at: datetime
    completed_at: datetime | None
    expires_at: datetime
    size_bytes: int | None


class Export(ExportItem, frozen=True, kw_only=True):
    """An export as its owner sees it, with the tenants in it, which may be thousands."""

    tenants: list[UUID]


class ExportFilter(Struct, frozen=True, kw_only=True):
    """Which exports to list; their order is that in which they were asked for."""

    status: str = ""
    format: str = ""
    descending: bool = True
    limit: int = 50
    offset: int = 0


# Whether a live link allows the export of its invoices; only links that the person reaches are in question.
ALLOWS = ":permission = ANY (l.permissions) AND l.tenant_id IN (SELECT reached FROM portal.reach('billing') AS reached)"
REACHED = f"{LIVE} AND l.tenant_id IN (SELECT reached FROM portal.reach('any') AS reached)"
_COVERED = bound(f"SELECT count(*) FILTER (WHERE {ALLOWS}), count(*) {REACHED}", TYPES)


async def coverage(connection: AsyncConnection, actor: Actor) -> Coverage:
    """Return how many of the customers that the actor reaches would be in an export of all of them now."""
    values = {"partner_id": _partner(actor), "permission": EXPORT}
    [(opened, customers)] = await db.rows(connection, _COVERED, values)
    return Coverage(opened, customers)


async def ask(actor: Actor, wish: Wish, *, now: datetime, form: UUID | None = None) -> Export:
    """Have an export written by a worker; return it as it stands. The same `form` said twice is one export.

    Raises Forbidden without the permission, or for amounts asked by whoever sees none; Invalid for unknown columns.
    """
    if not actor.may(EXPORT):
        raise Forbidden
    check(actor, wish.wanted)
    columns, ends = _columns(actor, wish), now + KEPT_FOR
    export_id = new_id() if form is None else once.id_from(actor, form, msgspec.json.encode(wish))
    async with db.transaction(actor) as connection:
        await once.alone(connection, export_id)
        if (known := await _find(connection, actor, export_id, now=now)) is not None:
            return known
        name = f"invoices-{now:%Y-%m-%d}.{wish.format}"
        file_id = await files.announce(
            connection, actor, name=name, media_type=MEDIA_TYPES[wish.format], expires_at=ends
        )
        await connection.execute(
            insert(invoice_export).values(
                id=export_id,
                partner_id=actor.partner_id,
                created_by=actor.user_id,
                created_by_kind=str(actor.kind),
                created_by_name=actor.name,
                file_id=file_id,
                format=wish.format,
                filter=msgspec.to_builtins(wish.wanted),
                columns=columns,
                include_line_items=wish.include_line_items,
                language=actor.language,
                expires_at=ends,
            )
        )
        await enqueue(connection, TASK, export_id=export_id, partner_id=_partner(actor))
        made = await get(connection, actor, export_id, now=now)
        await record(
            connection,
            actor,
            action=Action.INVOICES_EXPORTED,
            target=Target("invoice_export", export_id),
            partner_id=actor.partner_id,
            changes={"format": wish.format},
        )
    return made


def _partner(actor: Actor) -> UUID:
    """Return the partner at work."""
    if actor.partner_id is None:
        raise Forbidden
    return actor.partner_id


def _columns(actor: Actor, wish: Wish) -> list[str]:
    """Return the columns of the file, in their one order."""
    offered = [*COLUMNS, *(LINE_COLUMNS if wish.include_line_items else ())]
    unknown = [name for name in wish.columns if name not in offered]
    if unknown:
        raise Invalid(errors={"columns": "Some of these columns are not on offer"})
    amounts = {*MONEY_COLUMNS, *LINE_MONEY_COLUMNS}
    if not actor.may(MONEY):
        if amounts & set(wish.columns):
            raise Forbidden
        offered = [name for name in offered if name not in amounts]
    return [name for name in offered if not wish.columns or name in wish.columns]


_SHOWN = [invoice_export.c[name] for name in ExportItem.__struct_fields__ if name != "size_bytes"]
_LISTED = select(*_SHOWN, file.c.size_bytes).join(file, file.c.id == invoice_export.c.file_id)
_READ = _LISTED.add_columns(invoice_export.c.tenants)


async def get(connection: AsyncConnection, actor: Actor, export_id: UUID, *, now: datetime) -> Export:
    """Return one of the actor's own exports; raises NotFound (EXPORT_NOT_FOUND) for any other, and once it is over."""
    if not actor.may(EXPORT):
        raise Forbidden
    found = await _find(connection, actor, export_id, now=now)
    if found is None:
        raise NotFound(code="EXPORT_NOT_FOUND")
    return found


async def _find(connection: AsyncConnection, actor: Actor, export_id: UUID, *, now: datetime) -> Export | None:
    chosen = _READ.where(*_own(actor, now), invoice_export.c.id == export_id)
    row = (await connection.execute(chosen)).mappings().first()
    return None if row is None else Export(**row)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: ExportFilter, *, now: datetime
) -> tuple[list[ExportItem], int]:
    """Return one page of the actor's own exports of the last seven days, and how many there are; raises Forbidden."""
    if not actor.may(EXPORT):
        raise Forbidden
    table = invoice_export.c
    where = [*_own(actor, now)]
    where += [table.status == wanted.status] if wanted.status else []
    where += [table.format == wanted.format] if wanted.format else []
    order = [each.desc() if wanted.descending else each.asc() for each in (table.created_at, table.id)]
    rows = await connection.execute(_LISTED.where(*where).order_by(*order).limit(wanted.limit).offset(wanted.offset))
    counting = select(func.count()).select_from(invoice_export).where(*where)
    return [ExportItem(**row) for row in rows.mappings()], await connection.scalar(counting) or 0


def _own(actor: Actor, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for what is the actor's own and not over."""
    table = invoice_export.c
    return (table.partner_id == actor.partner_id, table.created_by == actor.user_id, table.expires_at > now)


_OPEN = text(
    "SELECT count(*) FROM portal.partner_tenant_link AS l WHERE l.partner_id = :partner_id AND l.status = 'active'"
    " AND portal.is_live(l.status, l.starts_at, l.ends_at) AND :permission = ANY (l.permissions)"
    " AND l.tenant_id = ANY (:tenant_ids)"
)


async def fetch(actor: Actor, export_id: UUID, *, now: datetime) -> File:
    """Return the file of one of the actor's own exports, and write the fetching down.

    Raises Conflict while it is not written, TenantAccessDenied once a customer in it no longer opens its invoices to
    the actor, Forbidden where it holds amounts and the actor sees none any more.
    """
    async with db.transaction(actor) as connection:
        found = await get(connection, actor, export_id, now=now)
        if found.status != "completed":
            raise Conflict("This export is not written yet, or it failed")
        if not actor.may(MONEY) and set(found.columns) & {*MONEY_COLUMNS, *LINE_MONEY_COLUMNS}:
            raise Forbidden
        values = {"partner_id": actor.partner_id, "permission": EXPORT, "tenant_ids": found.tenants}
        if await connection.scalar(_OPEN, values) != len(found.tenants):
            raise TenantAccessDenied(
                "A customer in this file no longer opens its invoices to you. Ask for a new export, which leaves it out"
            )
        fetched = await files.get(connection, found.file_id, now=now)
        await record(
            connection,
            actor,
            action=Action.EXPORT_DOWNLOADED,
            target=Target("invoice_export", export_id),
            partner_id=actor.partner_id,
        )
    return fetched
