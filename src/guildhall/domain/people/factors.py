"""Second factors: time-based codes (RFC 6238), each usable once."""

from datetime import datetime

import pyotp

from guildhall.core import crypto

_STEP = 30  # seconds
_DRIFT = 1  # steps before and after


def new_secret() -> str:
    """Return a fresh base32 secret of 160 bits."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, *, email: str, issuer: str) -> str:
    """Return the `otpauth://` address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def sealed(secret: str) -> bytes:
    """Return the secret as it is kept."""
    return crypto.seal("totp", secret)


def step_of(secret: str, code: str, *, now: datetime, after: int) -> int | None:
    """Return the time step that `code` belongs to, or None where it fits none later than step `after`.

    A code is looked for one step around `now`; `after` is the last step used, so a code works once.
    """
    digits = code.replace(" ", "")
    current = int(now.timestamp()) // _STEP
    totp = pyotp.TOTP(secret)
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        if crypto.same(totp.at(step * _STEP), digits) and step > after:
            return step
    return None


def step_of_sealed(kept: bytes | None, code: str, *, now: datetime, after: int) -> int | None:
    """Return `step_of` for a sealed secret; None where the person has none."""
    return None if kept is None else step_of(crypto.unseal("totp", kept), code, now=now, after=after)
