"""Using a one-time link: password, second factor and recovery codes, or a new password; then a session (PRODUCT §3).

Looking at a link and going through its steps keeps nothing: what was chosen travels sealed with the forms and is
written once, at the end, in the transaction that uses the link up and opens the session.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import LargeBinary, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import (
    backoff,
    factors,
    methods,
    own_passkeys,
    passwords,
    proofs,
    recovery_codes,
    security_letters,
)
from guildhall.domain.people.doors import DOORS
from guildhall.domain.people.enrolment_drafts import Draft
from guildhall.domain.people.one_time import Purpose
from guildhall.domain.people.opening import SignedIn, open_session
from guildhall.domain.people.sign_in import failed

State = Literal["open", "used", "expired", "enrolled", "shut", "unknown"]
_GONE = "This link no longer works"


def _call(kind: Kind, verb: str, arguments: str) -> TextClause:
    """Return the call of one of the functions that each kind of person has."""
    name = {Kind.PARTNER_USER: "portal.{}_partner", Kind.STAFF_USER: "portal.{}_staff"}.get(kind, "tenancy.{}_customer")
    return text(f"SELECT * FROM {name.format(verb)}_one_time({arguments})")


_KINDS = (Kind.PARTNER_USER, Kind.STAFF_USER, Kind.CUSTOMER_USER)
_FIND: Mapping[Kind, TextClause] = {kind: _call(kind, "find", ":token") for kind in _KINDS}
_USE: Mapping[Kind, TextClause] = {
    kind: _call(kind, "use", ":token, :password, :factor, :step, :codes").bindparams(
        bindparam("codes", type_=ARRAY(LargeBinary))
    )
    for kind in _KINDS
}


class Link(Struct, frozen=True, kw_only=True):
    """A one-time link as its holder sees it; everything but `state` is empty for an unknown one.

    `organisation` is the partner or customer that it is about, nothing for staff; `login` is what a session of the
    person is opened from; `has_factor` is that the person has an authenticator already; `ways` are the ways to
    sign in that are open to the person.
    """

    state: State
    purpose: Purpose = "join"
    email: str = ""
    name: str = ""
    organisation: str = ""
    has_factor: bool = False
    ways: tuple[str, ...] = ()
    login: Mapping[str, Any] = {}

    @property
    def by_password(self) -> bool:
        """Return whether a password opens a session of this person, so that there is one to choose."""
        return methods.PASSWORD in self.ways

    @property
    def by_passkey(self) -> bool:
        """Return whether a passkey does, so that one may be the second factor from the start."""
        return methods.PASSKEY in self.ways

    @property
    def personal(self) -> tuple[str, ...]:
        """Return the words that a password of this person may not hold."""
        return (self.name, *self.name.split(), self.email.partition("@")[0], self.organisation)


async def find(origin: Actor, token: str) -> Link:
    """Return what a one-time link is for, and whether it still works. Looking consumes nothing."""
    row = await db.door(origin.surface, _FIND[DOORS[origin.surface].kind], {"token": crypto.token_hash(token)})
    if row is None:
        return Link(state="unknown")
    ways = methods.allowed(row["sign_in_methods"], surface=origin.surface)
    return Link(
        state=_state(row, ways),
        purpose=row["purpose"],
        email=row["email"],
        name=row["name"],
        organisation=row["partner_name"] or row["tenant_name"] or "",
        has_factor=row["totp_secret"] is not None,
        ways=ways,
        login=row,
    )


def _state(row: Mapping[str, Any], ways: tuple[str, ...]) -> State:
    """Return whether the link works.

    For somebody who is set up there is nothing to join; a new password is of no use where none signs in.
    """
    if row["used"]:
        return "used"
    if row["expired"]:
        return "expired"
    if row["purpose"] == "reset" and methods.PASSWORD not in ways:
        return "shut"
    return "enrolled" if row["enrolled"] and row["purpose"] in {"join", "first"} else "open"


async def enrol(origin: Actor, link: Link, *, token: str, draft: Draft, now: datetime) -> SignedIn:
    """Use the link up, write what was chosen and open the session.

    Raises Conflict where the link is late, or what was chosen is no longer a way in.
    """
    if not _fits(draft, link):
        raise changed()
    action = Action.RECOVERED if link.purpose == "recover" else Action.ENROLLED
    user_id: UUID = link.login["user_id"]
    password = draft.password if link.by_password else None
    factor = factors.sealed(draft.secret) if draft.factor == "totp" else None
    codes = [recovery_codes.kept(user_id, code) for code in draft.codes]

    async def use(connection: AsyncConnection, actor: Actor) -> None:
        await _use(connection, actor, token, password=password, factor=factor, step=draft.step, codes=codes)
        if draft.passkey is not None:
            await own_passkeys.keep(connection, actor, draft.passkey, name=draft.passkey_name)
        if link.purpose == "recover":
            await security_letters.tell_recovered(connection, actor)
        await _note(connection, actor, action)

    door = DOORS[origin.surface]
    # Where passwords are off, the first session is none of a way in: it is the link's.
    method = f"{'link' if password is None else 'password'}+{draft.factor}"
    return await open_session(origin, door, link.login, method=method, factor_at=now, now=now, use=use)


def changed() -> Conflict:
    """Return the refusal of what is no longer a way in."""
    return Conflict("The ways to sign in have changed meanwhile, so begin again. Nothing was changed.")


def _fits(draft: Draft, link: Link) -> bool:
    """Return whether the person may still sign in with what was chosen: the ways may be narrowed between two steps."""
    if draft.password is None and link.by_password:
        return False
    return draft.factor == "totp" or (draft.factor == "passkey" and link.by_passkey)


async def reset(origin: Actor, link: Link, *, token: str, password: str, code: str, now: datetime) -> SignedIn | None:
    """Set a new password and end the sessions of before; the second factor is asked and stays.

    Returns a session, or None for somebody without an authenticator, who signs in by what is there instead.
    Raises Invalid beside the field, TooManyRequests while a back-off lasts, Conflict where the link is late.
    """
    tried = await backoff.begin(origin, subject=link.email, now=now)
    kept = await passwords.chosen(password, personal=link.personal)

    async def use(connection: AsyncConnection, actor: Actor) -> None:
        await _use(connection, actor, token, password=kept)
        await security_letters.tell_password_changed(connection, actor)
        await _note(connection, actor, Action.PASSWORD_RESET)

    if not link.has_factor:
        actor = _holder(origin, link)
        async with db.transaction(actor) as connection:
            await use(connection, actor)
        opened = None
    else:
        opened = await _reset_with_factor(origin, link, code=code, now=now, use=use)
    await backoff.forgive(origin, tried, now=now)
    return opened


async def _reset_with_factor(origin: Actor, link: Link, *, code: str, now: datetime, use: Any) -> SignedIn:
    """Ask for the second factor before the new password counts."""
    door = DOORS[origin.surface]
    proof = await proofs.proof_of(door, link.login, code, now=now)
    if proof is None:
        await failed(origin, link.email)
        raise Invalid(errors={"code": "This code is not right, or was used already. Wait for the next one."})

    async def both(connection: AsyncConnection, actor: Actor) -> None:
        await proofs.use(connection, door, actor, proof)
        await use(connection, actor)

    return await open_session(origin, door, link.login, method=proof.method, factor_at=now, now=now, use=both)


async def _use(
    connection: AsyncConnection,
    actor: Actor,
    token: str,
    *,
    password: str | None,
    factor: bytes | None = None,
    step: int | None = None,
    codes: list[bytes] | None = None,
) -> None:
    """Use the link up as the person at work; of two at once one gets through."""
    values = {"token": crypto.token_hash(token), "password": password, "factor": factor, "step": step}
    if (await connection.execute(_USE[actor.kind], values | {"codes": codes or []})).first() is None:
        raise Conflict(_GONE)


async def _note(connection: AsyncConnection, actor: Actor, action: Action) -> None:
    """Write the act into the chains of the person's side and of the vendor."""
    target = Target(str(actor.kind), str(actor.user_id))
    await record(
        connection, actor, action=action, target=target, partner_id=actor.partner_id, tenant_id=actor.tenant_id
    )


def _holder(origin: Actor, link: Link) -> Actor:
    """Return the actor that the link's holder is."""
    names = ("name", "user_id", "partner_id", "partner_name", "tenant_id")
    known = {name: link.login[name] for name in names}
    return msgspec.structs.replace(origin, kind=DOORS[origin.surface].kind, **known)
