"""Whether this process can do its work: every pool answers."""

import asyncio

from sqlalchemy import text

from guildhall.core import db

_PATIENCE = 3.0  # seconds


async def ready() -> str:
    """Return "" where every database pool answers, else what is wrong, in words without an inside."""
    for surface in db.surfaces():
        try:
            async with asyncio.timeout(_PATIENCE), db.engine(surface).connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - any fault of the database means the same to whoever asks
            return f"the database does not answer for {surface}"
    return ""
