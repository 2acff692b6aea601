"""Files of tickets: kept first, attached in the transaction of what is said with them, fetched through the gates.

Octets go into the store before the transaction that attaches them, under a row that ends by itself within the hour
(`files.tidy`), so neither an answer that fails nor a process that dies leaves a file behind. A file of an internal note
is internal: like the note it leaves no mark that the customer or another partner could see.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.files import files, room, uploads
from guildhall.domain.files.files import File
from guildhall.domain.files.uploads import PIECE, Sound, Upload
from guildhall.domain.support.file_tables import ticket_file
from guildhall.domain.support.tickets import Ticket, get, leave, opened
from guildhall.domain.tenancy.tables import ticket

__all__ = ["Attachment", "Kept", "Upload", "add", "attach", "fetch", "keep", "listed"]

MOST_AT_ONCE = 5
MOST_IN_TICKET = 100
_WAITS = timedelta(hours=1)  # for the answer that it belongs to
FIELD = "files"


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a ticket; `comment_id` is the comment that it came with, if any."""

    id: UUID
    ticket_id: UUID
    comment_id: UUID | None
    name: str
    media_type: str
    size_bytes: int
    is_internal: bool
    author_kind: str
    author_id: UUID | None
    author_name: str
    author_partner_id: UUID | None
    author_partner_name: str | None
    created_at: datetime


class Kept(Struct, frozen=True):
    """A file that lies in the store and is attached to nothing yet."""

    id: UUID
    written: files.Written
    sound: Sound


async def keep(actor: Actor, ticket_id: UUID, sent: Sequence[Upload], *, now: datetime) -> list[Kept]:
    """Put files for a ticket into the store, for `attach` to attach within the hour.

    Raises NotFound and Forbidden as for a comment, and Invalid (`files`) before anything is kept.
    """
    if not sent:
        return []
    permission, sound = leave(actor, "comment"), await checked(sent)
    async with db.transaction(actor) as connection:
        current = await get(connection, actor, ticket_id, now=now)
        await opened(connection, actor, current.tenant_id, [permission])
        await _room(connection, actor, ticket_id, len(sent))
    return await kept_in(actor, current.tenant_id, sound, now=now)


async def _room(connection: AsyncConnection, actor: Actor, ticket_id: UUID, more: int) -> None:
    """Raise Invalid (`files`) where a ticket has no room for so many files more."""
    if len(await listed(connection, actor, ticket_id)) + more > MOST_IN_TICKET:
        raise Invalid(errors={FIELD: "This ticket holds as many files as it may"})


async def checked(sent: Sequence[Upload]) -> list[Sound]:
    """Return files as they may be kept, or raise Invalid (`files`)."""
    if len(sent) > MOST_AT_ONCE:
        raise Invalid(errors={FIELD: "Send at most 5 files at once"})
    return [await asyncio.to_thread(uploads.checked, each, FIELD) for each in sent]


async def kept_in(actor: Actor, tenant_id: UUID, sound: Sequence[Sound], *, now: datetime) -> list[Kept]:
    """Put checked files into the store for a ticket of a tenant in which the actor may write.

    Their rows stand before their octets do, so no transaction may surround this. Raises Invalid (`files`) where the
    tenant, or the actor's partner there, has no room for them, before anything is kept.
    """
    async with db.transaction(actor) as connection:
        if not await room.fits(connection, tenant_id, sum(each.size_bytes for each in sound)):
            raise Invalid(errors={FIELD: "There is no room left for your files here. Ask the vendor for more"})
        ids = [await _announced(connection, actor, tenant_id, each, now=now) for each in sound]
    return [await _kept(file_id, each) for file_id, each in zip(ids, sound, strict=True)]


async def _announced(
    connection: AsyncConnection, actor: Actor, tenant_id: UUID, sound: Sound, *, now: datetime
) -> UUID:
    """Write down that a file is going to be, and how large."""
    return await files.announce(
        connection,
        actor,
        name=sound.name,
        media_type=sound.media_type,
        expires_at=now + _WAITS,
        tenant_id=tenant_id,
        size_bytes=sound.size_bytes,
    )


async def _kept(file_id: UUID, sound: Sound) -> Kept:
    """Write one file into the store."""
    async with files.writing(file_id) as written:
        while piece := await asyncio.to_thread(sound.content.read, PIECE):
            await written.write(piece)
    return Kept(file_id, written, sound)


async def attach(
    connection: AsyncConnection,
    actor: Actor,
    about: Ticket,
    kept: Sequence[Kept],
    *,
    is_internal: bool,
    comment_id: UUID | None = None,
    now: datetime,
) -> None:
    """Attach files that are kept to a ticket which the actor may answer; raises Invalid (`files`) where it is full."""
    if not kept:
        return
    # Whoever else attaches to it meanwhile waits, and then counts these too.
    await connection.execute(select(ticket.c.id).where(ticket.c.id == about.id).with_for_update())
    await _room(connection, actor, about.id, len(kept))
    for each in kept:
        await connection.execute(
            insert(ticket_file).values(
                id=each.id,
                tenant_id=about.tenant_id,
                ticket_id=about.id,
                comment_id=comment_id,
                name=each.sound.name,
                media_type=each.sound.media_type,
                size_bytes=each.sound.size_bytes,
                is_internal=is_internal,
                author_kind=actor.kind,
                author_id=actor.user_id,
                author_name=actor.name,
                author_partner_id=actor.partner_id,
                author_partner_name=actor.partner_name,
                created_at=now,
            )
        )
        await files.settle(connection, each.id, each.written)


async def add(actor: Actor, *, ticket_id: UUID, kept: Kept, is_internal: bool = False, now: datetime) -> Attachment:
    """Attach one file that is kept by itself; raises NotFound, Forbidden, and Invalid (`files`, `is_internal`)."""
    if is_internal and actor.role is not DbRole.PARTNER:
        raise Invalid(errors={"is_internal": "Internal notes are for those who work on the ticket"})
    async with db.transaction(actor) as connection:
        current = await get(connection, actor, ticket_id, now=now)
        await opened(connection, actor, current.tenant_id, [leave(actor, "comment")])
        await attach(connection, actor, current, [kept], is_internal=is_internal, now=now)
        made = await find(connection, actor, ticket_id, kept.id)
        await _note(connection, actor, current, made, Action.TICKET_FILE_ADDED)
    return made


async def listed(connection: AsyncConnection, actor: Actor, ticket_id: UUID) -> list[Attachment]:
    """Return the files of a ticket that the actor may read, oldest first."""
    rows = await connection.execute(_read(actor, ticket_id).order_by(ticket_file.c.created_at, ticket_file.c.id))
    return [Attachment(**row) for row in rows.mappings()]


async def find(connection: AsyncConnection, actor: Actor, ticket_id: UUID, attachment_id: UUID) -> Attachment:
    """Return one file of a ticket; raises NotFound (FILE_NOT_FOUND) for one that the actor may not read."""
    rows = await connection.execute(_read(actor, ticket_id).where(ticket_file.c.id == attachment_id))
    found = rows.mappings().first()
    if found is None:
        raise NotFound(code="FILE_NOT_FOUND")
    return Attachment(**found)


def _read(actor: Actor, ticket_id: UUID) -> Select[Any]:
    """Return what reads the files of a ticket that the actor may read."""
    columns = (ticket_file.c[name] for name in Attachment.__struct_fields__)
    return select(*columns).where(ticket_file.c.ticket_id == ticket_id, _readable(actor))


async def fetch(
    actor: Actor, *, ticket_id: UUID, attachment_id: UUID, tenant_id: UUID | None = None, now: datetime
) -> File:
    """Return a file of a ticket to be sent, and write the fetching down.

    Asked anew each time, so whoever lost the link, the permission or the session is refused at the next one.
    `tenant_id` is the tenant in context, if any. Raises NotFound (TICKET_NOT_FOUND, FILE_NOT_FOUND), Forbidden.
    """
    async with db.transaction(actor) as connection:
        current = await get(connection, actor, ticket_id, now=now)
        if tenant_id is not None and tenant_id != current.tenant_id:
            raise NotFound(code="TICKET_NOT_FOUND")
        found = await find(connection, actor, ticket_id, attachment_id)
        file = await files.get(connection, found.id, now=now)
        await _note(connection, actor, current, found, Action.TICKET_FILE_FETCHED)
    return file


def _readable(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a file is the actor's to read: as of the comment that it might have come with."""
    if actor.role is DbRole.CUSTOMER:
        return ~ticket_file.c.is_internal
    return or_(~ticket_file.c.is_internal, ticket_file.c.author_partner_id == actor.partner_id)


async def _note(
    connection: AsyncConnection, actor: Actor, about: Ticket, attachment: Attachment, action: Action
) -> None:
    """Write an act with a file into both trails; with an internal one into that of the own side alone."""
    internal = {"tenant": about.tenant_name} if attachment.is_internal else {}
    said = {"name": attachment.name, "is_internal": attachment.is_internal}
    await record(
        connection,
        actor,
        action=action,
        target=Target("ticket", about.id),
        partner_id=actor.partner_id,
        tenant_id=None if attachment.is_internal else about.tenant_id,
        changes={"number": about.number, **internal, "file": said},
    )
