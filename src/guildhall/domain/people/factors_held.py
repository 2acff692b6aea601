"""With what a person of a partner proves who it is, as principals and staff see it: which proofs, never a proof."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_HELD = text("SELECT * FROM portal.partner_factors(:user_id)")


class Held(Struct, frozen=True, kw_only=True):
    """The proofs that a person has: a password, an authenticator, how many passkeys, how many recovery codes left."""

    password: bool = False
    authenticator: bool = False
    passkeys: int = 0
    recovery_codes: int = 0


async def held(connection: AsyncConnection, user_id: UUID) -> Held:
    """Return the proofs of a person of the own partner, or for staff of any; none for anybody else."""
    row = (await connection.execute(_HELD, {"user_id": user_id})).mappings().first()
    return Held(**row) if row else Held()
