"""Using a one-time link: the customer's person sets a password and a second factor, once."""

import asyncio
import base64
import binascii
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from msgspec import Struct
from sqlalchemy import text

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import factors, passwords

State = Literal["open", "used", "expired", "enrolled", "unknown"]
_FIND = text("SELECT * FROM tenancy.find_customer_one_time(:token)")
_USE = text("SELECT * FROM tenancy.use_customer_one_time(:token, :password, :factor, :step, ARRAY[]::bytea[])")


class Invite(Struct, frozen=True, kw_only=True):
    """A one-time link as its holder sees it; everything but `state` is empty for an unknown one."""

    state: State
    email: str = ""
    name: str = ""
    tenant_name: str = ""
    user_id: UUID | None = None
    tenant_id: UUID | None = None


async def find(origin: Actor, token: str) -> Invite:
    """Return what a one-time link is for, and whether it still works. Looking consumes nothing."""
    row = await db.door(origin.surface, _FIND, {"token": crypto.token_hash(token)})
    if row is None:
        return Invite(state="unknown")
    state: State = "used" if row["used"] else "expired" if row["expired"] else "open"
    if state == "open" and row["enrolled"]:
        state = "enrolled"
    told = {name: row[name] for name in ("email", "name", "tenant_name", "user_id", "tenant_id")}
    return Invite(state=state, **told)


def offer_secret(token: str) -> tuple[str, str]:
    """Return a fresh authenticator secret, and the same sealed and bound to the link, for a hidden field."""
    secret = factors.new_secret()
    return secret, _sealed(token, secret)


def _sealed(token: str, secret: str) -> str:
    return base64.urlsafe_b64encode(crypto.seal("enrolment", f"{_mark(token)}:{secret}")).decode()


def _mark(token: str) -> str:
    """Return the link's mark inside the seal, so that a secret of one link fits no other."""
    return crypto.mac("enrolment", token)


def secret_in(token: str, sealed: str) -> str | None:
    """Return the secret that `offer_secret` sealed for this link, or None for anything else."""
    try:
        mark, _, secret = crypto.unseal("enrolment", base64.urlsafe_b64decode(sealed)).partition(":")
    except (InvalidTag, ValueError, binascii.Error):
        return None
    return secret if crypto.same(mark, _mark(token)) else None


async def enrol(origin: Actor, *, token: str, sealed: str, password: str, code: str, now: datetime) -> None:
    """Set the person's password and second factor and use the link up.

    Raises Invalid by field, and Conflict where the link was used or ended meanwhile.
    """
    found = await find(origin, token)
    if found.state != "open":
        raise Conflict("This link no longer works")
    secret = secret_in(token, sealed)
    step = factors.step_of(secret, code, now=now, after=0) if secret else None
    _check(found, password, step)
    kept = await asyncio.to_thread(passwords.hashed, password)
    person = _person(origin, found)
    async with db.transaction(person) as connection:
        values = {
            "token": crypto.token_hash(token),
            "password": kept,
            "factor": factors.sealed(secret or ""),
            "step": step,
        }
        if (await connection.execute(_USE, values)).first() is None:
            raise Conflict("This link no longer works")
        target = Target("customer_user", str(person.user_id))
        await record(connection, person, action=Action.ENROLLED, target=target, tenant_id=person.tenant_id)


def _check(found: Invite, password: str, step: int | None) -> None:
    """Raise Invalid for a password that may not be chosen and for a code that does not fit, both at once."""
    errors: dict[str, Any] = {}
    try:
        personal = (found.name, found.email.partition("@")[0], found.tenant_name)
        passwords.acceptable(password, personal=personal)
    except Invalid as refusal:
        errors |= refusal.errors
    if step is None:
        errors["code"] = "This code is not right. Wait for the next one and type it."
    if errors:
        raise Invalid(errors=errors)


def _person(origin: Actor, found: Invite) -> Actor:
    """Return the actor that the link's holder becomes."""
    return msgspec.structs.replace(
        origin, kind=Kind.CUSTOMER_USER, name=found.name, user_id=found.user_id, tenant_id=found.tenant_id
    )
