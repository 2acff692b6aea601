"""Passkeys: what a browser is asked, and what counts as an answer (WebAuthn Level 2, by `webauthn`).

A challenge is sealed and bound to the browser that got it, holds for five minutes and is shown once. The person's
presence and verification are required each time, so that a passkey is two factors in one.
"""

import base64
import binascii
import struct
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
import webauthn
from cryptography.exceptions import InvalidTag
from msgspec import Struct
from sqlalchemy import TextClause, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from webauthn.helpers import options_to_json, parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind, Surface
from guildhall.core.errors import Invalid, Unauthorized
from guildhall.domain.people.doors import DOORS
from guildhall.domain.people.sign_in_tables import customer_passkey, partner_passkey, staff_passkey

Purpose = Literal["add", "show"]
LIFE = timedelta(minutes=5)
LONGEST_ANSWER = 20_000
REFUSED = "This passkey did not work here. Try again, or sign in another way."
LATE = "That took too long. Try again."
TABLES = {
    Kind.PARTNER_USER: partner_passkey,
    Kind.STAFF_USER: staff_passkey,
    Kind.CUSTOMER_USER: customer_passkey,
}
_FIND: dict[Surface, TextClause] = {
    Surface.CONSOLE: text("SELECT * FROM portal.find_partner_passkey(:credential)"),
    Surface.STAFF: text("SELECT * FROM portal.find_staff_passkey(:credential)"),
    Surface.CUSTOMER: text("SELECT * FROM tenancy.find_customer_passkey(:credential)"),
}
_USE = text("SELECT * FROM portal.use_challenge(:challenge, :until)")
_CHALLENGE = 32  # octets
# What the parsers of an answer raise: anybody may send anything, also JSON that nests too deep or CBOR that ends early.
_MALFORMED = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RecursionError,
    struct.error,
)


class Relying(Struct, frozen=True):
    """For whom passkeys are made: a surface's host without its port, its origin, the name that browsers show."""

    id: str
    origin: str
    name: str


class New(Struct, frozen=True):
    """A passkey that a browser has just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    synced: bool


class Shown(Struct, frozen=True):
    """A passkey that was shown and is good: whose it is, and its count before and after."""

    passkey_id: UUID
    user_id: UUID
    email: str
    before: int
    after: int


class _Kept(Struct):
    purpose: str
    challenge: str
    until: float


def challenge(purpose: Purpose, *, now: datetime) -> tuple[bytes, str]:
    """Return a fresh challenge, and the same sealed for a cookie of the browser that is asked."""
    octets = crypto.random_octets(_CHALLENGE)
    kept = _Kept(purpose, crypto.base64url(octets), (now + LIFE).timestamp())
    return octets, base64.urlsafe_b64encode(crypto.seal("passkey", msgspec.json.encode(kept).decode())).decode()


def _opened(sealed: str, purpose: Purpose, now: datetime) -> bytes | None:
    """Return the challenge inside; None where it is not ours, was made for something else or is too old."""
    try:
        kept = msgspec.json.decode(crypto.unseal("passkey", base64.urlsafe_b64decode(sealed)), type=_Kept)
    except (InvalidTag, ValueError, binascii.Error, msgspec.MsgspecError):
        return None
    good = kept.purpose == purpose and now.timestamp() < kept.until
    return base64.urlsafe_b64decode(kept.challenge + "=") if good else None


def asked_to_show(relying: Relying, octets: bytes) -> str:
    """Return what a browser is asked, as JSON, so that it shows any passkey of this surface."""
    options = webauthn.generate_authentication_options(
        rp_id=relying.id,
        challenge=octets,
        timeout=int(LIFE.total_seconds() * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def asked_to_add(relying: Relying, octets: bytes, *, user_id: UUID, email: str, name: str, known: list[bytes]) -> str:
    """Return what a browser is asked, as JSON, so that it makes a passkey; `known` are those the person has."""
    options = webauthn.generate_registration_options(
        rp_id=relying.id,
        rp_name=relying.name,
        user_id=user_id.bytes,
        user_name=email,
        user_display_name=name,
        challenge=octets,
        timeout=int(LIFE.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
    )
    return options_to_json(options)


async def added(origin: Actor, relying: Relying, *, answer: str, sealed: str, now: datetime) -> New:
    """Return the passkey that the browser made; raises Invalid beside `passkey` for anything that is none."""
    octets = _opened(sealed, "add", now)
    if octets is None:
        raise Invalid(errors={"passkey": LATE})
    try:
        made = webauthn.verify_registration_response(
            credential=parse_registration_credential_json(answer[:LONGEST_ANSWER]),
            expected_challenge=octets,
            expected_rp_id=relying.id,
            expected_origin=relying.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise Invalid(errors={"passkey": "Your browser's answer was not a passkey. Try again."}) from None
    if not await _first(origin, octets, now):
        raise Invalid(errors={"passkey": LATE})
    return New(made.credential_id, made.credential_public_key, made.sign_count, made.credential_backed_up)


async def shown(origin: Actor, relying: Relying, *, answer: str, sealed: str, now: datetime) -> Shown:
    """Return the passkey that the browser showed; raises Unauthorized for one that is unknown, wrong, late or replayed.

    A count that does not grow, of a passkey that counts, is a copy and is refused (WebAuthn §6.1.1).
    """
    octets = _opened(sealed, "show", now)
    if octets is None:
        raise Unauthorized(LATE)
    try:
        given = parse_authentication_credential_json(answer[:LONGEST_ANSWER])
        row = await db.door(origin.surface, _FIND[origin.surface], {"credential": given.raw_id})
        if row is None:
            raise Unauthorized(REFUSED)
        good = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=octets,
            expected_rp_id=relying.id,
            expected_origin=relying.origin,
            credential_public_key=row["public_key"],
            credential_current_sign_count=row["sign_count"],
            require_user_verification=True,
        )
    except _MALFORMED:
        raise Unauthorized(REFUSED) from None
    if not await _first(origin, octets, now):
        raise Unauthorized(LATE)
    return Shown(row["passkey_id"], row["user_id"], row["email"], row["sign_count"], good.new_sign_count)


async def _first(origin: Actor, octets: bytes, now: datetime) -> bool:
    """Return whether this challenge was never shown before."""
    return await db.door(origin.surface, _USE, {"challenge": octets, "until": now + LIFE}) is not None


async def used(connection: AsyncConnection, actor: Actor, proof: Shown, *, now: datetime) -> None:
    """Keep the passkey's count and when it was used; raises Unauthorized where another request was first."""
    table = TABLES[DOORS[actor.surface].kind]
    written = await connection.execute(
        update(table)
        .where(table.c.id == proof.passkey_id, table.c.sign_count == proof.before)
        .values(sign_count=proof.after, last_used_at=now)
        .returning(table.c.id)
    )
    if written.first() is None:
        raise Unauthorized(REFUSED)
