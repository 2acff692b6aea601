"""Files over obstore: a folder, an S3 bucket, or memory behave the same.

Pieces are sent as they come, in parts of a few megabytes, so that memory stays flat whatever a file's size. A file
that was not written to its end is never seen: a folder keeps it under another name, S3 as an unfinished upload.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.store import LocalStore, MemoryStore, S3Store

from guildhall.core.buckets import Bucket
from guildhall.domain.files.store import Sink

PART = 5 * 1024 * 1024  # octets; the least that S3 takes for a part
AT_ONCE = 2


class _Writer:
    """The sink of one file, which lies at `part` until it is whole."""

    def __init__(self, store: "LocalStore | S3Store | MemoryStore", part: str, key: str) -> None:
        self._store, self._part, self._key, self._closed = store, part, key, False
        self._writer = obstore.open_writer_async(store, part, buffer_size=PART, max_concurrency=AT_ONCE)

    async def write(self, octets: bytes) -> None:
        """Take the next octets."""
        await self._writer.write(octets)

    async def close(self) -> None:
        """Make the file whole."""
        if not self._closed:
            self._closed = True
            await self._writer.close()
            if self._part != self._key:
                await obstore.rename_async(self._store, self._part, self._key)


class Objects:
    """A store of files; `folder` is set where it is a folder of this machine, made when first written to."""

    def __init__(self, store: S3Store | MemoryStore | None, *, folder: Path | None = None) -> None:
        self._store, self._folder = store, folder

    @property
    def _objects(self) -> "LocalStore | S3Store | MemoryStore":
        if self._store is not None:
            return self._store
        if self._folder is None:
            raise RuntimeError("Files need a folder or a bucket")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(self._folder)

    @asynccontextmanager
    async def writing(self, key: str) -> AsyncIterator[Sink]:
        """Take a new file: whole once it is closed, or after a clean end; absent after an exception or a crash.

        A whole file of this key stays until another one is whole. In a folder each writer has a part of its own, so
        that of two at once neither takes the other's for its own; in a bucket an upload is so by itself.
        """
        part = key if self._folder is None else f"{key}.{uuid4()}"
        sink = _Writer(self._objects, part, key)
        try:
            yield sink
        except BaseException:
            del sink  # closing it would make the part a whole
            await self._drop(part)
            raise
        await sink.close()

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Yield a file piece by piece; raises LookupError where there is none."""
        try:
            found = await obstore.get_async(self._objects, key)
        except FileNotFoundError:
            raise LookupError(f"The store has no {key}") from None
        async for piece in found.stream(min_chunk_size=256 * 1024):
            yield bytes(piece)

    async def remove(self, key: str) -> None:
        """Remove a file and what an interrupted writer left of it; nothing where there is none."""
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, key)
        await self._drop(f"{key}.")

    async def _drop(self, begin: str) -> None:
        """Remove the parts whose names begin so; a bucket drops unfinished uploads by itself."""
        if self._folder is not None:
            await asyncio.to_thread(_drop, self._folder / begin)


def _drop(begin: Path) -> None:
    """Drop parts, under their own names or those under which the library stages them, `name#1`."""
    for part in begin.parent.glob(f"{begin.name}*"):
        part.unlink(missing_ok=True)


def in_folder(folder: Path) -> Objects:
    """Return files in a folder of this machine."""
    return Objects(None, folder=folder)


def in_bucket(bucket: Bucket) -> Objects:
    """Return files in an S3 bucket, or one of the same kind at another address."""
    return Objects(
        S3Store(
            bucket.name,
            region=bucket.region,
            access_key_id=bucket.key,
            secret_access_key=bucket.secret,
            endpoint=bucket.endpoint or f"https://s3.{bucket.region}.amazonaws.com",
            client_options={"allow_http": bucket.endpoint.startswith("http://")},
        )
    )


def in_memory() -> Objects:
    """Return files that end with the process, for tests."""
    return Objects(MemoryStore())
