"""What staff see of letters: whom one was sent to, of what kind, and how it went; what it says only on opening it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, asc, desc, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.core.text import containing
from guildhall.domain.mail.tables import SHOWN, mail

_COLUMNS = [mail.c[name] for name in SHOWN]
_SORTS: dict[str, ColumnElement[object]] = {
    "created_at": mail.c.created_at,
    "recipient": func.lower(mail.c.recipient),
    "kind": mail.c.kind,
}


class Filter(Struct, frozen=True, kw_only=True):
    """Which letters to show: to whom (a part of the address), of which status and kind, in which order."""

    search: str = ""
    status: str = ""
    kind: str = ""
    sort_by: Literal["created_at", "recipient", "kind"] = "created_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0


class Item(Struct, frozen=True, kw_only=True):
    """One letter without what it says.

    `attempts` counts tries, `error` is what the server said at the last one; `queued_at` is when it was written or
    last sent again, `erased_at` when its words were erased.
    """

    id: UUID
    kind: str
    recipient: str
    status: str
    attempts: int
    error: str
    queued_at: datetime
    sent_at: datetime | None
    erased_at: datetime | None
    created_at: datetime


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Item], int]:
    """Return one page of letters and how many there are. Raises Forbidden without `staff.mail.list`."""
    must(actor, "staff.mail.list")
    rows = select(*_COLUMNS)
    if wanted.search:
        rows = rows.where(mail.c.recipient.ilike(containing(wanted.search)))
    if wanted.status:
        rows = rows.where(mail.c.status == wanted.status)
    if wanted.kind:
        rows = rows.where(mail.c.kind == wanted.kind)
    total = await connection.scalar(select(func.count()).select_from(rows.subquery()))
    towards = desc if wanted.descending else asc
    order = (towards(_SORTS[wanted.sort_by]), desc(mail.c.created_at), desc(mail.c.id))
    page = await connection.execute(rows.order_by(*order).limit(wanted.limit).offset(wanted.offset))
    return [Item(**row) for row in page.mappings()], total or 0


async def kinds(connection: AsyncConnection, actor: Actor) -> list[str]:
    """Return the kinds of letters that there are."""
    must(actor, "staff.mail.list")
    return list(await connection.scalars(select(mail.c.kind).distinct().order_by(mail.c.kind)))


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Return how many letters there are of each status, for the staff page and for metrics."""
    rows = await connection.execute(select(mail.c.status, func.count().label("number")).group_by(mail.c.status))
    return {row.status: row.number for row in rows}


async def failed(connection: AsyncConnection, actor: Actor) -> int:
    """Return how many letters failed within the month that their words are kept: people who wait in vain.

    Raises Forbidden without `staff.mail.list`.
    """
    must(actor, "staff.mail.list")
    lately = (mail.c.status == "failed") & mail.c.erased_at.is_(None)
    return await connection.scalar(select(func.count()).select_from(mail).where(lately)) or 0


async def get(connection: AsyncConnection, actor: Actor, mail_id: UUID) -> Item:
    """Return one letter. Raises Forbidden without `staff.mail.list`, NotFound where there is none."""
    must(actor, "staff.mail.list")
    row = (await connection.execute(select(*_COLUMNS).where(mail.c.id == mail_id))).mappings().one_or_none()
    if row is None:
        raise NotFound
    return Item(**row)


def must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden
