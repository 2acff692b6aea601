"""Where octets lie: the port that an adapter fills, by key."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Sink(Protocol):
    """Takes the octets of one file, in order."""

    async def write(self, octets: bytes) -> None:
        """Take the next octets."""

    async def close(self) -> None:
        """Make the file whole; nothing where it is so already."""


class Store(Protocol):
    """Keeps octets under keys; a key is letters, digits, `-` and `/`."""

    def writing(self, key: str) -> AbstractAsyncContextManager[Sink]:
        """Take a new file: whole once it is closed, or after a clean end; absent after an exception or a crash."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """Yield a file piece by piece; raises LookupError where there is none."""

    async def remove(self, key: str) -> None:
        """Remove a file and what an interrupted writer left of it; nothing where there is none."""


_store: Store | None = None


def open_store(store: Store) -> None:
    """Let this process keep files in `store`."""
    global _store  # noqa: PLW0603 - one installation per process, set once at start
    _store = store


def opened() -> Store:
    """Return the store of this process."""
    if _store is None:
        raise RuntimeError("No store is open in this process")
    return _store
