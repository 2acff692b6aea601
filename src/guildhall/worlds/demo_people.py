"""What all people of the demo share: one password, a second factor known from the address, the same columns."""

import base64
import hashlib
from datetime import datetime, timedelta

from guildhall.domain.people import factors, passwords
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.ground import chance, made_id

DEMO_PASSWORD = "guildhall-demo"  # noqa: S105 - printed by `guildhall demo`, accepted in demo mode only
COLUMNS = "id email name status language timezone password_hash totp_secret last_active_at created_at updated_at"


def totp_secret(email: str) -> str:
    """Return the base32 TOTP secret (160 bits) of the demo person with address `email`."""
    return base64.b32encode(hashlib.sha256(email.encode()).digest()[:20]).decode()


class Roll:
    """Makes the rows of people as of `now`; the slow hash of the password is made once, for all."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._hash = passwords.hashed(DEMO_PASSWORD)

    def row(
        self,
        kind: str,
        email: str,
        *,
        born: datetime,
        status: str = "active",
        language: str = "en",
        timezone: str = "UTC",
    ) -> tuple[object, ...]:
        """Return the COLUMNS of the person of table `kind` with address `email`, known since `born`."""
        seen = self.now - timedelta(minutes=chance("seen", email).randint(60, 25_000))
        return (
            made_id(kind, email),
            email,
            full_name(email),
            status,
            language,
            timezone,
            self._hash,
            factors.sealed(totp_secret(email)),
            seen,
            born,
            born,
        )
