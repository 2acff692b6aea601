"""Identifiers: UUIDs that sort by time, made here because `uuidv7()` exists only from PostgreSQL 18."""

import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """Return a fresh UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def parse_id(text: str | None) -> UUID | None:
    """Return the UUID written in `text` in its canonical form, or None where it is not one."""
    try:
        value = UUID(text or "")
    except ValueError:
        return None
    return value if str(value) == (text or "").lower() else None
