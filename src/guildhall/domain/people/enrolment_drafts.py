"""What the holder of a one-time link has chosen so far: it travels sealed with the forms, and nothing of it is kept.

A passkey or an authenticator is the second factor; whichever was chosen last is the one that counts.
"""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from msgspec import Struct

from guildhall.core import crypto
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.people import backoff, factors, passwords, recovery_codes
from guildhall.domain.people.passkeys import New

_LIFE = timedelta(hours=1)


class Draft(Struct, frozen=True, kw_only=True):
    """What was chosen so far: the password's hash, then the second factor and the recovery codes.

    `password` is None for whoever may not sign in with one. `secret` is the offered authenticator and `step` that of
    its first code; `passkey` is what a browser made in its place, under `passkey_name`.
    """

    mark: str
    began: datetime
    password: str | None
    secret: str
    step: int | None = None
    passkey: New | None = None
    passkey_name: str = ""
    codes: tuple[str, ...] = ()

    @property
    def factor(self) -> Literal["passkey", "totp"] | None:
        """Return which second factor was chosen; None before that."""
        if self.passkey is not None:
            return "passkey"
        return None if self.step is None else "totp"


def begin(token: str, *, now: datetime) -> Draft:
    """Offer a fresh authenticator secret to somebody who may not sign in with a password."""
    return Draft(mark=mark_of(token), began=now, password=None, secret=factors.new_secret())


async def choose_password(
    origin: Actor, *, token: str, password: str, personal: tuple[str, ...], now: datetime
) -> Draft:
    """Take the password, which may hold none of the `personal` words, and offer a fresh authenticator secret.

    Raises Invalid beside the field, TooManyRequests after a few: judging a password costs time of the processor.
    """
    tried = await backoff.begin(origin, subject=mark_of(token), now=now, purpose="welcome")
    kept = await passwords.chosen(password, personal=personal)
    await backoff.forgive(origin, tried, now=now)
    return msgspec.structs.replace(begin(token, now=now), password=kept)


def confirm_factor(draft: Draft, *, code: str, now: datetime) -> Draft:
    """Take the first code of the new authenticator and offer ten recovery codes; raises Invalid beside the field."""
    step = factors.step_of(draft.secret, code, now=now, after=0)
    if step is None:
        raise Invalid(errors={"code": "This code is not right. Wait for the next one and type it."})
    return msgspec.structs.replace(draft, step=step, passkey=None, codes=tuple(recovery_codes.new_codes()))


def confirm_passkey(draft: Draft, new: New, *, name: str) -> Draft:
    """Take the passkey that the browser has made and offer ten recovery codes."""
    codes = tuple(recovery_codes.new_codes())
    return msgspec.structs.replace(draft, step=None, passkey=new, passkey_name=name, codes=codes)


def sealed(draft: Draft) -> str:
    """Return a draft for a hidden field: nobody but this installation can read or change it."""
    return base64.urlsafe_b64encode(crypto.seal("enrolment", msgspec.json.encode(draft).decode())).decode()


def drafted(token: str, field: str, *, now: datetime) -> Draft | None:
    """Return what `sealed` made for this link within the last hour, or None for anything else."""
    try:
        draft = msgspec.json.decode(crypto.unseal("enrolment", base64.urlsafe_b64decode(field)), type=Draft)
    except (InvalidTag, ValueError, binascii.Error, msgspec.DecodeError):
        return None
    return draft if crypto.same(draft.mark, mark_of(token)) and now - draft.began < _LIFE else None


def mark_of(token: str) -> str:
    """Return the link's mark inside the seal, so that a draft of one link fits no other."""
    return crypto.mac("enrolment", token)
