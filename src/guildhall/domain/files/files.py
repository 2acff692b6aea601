"""Files of a partner or a tenant: announced, written once as a stream, read as a stream, gone when they expire.

A file is `ready` once everything is in the store and its size and hash are in its row; until then nobody reads it.
Whoever may see which rows is the boundary's (`access/boundary/file_policies.py`) and the caller's.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import NotFound
from guildhall.core.i18n import N_
from guildhall.core.ids import new_id
from guildhall.core.jobs import periodic
from guildhall.domain.files.store import Sink, opened
from guildhall.domain.files.tables import file

LOST = N_("This file is missing from the store of this portal. Ask whoever runs it to restore it.")
_TIDIED_AT_ONCE = 500
_log = structlog.get_logger("guildhall.files")


class File(Struct, frozen=True, kw_only=True):
    """A file that is ready; `size_bytes` in octets, `sha256` over all of them."""

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: bytes
    expires_at: datetime | None
    created_at: datetime

    async def begin(self) -> AsyncIterator[bytes]:
        """Read the first piece; return all octets, piece by piece.

        Raises NotFound (FILE_NOT_FOUND) where the store lost them, which is the operator's to mend and is logged.
        """
        pieces = opened().read(key_of(self.id))
        try:
            first = await anext(pieces, b"")
        except LookupError:
            _log.error("a file is not in the store", file_id=str(self.id))
            raise NotFound(LOST, code="FILE_NOT_FOUND") from None
        return _all(first, pieces)


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


class Written:
    """What went through a writer so far: `size_bytes` octets, and their hash."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._hash, self.size_bytes = sink, hashlib.sha256(), 0

    async def write(self, octets: bytes) -> None:
        """Take the next octets."""
        self._hash.update(octets)
        self.size_bytes += len(octets)
        await self._sink.write(octets)

    async def close(self) -> None:
        """Make the file whole in the store."""
        await self._sink.close()

    @property
    def sha256(self) -> bytes:
        """Return the hash of what was written."""
        return self._hash.digest()


def key_of(file_id: UUID) -> str:
    """Return where a file lies in the store; the last letters of its id spread files over folders."""
    return f"{file_id.hex[-2:]}/{file_id}"


async def announce(
    connection: AsyncConnection,
    actor: Actor,
    *,
    name: str,
    media_type: str,
    expires_at: datetime | None = None,
    tenant_id: UUID | None = None,
    size_bytes: int | None = None,
) -> UUID:
    """Write down that a file of the actor's partner (or of `tenant_id`) is going to be; return its id.

    `size_bytes` is how large it will be, where that is known and its room is to be kept for it.
    """
    file_id = new_id()
    values: dict[str, Any] = {
        "id": file_id,
        "partner_id": actor.partner_id,
        "tenant_id": tenant_id,
        "created_by": actor.user_id,
    }
    values |= {"name": name, "media_type": media_type, "expires_at": expires_at, "size_bytes": size_bytes}
    await connection.execute(insert(file).values(values))
    return file_id


@asynccontextmanager
async def writing(file_id: UUID) -> AsyncIterator[Written]:
    """Take the octets of an announced file, to be finished inside; of several writers each writes for itself."""
    async with opened().writing(key_of(file_id)) as sink:
        yield Written(sink)


async def finish(connection: AsyncConnection, file_id: UUID, written: Written) -> bool:
    """Make a file ready, in the transaction of what it belongs to; return whether this writer was the first.

    The row is taken before the octets become whole, so of two writers of one file (one was given up and came back)
    the second neither replaces nor removes what the first has written.
    """
    if not await _taken(connection, file_id, written, {}):
        return False
    await written.close()
    return True


async def settle(connection: AsyncConnection, file_id: UUID, written: Written) -> None:
    """Make a file ready whose octets are whole already, and lift the end that it was announced with.

    Raises NotFound (FILE_NOT_FOUND) where its time was over before.
    """
    if not await _taken(connection, file_id, written, {"expires_at": None}):
        raise NotFound(code="FILE_NOT_FOUND")


async def _taken(connection: AsyncConnection, file_id: UUID, written: Written, more: dict[str, None]) -> bool:
    """Make the row of a file ready unless somebody did, or its time is over; return whether it was."""
    ready = {"state": "ready", "size_bytes": written.size_bytes, "sha256": written.sha256, **more}
    standing = or_(file.c.expires_at.is_(None), file.c.expires_at > func.now())
    taken = await connection.execute(
        update(file).where(file.c.id == file_id, file.c.state == "writing", standing).values(ready)
    )
    return taken.rowcount == 1


async def get(connection: AsyncConnection, file_id: UUID, *, now: datetime) -> File:
    """Return a file that is ready; raises NotFound (FILE_NOT_FOUND) for any other, and once its time is over."""
    columns = (file.c[name] for name in File.__struct_fields__)
    standing = or_(file.c.expires_at.is_(None), file.c.expires_at > now)
    rows = await connection.execute(select(*columns).where(file.c.id == file_id, file.c.state == "ready", standing))
    found = rows.mappings().first()
    if found is None:
        raise NotFound(code="FILE_NOT_FOUND")
    return File(**found)


@periodic("23 * * * *", "files.tidy")
async def tidy(actor: Actor) -> int:
    """Remove the files whose time is over, from the store and then from the table; return how many."""
    async with db.transaction(actor) as connection:
        over = select(file.c.id).where(file.c.expires_at <= func.now()).limit(_TIDIED_AT_ONCE)
        ids = list((await connection.execute(over)).scalars())
    for file_id in ids:
        await opened().remove(key_of(file_id))
    async with db.transaction(actor) as connection:
        await connection.execute(delete(file).where(file.c.id.in_(ids), file.c.expires_at <= func.now()))
    return len(ids)
