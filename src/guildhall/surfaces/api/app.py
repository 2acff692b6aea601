"""The application object of the API: bearer tokens instead of cookies, the same gates, problems instead of pages."""

from typing import Any
from uuid import UUID

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler

from guildhall.core import clock
from guildhall.core.actor import Kind, Surface
from guildhall.core.errors import (
    ContextMismatch,
    Forbidden,
    PartnerInactive,
    Refusal,
    TenantAccessDenied,
    Unauthorized,
)
from guildhall.core.ids import parse_id
from guildhall.domain.access.gates import Named, inside
from guildhall.domain.people import addresses, tokens
from guildhall.domain.quotas.counting import Call
from guildhall.settings import Settings
from guildhall.surfaces import entry
from guildhall.surfaces.api import limits
from guildhall.surfaces.api.operations import LARGEST_BODY, Endpoint
from guildhall.surfaces.api.problems import on_fault, on_http, on_refusal
from guildhall.surfaces.api.reference import routes
from guildhall.surfaces.api.v1 import (
    alerts,
    audit,
    auth,
    billing,
    billing_exports,
    customers,
    link_batch,
    link_settings,
    links,
    oauth,
    platform,
    reports,
    subscribers,
    team,
    ticket_files,
    tickets,
    webhooks,
)

Connection = ASGIConnection[Any, Any, Any, Any]
# A malformed tenant id is one that nobody has: it meets the same gates, and the same answer, as a foreign one.
NOBODY = UUID(int=0)
ENDPOINTS: tuple[Endpoint, ...] = (
    *auth.ENDPOINTS,
    *oauth.ENDPOINTS,
    *customers.ENDPOINTS,
    *billing.ENDPOINTS,
    *billing_exports.ENDPOINTS,
    *links.ENDPOINTS,
    *link_settings.ENDPOINTS,
    *link_batch.ENDPOINTS,
    *tickets.ENDPOINTS,
    *ticket_files.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *reports.ENDPOINTS,
    *subscribers.ENDPOINTS,
    *platform.ENDPOINTS,
    *alerts.ENDPOINTS,
    *team.ENDPOINTS,
    *audit.ENDPOINTS,
)


def site(settings: Settings) -> Litestar:
    """Return the API's application."""
    made = Litestar(
        [
            *(endpoint.route() for endpoint in ENDPOINTS),
            *routes(ENDPOINTS, settings),
            *billing_exports.FILES,
            *ticket_files.FILES,
        ],
        guards=[gate],
        exception_handlers={Refusal: on_refusal, HTTPException: on_http, Exception: on_fault},
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        debug=False,
    )
    made.state.settings = settings
    made.state.issuer = settings.origin("api")
    return made


async def gate(connection: Connection, handler: BaseRouteHandler) -> None:
    """Take one request through gates 1 to 5, and settle which tenant it is about (BOUNDARY §3)."""
    mark = handler.opt
    key = None if "public" in mark else _key(connection)
    in_path, in_header = connection.path_params.get("tenant_id"), entry.tenant_in_header(connection)
    named: Named = "header" if in_path is None else "path"
    tenant_id = _in_header(in_header, mark) if in_path is None else parse_id(in_path) or NOBODY
    call = limits.call_of(connection, handler, tenant_id)
    try:
        await entry.enter(
            connection, handler, surface=Surface.API, key=key, tenant_id=tenant_id, named=named, call=call
        )
    finally:
        _tell(connection, call)
    if "own" in mark:
        _own_affairs(connection, mark)
    if tenant_id is not None and connection.scope["state"]["entered"].actor.kind is Kind.PLATFORM:
        raise TenantAccessDenied
    if in_path is not None and in_header is not None and in_header != tenant_id:
        raise ContextMismatch


def _tell(connection: Connection, call: Call | None) -> None:
    """Have the answer, whatever it becomes, say how the caller's quota stands, and whether the operation will go."""
    state = connection.scope["state"]
    said = [*connection.route_handler.opt.get("said", ())]
    counted = state.get("counted")
    if call is not None and counted is not None:
        said += limits.told(counted, in_tenant=call.tenant_id is not None)
    state["headers"] = said


def _key(connection: Connection) -> entry.Key | None:
    """Return what the Authorization header proves, or a signed address; raise Unauthorized for what proves nothing."""
    if connection.route_handler.opt.get("signed") and (token := connection.query_params.get("token")) is not None:
        claim = addresses.read(token, path=connection.url.path, issuer=connection.app.state.issuer, now=clock.now())
        if claim is None:
            raise Unauthorized("This address is not valid, or has run out. Ask for a new one.")
        return entry.Key(session_id=claim.session_id, scopes=claim.scopes, of_client=claim.of_client)
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    claim = tokens.read(token.strip(), issuer=connection.app.state.issuer, now=clock.now())
    if scheme.lower() != "bearer" or claim is None:
        raise Unauthorized("The access token is not valid, or has run out. Refresh it, or sign in again.")
    return entry.Key(
        session_id=claim.session_id, scopes=claim.scopes, of_client=claim.of_client, of_platform=claim.of_platform
    )


def _in_header(named: Any, mark: dict[str, Any]) -> UUID | None:
    """Return the tenant that the header names. Where a write needs it, a malformed one counts as missing."""
    if named == "malformed":
        return None if mark.get("write_in_tenant") else NOBODY
    tenant_id: UUID | None = named
    return tenant_id


def _own_affairs(connection: Connection, mark: dict[str, Any]) -> None:
    """Refuse tokens of a suspended partner, and a tenant in the header that is not open, on a person's own routes."""
    found: entry.Entered = connection.scope["state"]["entered"]
    if not found.actor.of_partner:
        raise Forbidden
    if found.partner_status != "active" and not mark.get("leaving"):
        raise PartnerInactive
    if found.tenant is not None:
        refusal = inside(found.tenant, needs="partner.tenants.list", named="header")
        if refusal is not None:
            raise refusal
