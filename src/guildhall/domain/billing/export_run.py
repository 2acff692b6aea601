"""Writing an export: a job that may be killed at any moment and begins again, so that there is one whole file or none.

The tenants are those whose links let the person export their invoices when the job runs. Rows stream from the database
into the store; what the reader sees of the progress is written beside, in transactions of its own.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files as resources
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from guildhall.core import clock, db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.i18n import N_, Speech, gettext, negotiate, ngettext, speaking
from guildhall.core.jobs import periodic, task
from guildhall.core.sql import Fixed, bound
from guildhall.domain.audit.many import record_for_each
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.billing.export_columns import COLUMNS, LINE_COLUMNS
from guildhall.domain.billing.export_tables import invoice_export
from guildhall.domain.billing.exports import ALLOWS, EXPORT, MOST_IN_PDF, REACHED, TASK
from guildhall.domain.billing.invoice_sql import TYPES, conditions
from guildhall.domain.billing.invoices import Filter, filter_values, filters_of
from guildhall.domain.files import files
from guildhall.domain.files.files import Written
from guildhall.domain.files.press import press

_TOLD_EVERY = 1.0  # seconds between two notes of the progress
_GIVEN_UP = timedelta(hours=3)  # longer than all repetitions of a job


class _Task(Struct, frozen=True, kw_only=True):
    """What is to be written, and for whom."""

    id: UUID
    file_id: UUID
    format: str
    wanted: Filter
    columns: list[str]
    include_line_items: bool
    language: str
    actor: Actor


class _TakenOver(Exception):  # noqa: N818 - no fault: another worker has written the file
    """Somebody else completed the export meanwhile."""


class _Scope(Struct, frozen=True):
    """The tenants of an export in the order of their names, and how many were left out."""

    ids: list[UUID]
    names: list[str]
    left_out: int


@task(TASK, roles=(DbRole.PARTNER,))
async def export(actor: Actor, *, export_id: UUID, partner_id: UUID) -> str:
    """Write an export; one that is written, failed or gone is left as it is."""
    found = await _read(actor, export_id, partner_id)
    if found is None:
        return "nothing to do"
    async with db.transaction(found.actor) as connection:
        scope = await _scope(connection, found)
        counts = await _counted(connection, found, scope)
    scope = _narrowed(scope, counts)
    total = sum(counts.values())
    if found.format == "pdf" and total > MOST_IN_PDF:
        await _end(actor, found, status="failed", failure="too_large")
        return "too large"
    await _note(actor, found.id, rows_total=total, rows_done=0)
    try:
        async with files.writing(found.file_id) as written:
            write = _write_pdf if found.format == "pdf" else _write_csv
            rows = await write(actor, found, scope, written)
            await _complete(actor, found, scope, written, rows)
    except _TakenOver:
        return "taken over"
    return f"{rows} rows"


async def _read(actor: Actor, export_id: UUID, partner_id: UUID) -> _Task | None:
    """Return what is to be written, or None where nothing is."""
    async with db.transaction(actor) as connection:
        chosen = select(invoice_export).where(
            invoice_export.c.id == export_id,
            invoice_export.c.partner_id == partner_id,
            invoice_export.c.status == "processing",
        )
        row = (await connection.execute(chosen)).mappings().first()
        if row is None:
            return None
        name = await connection.scalar(
            text("SELECT name FROM portal.partner WHERE id = :partner_id"), {"partner_id": partner_id}
        )
    person = Actor(
        kind=Kind(row["created_by_kind"]),
        surface=Surface.WORKER,
        role=DbRole.WORKER,
        name=row["created_by_name"],
        user_id=row["created_by"],
        partner_id=partner_id,
        partner_name=name,
    )
    shared = ("id", "file_id", "format", "columns", "include_line_items", "language")
    wanted = msgspec.convert(row["filter"], Filter)
    return _Task(wanted=wanted, actor=person, **{name: row[name] for name in shared})


_TENANTS = bound(
    f"SELECT l.tenant_id, l.tenant_name, {ALLOWS} {REACHED} ORDER BY lower(l.tenant_name), l.tenant_id",
    TYPES,
)


async def _scope(connection: AsyncConnection, found: _Task) -> _Scope:
    """Return the tenants whose links let the person export their invoices now."""
    values = {"partner_id": found.actor.partner_id, "permission": EXPORT}
    rows = await db.rows(connection, _TENANTS, values)
    named = set(found.wanted.tenant_ids)
    open_ = [row for row in rows if row[2] and (not named or row[0] in named)]
    left_out = 0 if named else sum(not row[2] for row in rows)
    return _Scope([row[0] for row in open_], [row[1] for row in open_], left_out)


def _narrowed(scope: _Scope, counts: dict[UUID, int]) -> _Scope:
    """Return the tenants that have rows: only these must open their invoices when the file is fetched."""
    kept = [(id_, name) for id_, name in zip(scope.ids, scope.names, strict=True) if id_ in counts]
    return _Scope([id_ for id_, _ in kept], [name for _, name in kept], scope.left_out)


_SCOPE = (
    "WITH scope AS MATERIALIZED (SELECT * FROM unnest(CAST(:scope_ids AS uuid[]), CAST(:scope_names AS text[]))"
    " WITH ORDINALITY AS s (tenant_id, tenant_name, place))"
)
_TYPES = {**TYPES, "scope_ids": ARRAY(Uuid), "scope_names": ARRAY(Text), "most": BigInteger()}


def _from(found: _Task) -> str:
    """Return where the rows come from, to follow a SELECT list."""
    lines = " LEFT JOIN tenancy.invoice_line AS n ON n.invoice_id = i.id" if found.include_line_items else ""
    where = conditions(filters_of(found.wanted))
    return f"FROM scope AS s JOIN tenancy.invoice AS i USING (tenant_id){lines} WHERE true{where}"


def _rows(found: _Task, *, limit: str = "") -> Fixed:
    """Return the statement of an export's rows: by customer, newest first."""
    offered = {**COLUMNS, **LINE_COLUMNS}
    columns = ", ".join(f"{offered[name]} AS {name}" for name in found.columns)
    order = "s.place, i.issued_on DESC, i.id DESC" + (", n.position" if found.include_line_items else "")
    return bound(f"{_SCOPE} SELECT {columns} {_from(found)} ORDER BY {order}{limit}", _TYPES)


def _values(found: _Task, scope: _Scope) -> dict[str, Any]:
    values = filter_values(found.actor, found.wanted, permission=EXPORT)
    return values | {"scope_ids": scope.ids, "scope_names": scope.names, "today": clock.now().date()}


async def _counted(connection: AsyncConnection, found: _Task, scope: _Scope) -> dict[UUID, int]:
    """Return how many rows each tenant has."""
    statement = bound(f"{_SCOPE} SELECT i.tenant_id, count(*) {_from(found)} GROUP BY 1", _TYPES)
    return {row[0]: row[1] for row in await db.rows(connection, statement, _values(found, scope))}


async def _write_csv(actor: Actor, found: _Task, scope: _Scope, written: Written) -> int:
    """Stream the rows as CSV into the file; return how many."""
    told, lines = time.monotonic(), -1  # the header is none

    async def take(octets: bytes) -> None:
        nonlocal told, lines
        await written.write(octets)
        lines += octets.count(b"\n")
        if time.monotonic() - told > _TOLD_EVERY:
            told = time.monotonic()
            await _note(actor, found.id, rows_done=max(lines, 0))

    async with db.transaction(found.actor) as connection:
        return await db.copy_out(connection, _rows(found), _values(found, scope), take)


async def _write_pdf(actor: Actor, found: _Task, scope: _Scope, written: Written) -> int:
    """Set the rows as a PDF; return how many."""
    del actor
    async with db.transaction(found.actor) as connection:
        rows = await db.rows(connection, _rows(found, limit=f" LIMIT {MOST_IN_PDF}"), _values(found, scope))
    with speaking(Speech(negotiate(None, found.language))):
        data = _printed(found, scope, rows)
    source = resources("guildhall.domain.billing").joinpath("invoices.typ").read_bytes()
    await written.write(await press().set(source, data))
    return len(rows)


HEADS = {
    "tenant_id": N_("Customer's id"),
    "tenant_name": N_("Customer"),
    "invoice_id": N_("Invoice's id"),
    "number": N_("Invoice"),
    "status": N_("Status"),
    "issued_on": N_("Issued"),
    "due_on": N_("Due"),
    "paid_on": N_("Paid on"),
    "days_overdue": N_("Days late"),
    "currency": N_("Currency"),
    "amount": N_("Amount"),
    "amount_paid": N_("Paid"),
    "outstanding": N_("Outstanding"),
    "line_position": N_("Line"),
    "line_description": N_("Description"),
    "line_quantity": N_("Quantity"),
    "line_unit_price": N_("Unit price"),
    "line_amount": N_("Line amount"),
}
STATUSES = {
    "finalized": N_("Finalised"),
    "paid": N_("Paid"),
    "overdue": N_("Overdue"),
    "cancelled": N_("Cancelled"),
}
_IDS = frozenset({"tenant_id", "invoice_id"})  # no paper needs them
_RIGHT = frozenset(
    {"days_overdue", "amount", "amount_paid", "outstanding", "line_quantity"} | {"line_unit_price", "line_amount"}
)


def _printed(found: _Task, scope: _Scope, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return what the template prints, in the language of the moment."""
    shown = [name for name in found.columns if name not in _IDS] or found.columns
    places = [found.columns.index(name) for name in shown]
    left_out = ngettext(
        "%(num)s customer is left out: its link does not allow exports of invoices.",
        "%(num)s customers are left out: their links do not allow exports of invoices.",
        scope.left_out,
    )
    return {
        "title": gettext("Invoices"),
        "language": negotiate(None, found.language),
        "partner": found.actor.partner_name or "",
        "made": gettext("As of %(day)s", day=f"{clock.now():%Y-%m-%d}"),
        "note": left_out if scope.left_out else "",
        "page": gettext("Page"),
        "heads": [gettext(HEADS[name]) for name in shown],
        "right": [name in _RIGHT for name in shown],
        "rows": [[_cell(name, row[place]) for name, place in zip(shown, places, strict=True)] for row in rows],
    }


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return gettext(STATUSES[value]) if name == "status" and value in STATUSES else str(value)


async def _note(actor: Actor, export_id: UUID, **values: Any) -> None:
    """Write down how far an export is."""
    async with db.transaction(actor) as connection:
        at_work = (invoice_export.c.id == export_id, invoice_export.c.status == "processing")
        await connection.execute(update(invoice_export).where(*at_work).values(**values))


async def _end(actor: Actor, found: _Task, **values: Any) -> None:
    """End an export that is at work."""
    await _note(actor, found.id, completed_at=func.now(), **values)


async def _complete(actor: Actor, found: _Task, scope: _Scope, written: Written, rows: int) -> None:
    """Make file and export whole in one commit, and tell each customer's trail whose invoices went out."""
    async with db.transaction(actor) as connection:
        done = await connection.execute(
            update(invoice_export)
            .where(invoice_export.c.id == found.id, invoice_export.c.status == "processing")
            .values(
                status="completed",
                rows_done=rows,
                rows_total=rows,
                tenants=scope.ids,
                left_out=scope.left_out,
                completed_at=func.now(),
            )
        )
        if done.rowcount != 1 or not await files.finish(connection, found.file_id, written):
            raise _TakenOver
        await record_for_each(
            connection,
            found.actor,
            action=Action.INVOICES_EXPORTED,
            target=Target("invoice_export", found.id),
            tenants=scope.ids,
            changes={"format": found.format},
        )


@periodic("13 * * * *", "billing.give_up_exports")
async def give_up(actor: Actor) -> int:
    """End the exports whose job failed as often as it may; return how many."""
    table = invoice_export.c
    async with db.transaction(actor) as connection:
        done = await connection.execute(
            update(invoice_export)
            .where(table.status == "processing", table.created_at < func.now() - _GIVEN_UP)
            .values(status="failed", failure="never_done", completed_at=func.now())
        )
    return done.rowcount
