"""Signing in by a letter: a link for any browser, and a code for the one that asked (PRODUCT §3).

Looking at a link consumes nothing, since mail scanners look. Known and unknown addresses take the same statements, and
get the same answer: for an unknown one the letter is written and taken back.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Forbidden, Invalid, Unauthorized
from guildhall.core.i18n import N_
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.outbox import post
from guildhall.domain.people import backoff, methods
from guildhall.domain.people.doors import DOORS
from guildhall.domain.people.opening import SignedIn, open_session
from guildhall.domain.people.sign_in import mark_of, note_failure

LIFE = timedelta(minutes=30)
SESSION = timedelta(days=30)
State = Literal["open", "used", "expired", "unknown"]
_MARK = re.compile("[0-9a-f]{16}")
WRONG_CODE = "This code is not right, or too old. Ask for another letter."
_LABELS = {Surface.CONSOLE: "partners", Surface.STAFF: "staff", Surface.CUSTOMER: "customers"}
_KINDS = {
    Surface.CONSOLE: ("portal", "partner"),
    Surface.STAFF: ("portal", "staff"),
    Surface.CUSTOMER: ("tenancy", "customer"),
}


class Statements(Struct, frozen=True):
    """The functions of one surface's links."""

    keep: TextClause
    find: TextClause
    attempt: TextClause
    use: TextClause


def _statements(schema: str, kind: str) -> Statements:
    return Statements(
        text(f"SELECT * FROM {schema}.keep_{kind}_email_link(:address, :token, :code, :browser, :until)"),
        text(f"SELECT * FROM {schema}.find_{kind}_email_link(:token)"),
        text(f"SELECT * FROM {schema}.try_{kind}_email_code(:browser)"),
        text(f"SELECT * FROM {schema}.use_{kind}_email_link(:link)"),
    )


_SQL = {surface: _statements(*names) for surface, names in _KINDS.items()}


class Found(Struct, frozen=True):
    """A link as its holder sees it; everything but `state` is empty for an unknown one."""

    state: State
    link_id: UUID | None = None
    email: str = ""
    name: str = ""


def offered(surface: Surface) -> bool:
    """Return whether a surface has this way in: where the installation has it, and never for staff."""
    return methods.EMAIL_LINK in methods.offered(surface)


async def ask(origin: Actor, *, email: str, browser: str, now: datetime) -> str:
    """Send a letter with a link and a code, if anybody has this address; say nothing of whether.

    `browser` is the mark of the browser that asks, in which alone the code works. Returns the mark of the address,
    which the browser shows with the code: tries are counted by it, for known and unknown addresses alike. Raises
    Invalid beside the field, and TooManyRequests after five letters in an hour, to either alike.
    """
    if not offered(origin.surface):
        raise Forbidden("This way to sign in is not offered here.")
    address = email.strip().lower()
    if "@" not in address or len(address) > 254 or "\x00" in address:  # noqa: PLR2004
        raise Invalid(errors={"email": "This is not an e-mail address"})
    await backoff.letter(origin, address=address, now=now)
    login = await db.door(origin.surface, DOORS[origin.surface].login, {"email": address})
    token, mark, code = crypto.new_token(), mark_of(address), f"{secrets.randbelow(1_000_000):06}"
    values = {
        "address": address,
        "token": crypto.token_hash(token),
        "code": _code_hash(browser, code),
        "browser": _browser_hash(browser, mark),
        "until": now + LIFE,
    }
    async with db.transaction(origin) as connection:
        await connection.execute(_SQL[origin.surface].keep, values)
        await _write(connection, _letter(origin, address, login or {}, token, code), known=login is not None)
        await record(connection, origin, action=Action.SIGN_IN_LINK_ASKED, target=Target("address", mark))
    return mark


async def _write(connection: AsyncConnection, letter: Letter, *, known: bool) -> None:
    """Post the letter; for an address that nobody has, write it and take it back."""
    written = await connection.begin_nested()
    await post(connection, letter)
    await (written.commit() if known else written.rollback())


def _letter(origin: Actor, address: str, login: Mapping[str, Any], token: str, code: str) -> Letter:
    """Return the letter: the link and the code, or, where the partner does not allow them, what to do instead."""
    name, language = login.get("name", ""), login.get("language", "en")
    label = _LABELS[origin.surface]
    if methods.EMAIL_LINK not in methods.allowed(login.get("sign_in_methods"), surface=origin.surface):
        return Letter(
            kind="sign_in.not_allowed",
            to=address,
            name=name,
            language=language,
            subject=N_("Signing in by e-mail is off"),
            paragraphs=(N_("Your organisation does not allow signing in by e-mail. Use your passkey or password."),),
            link=(label, "/sign-in"),
            button=N_("Go to the sign-in page"),
        )
    return Letter(
        kind="sign_in.link",
        to=address,
        name=name,
        language=language,
        subject=N_("Your link to sign in"),
        paragraphs=(
            N_("Use the button to sign in. The link works once, for 30 minutes."),
            N_("Or type the code into the page where you asked for this letter."),
            N_("If you did not ask for it, do nothing: nobody gets in without this letter."),
        ),
        link=(label, f"/sign-in/link/{token}"),
        button=N_("Sign in"),
        code=code,
    )


def _browser_hash(browser: str, mark: str) -> bytes:
    """Return what is kept of the browser that asked, bound to the address: no other mark brings the letter's code."""
    return crypto.token_hash(f"{browser} {mark}")


def _code_hash(browser: str, code: str) -> bytes:
    """Return what is kept of a code: keyed, and bound to the browser that asked."""
    return bytes.fromhex(crypto.mac("email-code", f"{browser} {code}"))


async def find(origin: Actor, token: str) -> Found:
    """Return what a link is for and whether it still works. Consumes nothing."""
    row = await db.door(origin.surface, _SQL[origin.surface].find, {"token": crypto.token_hash(token)})
    if row is None or not offered(origin.surface):
        return Found("unknown")
    state: State = "used" if row["used"] else "expired" if row["expired"] else "open"
    return Found(state, row["link_id"], row["email"], row["name"])


async def use(origin: Actor, *, token: str, binding: str, now: datetime) -> SignedIn:
    """Use a link up and open a session bound to `binding`, the browser it is used in.

    Raises Conflict where the link was used, ran out or is unknown.
    """
    found = await find(origin, token)
    if found.state != "open" or found.link_id is None:
        raise Conflict("Link already used" if found.state == "used" else "This link no longer works")
    return await _open(origin, found.link_id, found.email, binding=binding, now=now)


async def use_code(origin: Actor, *, code: str, browser: str, mark: str, binding: str, now: datetime) -> SignedIn:
    """Open a session with the code of the newest letter that this browser asked for.

    `mark` is what `ask` returned. Raises Invalid beside `code`, and TooManyRequests after too many tries.
    """
    if not _MARK.fullmatch(mark):
        raise Invalid(errors={"code": WRONG_CODE})
    tried = await backoff.begin_code(origin, subject=mark, now=now)
    shown = {"browser": _browser_hash(browser, mark)}
    row = await db.door(origin.surface, _SQL[origin.surface].attempt, shown)
    typed = "".join(code.split())
    if row is None or row["user_id"] is None or not _same(row["code_hash"], _code_hash(browser, typed)):
        await note_failure(origin, mark)
        raise Invalid(errors={"code": WRONG_CODE})
    opened = await _open(origin, row["link_id"], row["email"], binding=binding, now=now)
    await backoff.forgive(origin, tried, now=now)
    return opened


def _same(left: bytes, right: bytes) -> bool:
    return crypto.same(left.hex(), right.hex())


async def _open(origin: Actor, link_id: UUID, email: str, *, binding: str, now: datetime) -> SignedIn:
    """Use the link up and open its session, 30 days, without a second factor."""
    login = await db.door(origin.surface, DOORS[origin.surface].login, {"email": email})
    if login is None:
        raise Unauthorized

    async def use_up(connection: AsyncConnection, _: Actor) -> None:
        if (await connection.execute(_SQL[origin.surface].use, {"link": link_id})).first() is None:
            raise Conflict("Link already used")

    opened = await open_session(
        origin,
        DOORS[origin.surface],
        login,
        method=methods.EMAIL_LINK,
        factor_at=None,
        now=now,
        lifetime=SESSION,
        use=use_up,
        binding=binding,
    )
    return msgspec.structs.replace(opened, email=email)
