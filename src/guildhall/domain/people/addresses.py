"""Signed addresses: for five minutes they open one file to whoever holds them, as the session that asked for them.

They prove no more than an access token does, and less: one path, and the permissions that it needs. Whether the
session, its person and its partner still may is asked on each use, so what ends a session ends its addresses.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from guildhall.core import crypto
from guildhall.core.actor import Actor, Kind
from guildhall.domain.people.tokens import Claim

LIFE = timedelta(minutes=5)
_ALGORITHM = "HS256"
_TYPE = "address+jwt"


class _Claims(Struct):
    """What a signed address says."""

    iss: str
    path: str
    sid: UUID
    exp: int
    scope: str
    client: bool


@lru_cache(maxsize=4)
def _key(octets: bytes) -> OctKey:
    """Return the signing key; the same one for every address."""
    return OctKey.import_key(octets)


def signed(actor: Actor, *, path: str, permissions: Iterable[str], issuer: str, now: datetime) -> str:
    """Return the address of `path` on `issuer` that works for five minutes, with those of `permissions` held now."""
    claims = {
        "iss": issuer,
        "path": path,
        "sid": str(actor.session_id),
        "exp": int((now + LIFE).timestamp()),
        "scope": " ".join(sorted(set(permissions) & actor.permissions)),
        "client": actor.kind is Kind.API_CLIENT,
    }
    token = jwt.encode({"alg": _ALGORITHM, "typ": _TYPE}, claims, _key(crypto.key("signed-address")))
    return f"{issuer}{path}?token={token}"


def read(token: str, *, path: str, issuer: str, now: datetime) -> Claim | None:
    """Return what the token of an address proves for `path`; None for one not made here, or run out."""
    try:
        decoded = jwt.decode(token, _key(crypto.key("signed-address")), algorithms=[_ALGORITHM])
        claims = msgspec.convert(decoded.claims, _Claims)
    except (JoseError, msgspec.ValidationError, TypeError, ValueError):
        return None
    meant = decoded.header.get("typ") == _TYPE and claims.iss == issuer and claims.path == path
    if not meant or now.timestamp() >= claims.exp:
        return None
    return Claim(claims.sid, frozenset(claims.scope.split()), claims.client)
