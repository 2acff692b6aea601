"""The token endpoint for software of partners and of the platform: client credentials of OAuth 2.0 (RFC 6749 §4.4, §5).

The one operation that takes a form and refuses in OAuth's own words, since OAuth libraries speak to it.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from guildhall.core import clock, db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Invalid, PartnerInactive, Refusal, TooManyRequests, Unauthorized
from guildhall.core.idempotency import Reply
from guildhall.domain.access.scope import reached
from guildhall.domain.people import client_proving, tokens
from guildhall.domain.people.tokens import ACCESS_LIFE, MOST_TENANTS
from guildhall.surfaces.api.operations import JSON, Call, Endpoint, Operation, Wire
from guildhall.surfaces.api.problems import OAuthError, OAuthRefusal
from guildhall.surfaces.api.v1.auth import GROUP
from guildhall.surfaces.entry import origin_of, public

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20


class Grant(Struct, frozen=True, kw_only=True):
    """What a client asks with. Id and secret stand here, or in an Authorization header of the scheme Basic."""

    grant_type: Annotated[str, Meta(description="`client_credentials`, the only one.")]
    client_id: Annotated[str, Meta(description="The client's id, unless it stands in the header.")] = ""
    client_secret: Annotated[str, Meta(description="A secret of the client, unless it stands in the header.")] = ""
    scope: Annotated[
        str, Meta(description="Permissions separated by spaces, to get less than the client may do; else all of it.")
    ] = ""


class ClientToken(Struct, frozen=True, kw_only=True):
    """An access token of a client; there is no refresh token. `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


ISSUE = Operation(
    id="issueClientToken",
    method="POST",
    path="/oauth/token",
    group=GROUP,
    summary="Get an access token for software",
    description="Client credentials of OAuth 2.0 (RFC 6749 §4.4): an API client shows its id and secret and gets an "
    "access token for 10 minutes. A client does what its scopes say, as far as whoever answers for it may do "
    "that now; a client of the platform may ask for `platform.*`. Unknown client, wrong secret, an end that has passed "
    "and an address outside of its networks are one answer.",
    mark=public("the client's secret is the proof"),
    body=Grant,
    answer=ClientToken,
    oauth=True,
    sent={"grant_type": "client_credentials", "scope": "partner.support.tickets.list"},
)


async def issue(call: Call[None, Grant]) -> ClientToken:
    """Give a token to the client that proved itself."""
    origin, asked = origin_of(call.request, Surface.API), call.body
    found = await client_proving.prove(
        origin, client_id=asked.client_id, secret=asked.client_secret, path=call.request.url.path, now=call.now
    )
    scope = client_proving.scope_of(found.actor, asked.scope)
    tenant_ids = await _tenants(found.actor)
    issuer = call.request.app.state.issuer
    token = tokens.access_token(found.actor, issuer=issuer, tenant_ids=tenant_ids, now=call.now, scope=scope)
    return ClientToken(
        access_token=token,
        token_type="Bearer",  # noqa: S106 - the type's name
        expires_in=int(ACCESS_LIFE.total_seconds()),
        scope=scope,
    )


async def _tenants(actor: Actor) -> Sequence[UUID]:
    """Return the tenants that a token names as a hint; the platform's names none."""
    if not actor.of_partner:
        return ()
    async with db.transaction(actor) as connection:
        tenant_ids, _ = await reached(connection, most=MOST_TENANTS + 1)
    return tenant_ids


class TokenEndpoint(Endpoint, frozen=True):
    """An endpoint that takes a form and answers as RFC 6749 §5 says."""

    async def answer(self, request: Wire) -> Reply:
        """Answer one request."""
        try:
            grant = _grant(request, await request.body())
            call: Call[None, Grant] = Call(
                request=request,
                actor=origin_of(request, Surface.API),
                tenant=None,
                query=None,
                body=grant,
                now=clock.now(),
            )
            body = msgspec.json.encode(await self.handler(call))
        except Refusal as refusal:
            return _answer_to(refusal)
        return Reply(200, JSON, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _refusal(error: str, description: str, *, status: int = 400) -> OAuthRefusal:
    """Return a refusal in OAuth's words, which are English wherever they are read."""
    return OAuthRefusal(error, description, status=status)


def _grant(request: Wire, octets: bytes) -> Grant:
    """Return what was asked; raise OAuthRefusal where it is malformed or not on offer."""
    if request.headers.get("content-type", "").split(";", 1)[0].strip().lower() != FORM:
        raise _refusal("invalid_request", f"Send the parameters as {FORM}.")
    fields = _fields(octets)
    if "grant_type" not in fields:
        raise _refusal("invalid_request", "The parameter grant_type is missing.")
    if fields["grant_type"] != "client_credentials":
        raise _refusal("unsupported_grant_type", "This server gives tokens for client_credentials alone.")
    known = {name: fields[name] for name in Grant.__struct_fields__ if name in fields}
    return Grant(**known | _basic(request, fields))


def _fields(octets: bytes) -> dict[str, str]:
    """Return the form's parameters; one that is empty counts as left out, one that comes twice is refused (§3.2)."""
    try:
        pairs = parse_qsl(octets.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _refusal("invalid_request", "The form cannot be read.") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise _refusal("invalid_request", "Give each parameter once.")
    return dict(pairs)


def _basic(request: Wire, fields: dict[str, str]) -> dict[str, str]:
    """Return id and secret of a Basic header, which are form-encoded in it (§2.3.1); nothing without one."""
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except ValueError:  # of the header's alphabet, of base64, of UTF-8
        raise _refusal("invalid_client", "The Authorization header cannot be read.", status=401) from None
    found = {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}
    if "client_secret" in fields or fields.get("client_id", found["client_id"]) != found["client_id"]:
        raise _refusal("invalid_request", "Show the secret in one way: in the header or in the form.")
    return found


def _answer_to(refusal: Refusal) -> Reply:
    """Return a refusal in OAuth's words (RFC 6749 §5.2)."""
    said = refusal if isinstance(refusal, OAuthRefusal) else _in_oauth(refusal)
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if said.http == Unauthorized.status:
        headers["WWW-Authenticate"] = 'Basic realm="api", charset="UTF-8"'
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    body = OAuthError(error=said.error, error_description=said.detail)
    return Reply(said.http, JSON, msgspec.json.encode(body), headers)


def _in_oauth(refusal: Refusal) -> OAuthRefusal:
    """Return what OAuth calls a refusal of the domain; raise those that it has no word for."""
    if isinstance(refusal, Unauthorized):
        return _refusal("invalid_client", refusal.detail, status=401)
    if isinstance(refusal, PartnerInactive):
        return _refusal("unauthorized_client", f"{refusal.detail}.")
    if isinstance(refusal, TooManyRequests):
        return _refusal("temporarily_unavailable", refusal.detail, status=refusal.status)
    if isinstance(refusal, Invalid):
        return _refusal("invalid_scope", f"{refusal.errors['scope']}.")
    raise refusal


ENDPOINTS: tuple[Endpoint, ...] = (TokenEndpoint(ISSUE, issue),)
