"""What the people of the demo sign in with: one password for all, and a second factor known from the address."""

import base64
import hashlib

from argon2 import PasswordHasher

from guildhall.core import crypto

DEMO_PASSWORD = "guildhall-demo"  # noqa: S105 - printed by `guildhall demo`, accepted in demo mode only


def totp_secret(email: str) -> str:
    """Return the base32 TOTP secret (160 bits) of the demo person with address `email`."""
    return base64.b32encode(hashlib.sha256(email.encode()).digest()[:20]).decode()


class Credentials:
    """Password hash and sealed second factor for each address. The slow hash is made once, for all."""

    def __init__(self) -> None:
        self._hash = PasswordHasher().hash(DEMO_PASSWORD)

    def of(self, email: str) -> tuple[str, bytes]:
        """Return the password hash and the sealed TOTP secret of the person with address `email`."""
        return self._hash, crypto.seal("totp", totp_secret(email))
