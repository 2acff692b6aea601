"""Signing in for software that acts as a person: tokens, their renewal, their end, and who they stand for."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from guildhall.core import db
from guildhall.core.actor import Actor, Kind, Surface
from guildhall.core.errors import Forbidden
from guildhall.domain.access.scope import reached
from guildhall.domain.partners import own as partners
from guildhall.domain.partners.own import OwnPartner
from guildhall.domain.people import clients, sessions, tokens
from guildhall.domain.people import own as people
from guildhall.domain.people.sign_in import sign_in
from guildhall.domain.people.tables import TenantScope
from guildhall.domain.people.tokens import MOST_TENANTS, TokenPair
from guildhall.domain.quotas.own_use import Use, used
from guildhall.domain.rbac.registry import PartnerRole
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.entry import origin_of, own, public

GROUP = "Authentication"


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody signs in with."""

    email: Annotated[str, Meta(min_length=1, max_length=254, description="The person's e-mail address.")]
    password: Annotated[str, Meta(min_length=1, max_length=1024, description="The person's password.")]
    otp: Annotated[
        str, Meta(min_length=6, max_length=12, description="The current code of the authenticator; works once.")
    ]


class Renewal(Struct, frozen=True, forbid_unknown_fields=True):
    """A refresh token to be used up."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=200, description="The latest refresh token.")]


class Done(Struct, frozen=True):
    """A sentence on what happened."""

    message: str


class Limits(Struct, frozen=True, kw_only=True):
    """How far the tenants of the person or client reach, and how many calls its partner may make.

    `tenant_scope` is `all`, or `include` or `exclude` with the tenants of `tenant_ids`. `tenant_count` is how many
    tenants are open now. `calls` are of the whole partner, and `used` in the `seconds` that end now.
    """

    tenant_scope: TenantScope
    tenant_ids: list[UUID]
    tenant_count: int
    calls: list[Use]


class Software(Struct, frozen=True, kw_only=True):
    """What sets an API client apart from a person: it has an end, and may be bound to networks (CIDR)."""

    expires_at: datetime
    networks: list[str]


class Me(Struct, frozen=True, kw_only=True):
    """Who the token stands for, and what it may do now.

    Of a person: the union of the roles' permissions, cut to the token's scope. Of an API client (`client` is then
    there, `email` null and `roles` empty): its scopes, as far as whoever answers for it holds them.
    """

    kind: Literal["partner_user", "api_client"]
    id: UUID | None
    name: str
    email: str | None
    language: str
    timezone: str
    roles: tuple[PartnerRole, ...]
    permissions: list[str]
    limits: Limits
    partner: OwnPartner
    client: Software | None


LOGIN = Operation(
    id="login",
    method="POST",
    path="/auth/login",
    group=GROUP,
    summary="Sign in",
    description="Gives an access token for 10 minutes and a refresh token that works once. Unknown address, wrong "
    "password and wrong code are one answer. After several failures the address has to wait: 429 with Retry-After.",
    mark=public("nobody is signed in yet"),
    body=Credentials,
    answer=TokenPair,
    codes=("UNAUTHORIZED", "RATE_LIMIT_EXCEEDED"),
    sent={"email": "ana@northwind.example", "password": "correct horse battery staple", "otp": "123456"},
)


@serves(LOGIN)
async def login(call: Call[None, Credentials]) -> TokenPair:
    """Open a session and return its first pair of tokens."""
    origin = origin_of(call.request, Surface.API)
    asked = call.body
    opened = await sign_in(origin, email=asked.email, password=asked.password, code=asked.otp, now=call.now)
    return await _pair(call, opened.actor)


REFRESH = Operation(
    id="refreshToken",
    method="POST",
    path="/auth/refresh",
    group=GROUP,
    summary="Get the next pair of tokens",
    description="Uses the refresh token up. Showing a used one again ends the whole session, on the assumption "
    "that it was stolen.",
    mark=public("the refresh token is the proof"),
    body=Renewal,
    answer=TokenPair,
    codes=("UNAUTHORIZED",),
    sent={"refresh_token": "0uQ2vY0bq9mJ5rS1cVt7kXn3eWd8aZpL6hGfTiOyUxM"},
)


@serves(REFRESH)
async def refresh(call: Call[None, Renewal]) -> TokenPair:
    """Use a refresh token up and return the next pair."""
    found = await tokens.renew(origin_of(call.request, Surface.API), refresh_token=call.body.refresh_token)
    return await _pair(call, found.actor)


async def _pair(call: Call[Any, Any], actor: Actor) -> TokenPair:
    """Return a fresh pair for the actor's session."""
    async with db.transaction(actor) as connection:
        tenant_ids, _ = await reached(connection, most=MOST_TENANTS + 1)
    issuer = call.request.app.state.issuer
    return await tokens.issue(actor, issuer=issuer, tenant_ids=tenant_ids, now=call.now)


_LEAVING = own("everybody may leave")
LOGOUT = Operation(
    id="logout",
    method="POST",
    path="/auth/logout",
    group=GROUP,
    summary="Sign out",
    description="Ends the session: its access and refresh tokens are refused from the next request on. An API client "
    "has no session: its token runs out by itself, and a principal revokes the client in the console.",
    codes=("FORBIDDEN",),
    mark={"opt": {**_LEAVING["opt"], "leaving": True}},
    answer=Done,
)


@serves(LOGOUT)
async def logout(call: Call[None, None]) -> Done:
    """End the session behind the token."""
    if call.actor.kind is Kind.API_CLIENT:
        raise Forbidden("An API client has no session. Its token runs out by itself; revoke the client in the console.")
    await sessions.end(call.actor)
    return Done("You have signed out.")


ME = Operation(
    id="getMe",
    method="GET",
    path="/auth/me",
    group=GROUP,
    summary="Who am I",
    description="The person or the API client behind the token with permissions and tenant limits, as they are now.",
    mark=own("who am I"),
    answer=Me,
    codes=("PARTNER_INACTIVE",),
)


@serves(ME)
async def me(call: Call[None, None]) -> Me:
    """Return who acts, from the database and not from the token."""
    actor = call.actor
    if actor.kind is Kind.API_CLIENT:
        return await _client(actor)
    async with db.transaction(actor) as connection:
        account = await people.own(connection, actor)
        partner = await partners.own(connection, actor)
        _, count = await reached(connection, most=1)
        calls = await used(connection, actor.partner_id)
    return Me(
        kind="partner_user",
        id=actor.user_id,
        name=actor.name,
        email=account.email,
        language=actor.language,
        timezone=actor.timezone,
        roles=actor.roles,  # type: ignore[arg-type]  # the words are the registry's
        permissions=sorted(actor.permissions),
        limits=Limits(
            tenant_scope=account.tenant_scope,
            tenant_ids=account.limited_tenant_ids,
            tenant_count=count,
            calls=calls,
        ),
        partner=partner,
        client=None,
    )


async def _client(actor: Actor) -> Me:
    """Return the API client that acts."""
    async with db.transaction(actor) as connection:
        itself = await clients.own(connection, actor)
        partner = await partners.own(connection, actor)
        _, count = await reached(connection, most=1)
        calls = await used(connection, actor.partner_id)
    return Me(
        kind="api_client",
        id=actor.user_id,
        name=actor.name,
        email=None,
        language=actor.language,
        timezone=actor.timezone,
        roles=(),
        permissions=sorted(actor.permissions),
        limits=Limits(tenant_scope=itself.tenant_scope, tenant_ids=itself.tenant_ids, tenant_count=count, calls=calls),
        partner=partner,
        client=Software(expires_at=itself.expires_at, networks=itself.networks),
    )


ENDPOINTS: tuple[Endpoint, ...] = (login, refresh, logout, me)
