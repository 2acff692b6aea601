"""Access and refresh tokens of the API: short-lived proof of a session, and its rotating renewal (API.md).

An access token (RFC 9068) is only proof that we issued it for a session: whether that session, its person and its
partner still may do something is asked of the database on each request. A refresh token works once; showing a
used one again ends the whole session (RFC 9700 §4.14.2).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct
from sqlalchemy import insert, text

from guildhall.core import crypto, db
from guildhall.core.actor import Actor, Kind
from guildhall.core.errors import Unauthorized
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people.sessions import LONGEST, Found, find
from guildhall.domain.people.tables import partner_refresh_token

ACCESS_LIFE = timedelta(minutes=10)
MOST_TENANTS = 200
WHOLE_PERSON = "partner.*"
_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_USE = text("SELECT * FROM portal.use_refresh_token(:token)")


class Claim(Struct, frozen=True):
    """What a good access token proves: its session, and the scopes it is cut to (None: everything).

    For an API client, of a partner or of the platform, `session_id` is the secret that the token was got with.
    """

    session_id: UUID
    scopes: frozenset[str] | None
    of_client: bool = False
    of_platform: bool = False


class _Claims(Struct, frozen=True):
    """The claims that a token is judged by."""

    iss: str
    aud: str
    sid: UUID
    exp: int
    scope: str
    client_id: UUID | None = None
    partner_id: UUID | None = None


class TokenPair(Struct, frozen=True, kw_only=True):
    """A fresh access token with the refresh token that follows it; lifetimes in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    scope: str


def access_token(
    actor: Actor,
    *,
    issuer: str,
    tenant_ids: Sequence[UUID],
    now: datetime,
    scope: str = WHOLE_PERSON,
) -> str:
    """Return an access token for the actor's session, cut to the permissions of `scope`, separated by spaces.

    `issuer` is the API's origin; `tenant_ids` are the live tenants: the first 200 go in, as a hint for clients.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": f"{issuer}/api/v1",
        "sub": str(actor.user_id),
        "exp": int((now + ACCESS_LIFE).timestamp()),
        "iat": int(now.timestamp()),
        "jti": str(new_id()),
        "sid": str(actor.session_id),
        "scope": scope,
    }
    if actor.of_partner:
        claims |= {
            "partner_id": str(actor.partner_id),
            "managed_tenant_ids": [str(tenant_id) for tenant_id in tenant_ids[:MOST_TENANTS]],
            "managed_tenant_ids_truncated": len(tenant_ids) > MOST_TENANTS,
        }
    if actor.kind is not Kind.PARTNER_USER:
        claims["client_id"] = str(actor.user_id)  # RFC 9068 §2.2
    return jwt.encode({"alg": _ALGORITHM, "typ": _TYPE}, claims, _key(crypto.key("access-token")))


@lru_cache(maxsize=4)
def _key(octets: bytes) -> OctKey:
    """Return the signing key; the same one for every token."""
    return OctKey.import_key(octets)


def read(token: str, *, issuer: str, now: datetime) -> Claim | None:
    """Return what `token` proves; None where it was not made by `access_token` here, or has run out.

    The algorithm is pinned: the token's own header chooses nothing.
    """
    try:
        kind, claims = _proven(token, crypto.key("access-token"))
    except (JoseError, msgspec.ValidationError, TypeError, ValueError):
        return None
    meant = kind == _TYPE and claims.iss == issuer and claims.aud == f"{issuer}/api/v1"
    if not meant or now.timestamp() >= claims.exp:
        return None
    of_client, of_partner = claims.client_id is not None, claims.partner_id is not None
    return Claim(claims.sid, _scopes(claims.scope), of_client, of_client and not of_partner)


@lru_cache(maxsize=1024)
def _proven(token: str, octets: bytes) -> tuple[object, _Claims]:
    """Return the type and claims of a token that the key signed: a client shows the same one many times.

    Whether it has run out is asked each time. Raises JoseError and what conversion raises; nothing of that is kept.
    """
    decoded = jwt.decode(token, _key(octets), algorithms=[_ALGORITHM])
    return decoded.header.get("typ"), msgspec.convert(decoded.claims, _Claims)


def _scopes(text: str) -> frozenset[str] | None:
    """Return the permissions that a token is cut to; None where it is cut to nothing less than its person's."""
    scopes = frozenset(text.split())
    return None if WHOLE_PERSON in scopes else scopes


async def issue(actor: Actor, *, issuer: str, tenant_ids: Sequence[UUID], now: datetime) -> TokenPair:
    """Return a fresh pair for the actor's session and keep the refresh token's hash."""
    refresh = crypto.new_token()
    async with db.transaction(actor) as connection:
        await connection.execute(
            insert(partner_refresh_token).values(
                id=new_id(),
                session_id=actor.session_id,
                token_hash=crypto.token_hash(refresh),
                expires_at=now + LONGEST,
            )
        )
    return TokenPair(
        token_type="Bearer",  # noqa: S106 - the type's name
        access_token=access_token(actor, issuer=issuer, tenant_ids=tenant_ids, now=now),
        expires_in=int(ACCESS_LIFE.total_seconds()),
        refresh_token=refresh,
        refresh_expires_in=int(LONGEST.total_seconds()),
        scope=WHOLE_PERSON,
    )


async def renew(origin: Actor, *, refresh_token: str) -> Found:
    """Use a refresh token up and return its live session; raises Unauthorized for any that does not work.

    A token shown twice was stolen or lost on the way: the session ends, whoever holds the younger token.
    """
    refusal = Unauthorized("This refresh token does not work any more. Sign in again.")
    used = await db.door(origin.surface, _USE, {"token": crypto.token_hash(refresh_token)})
    if used is None:
        raise refusal
    if used["reused"]:
        await _note_reuse(origin, used["session_id"])
        raise refusal
    found = await find(origin, session_id=used["session_id"])
    if found is None:
        raise refusal
    return found


async def _note_reuse(origin: Actor, session_id: UUID) -> None:
    """Write into the vendor's trail that a refresh token came twice and its session was ended."""
    async with db.transaction(origin) as connection:
        await record(
            connection,
            origin,
            action=Action.SIGNED_OUT,
            target=Target("session", session_id),
            reason="A refresh token was used twice",
        )
