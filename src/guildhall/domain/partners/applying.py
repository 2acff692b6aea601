"""Applying to become a partner: what somebody without an account may do (PRODUCT §4).

The database role of the console reads no application. It goes through functions that take the hash of the signed
link, which nobody can make without the installation's secret.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import LargeBinary, Uuid

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound, TooManyRequests
from guildhall.core.jobs import enqueue
from guildhall.core.once import id_from
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.outbox import post
from guildhall.domain.partners import application_letters as letters
from guildhall.domain.partners.application_form import LONGEST_NOTE, Said, read
from guildhall.domain.partners.email_policy import LONGEST
from guildhall.domain.people.backoff import network_of

_SUBMIT = text("SELECT * FROM portal.submit_application(:new, :link, :subjects, :said)").bindparams(
    bindparam("new", type_=Uuid),
    bindparam("link", type_=LargeBinary),
    bindparam("subjects", type_=ARRAY(LargeBinary)),
    bindparam("said", type_=JSONB),
)
_FIND = text("SELECT * FROM portal.find_application(:link)")
_ANSWER = text("SELECT * FROM portal.answer_application(:link, :said)").bindparams(bindparam("said", type_=JSONB))
_FULL = "There were three applications in the last hour already. Wait a while, then send this one again."


class Own(Struct, frozen=True, kw_only=True):
    """An application as the applicant sees it; nothing that staff note or decide among themselves."""

    id: UUID
    status: str
    legal_name: str
    website: str
    country: str
    type: str
    contact_name: str
    email: str
    expected_customers: int
    note: str
    language: str
    asked: str
    decline_reason: str | None
    decline_note: str
    created_at: datetime
    state_since: datetime


def link_token(application_id: UUID) -> str:
    """Return the token of an application's signed link `/application/{token}`; the same one every time."""
    return crypto.mac("application-link", str(application_id))


def _link(token: str) -> bytes:
    return crypto.token_hash(token)


async def submit(origin: Actor, *, form: UUID, typed: Mapping[str, str], consent: bool, language: str) -> str:
    """Take an application and return the token of its signed link; the same form sent again gives the same one.

    Raises Invalid by field, and TooManyRequests after three in an hour from one place or for one address.
    """
    async with db.transaction(origin) as connection:
        said = await read(connection, typed, consent=consent)
        new = id_from(origin, form, said.octets())
        token = link_token(new)
        values = {
            "new": new,
            "link": _link(token),
            "subjects": [_subject("place", network_of(origin.ip)), _subject("address", _mailbox(said.email))],
            "said": _kept(said) | {"language": language},
        }
        done = (await connection.execute(_SUBMIT, values)).mappings().one()
        if done["seconds"]:
            raise TooManyRequests(_FULL, retry_after=done["seconds"])
        if done["made"]:
            await post(connection, letters.received(said, language=language, token=token))
            await _after(connection, origin, new, said, Action.APPLICATION_SUBMITTED)
    return token


def _subject(kind: str, value: str) -> bytes:
    """Return the keyed hash under which submissions are counted."""
    return bytes.fromhex(crypto.mac("application", f"{kind} {value[:LONGEST]}"))


def _mailbox(email: str) -> str:
    """Return the address without what follows a plus sign, which most servers put into the same mailbox."""
    local, _, domain = email.partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _kept(said: Said) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(said)
    return values


async def _after(connection: AsyncConnection, origin: Actor, application_id: UUID, said: Said, action: Action) -> None:
    """Have the domain looked up, and write the trail: which holds nothing personal, so that an erasure leaves it."""
    await enqueue(connection, "applications.look_up", application_id=application_id)
    changes = {"type": said.type, "country": said.country}
    await record(connection, origin, action=action, target=Target("application", application_id), changes=changes)


async def find(origin: Actor, token: str) -> Own:
    """Return the application of a signed link; raises NotFound for any other link."""
    async with db.transaction(origin) as connection:
        row = (await connection.execute(_FIND, {"link": _link(token)})).mappings().first()
    if row is None:
        raise NotFound
    return Own(**row)


async def answer(origin: Actor, *, token: str, typed: Mapping[str, str]) -> None:
    """Send a corrected application back, with an answer to what was asked.

    Raises Invalid by field, NotFound for a wrong link, Conflict where nothing is asked any more.
    """
    before = await find(origin, token)
    if before.status != "needs_info":
        raise Conflict("This application does not wait for you")
    wrong = _answer_error(typed.get("answer", ""))
    async with db.transaction(origin) as connection:
        try:
            said = await read(connection, typed, consent=True)
        except Invalid as refusal:
            raise Invalid(errors={**refusal.errors, **wrong}) from None
        if wrong:
            raise Invalid(errors=wrong)
        values = _kept(said) | {"answer": typed.get("answer", "").strip()}
        done = (await connection.execute(_ANSWER, {"link": _link(token), "said": values})).first()
        if done is None:
            raise Conflict("This application does not wait for you")
        await _after(connection, origin, before.id, said, Action.APPLICATION_ANSWERED)


def _answer_error(answer: str) -> dict[str, str]:
    """Return what is wrong with the answer."""
    if not answer.strip() or len(answer) > LONGEST_NOTE:
        return {"answer": "Answer what was asked, in at most 4000 characters"}
    return {}
