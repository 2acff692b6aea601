"""How much room the files of one tenant may take up in the store: one number for an installation.

The tenant may use all of it, each of its partners half.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

USUAL = 2_000_000_000  # octets
_most = USUAL
_FITS = text("SELECT portal.file_room(:tenant_id, :more, :most)")
_USED = text("SELECT portal.tenant_file_octets(:tenant_id)")


def install(most: int | None) -> None:
    """Let each tenant have `most` octets in this process, or as many as is usual."""
    global _most  # noqa: PLW0603 - one installation per process, set once at start
    _most = most or USUAL


def most() -> int:
    """Return how many octets each tenant may have."""
    return _most


async def fits(connection: AsyncConnection, tenant_id: UUID, more: int) -> bool:
    """Return whether `more` octets fit beside a tenant's files, and beside the own partner's into its half of the room.

    Nobody else adds any until the transaction ends.
    """
    return bool(await connection.scalar(_FITS, {"tenant_id": tenant_id, "more": more, "most": _most}))


async def used(connection: AsyncConnection, tenant_id: UUID) -> int:
    """Return how many octets a tenant's files take up; for staff."""
    return int(await connection.scalar(_USED, {"tenant_id": tenant_id}))
