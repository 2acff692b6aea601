"""The application object of a surface with pages: its gates, and what it answers to refusals and faults."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from litestar import Litestar, Response
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import FormMultiDict
from litestar.di import Provide
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware.csrf import CSRFMiddleware
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from guildhall.core import crypto
from guildhall.core.errors import Forbidden, Invalid, NotFound, Refusal, StepUpRequired, Unauthorized
from guildhall.surfaces import browsers, entry, step_up
from guildhall.surfaces.faults import passing
from guildhall.surfaces.html import GATES_FIRST, LARGEST_FORM, Site, Web, shell_of, site_of, speech_of, told
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.render import page as rendered
from guildhall.surfaces.kit.static import static_router


def application(site: Site, handlers: Sequence[ControllerRouterHandler]) -> Litestar:
    """Return the application object of one surface: its routes behind the gates, and nothing else's."""
    made = Litestar(
        [*handlers, static_router()],
        guards=[_gate],
        before_request=step_up.take,
        dependencies={
            "actor": Provide(entry.provide_actor, sync_to_thread=False),
            "tenant": Provide(entry.provide_tenant, sync_to_thread=False),
        },
        csrf_config=replace(_form_tokens(site), exclude_from_csrf_key=GATES_FIRST),
        exception_handlers={
            Refusal: _later(_on_refusal),
            HTTPException: _later(_on_http),
            Exception: _later(_on_fault),
        },
        after_exception=[_close_files],
        request_max_body_size=LARGEST_FORM,
        openapi_config=None,
        debug=False,
    )
    made.state.site = site
    return made


def _form_tokens(site: Site) -> CSRFConfig:
    """Return how the forms of a surface prove that it made them."""
    return CSRFConfig(
        secret=crypto.key("csrf").hex(),
        cookie_name=("__Host-" if site.settings.https else "") + f"csrf_{site.label}",
        cookie_secure=site.settings.https,
        cookie_httponly=True,
        cookie_samesite="lax",
    )


async def _gate(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Take a page's request through the gates; the session comes from this surface's own cookie.

    Of a route that takes more than a form may hold, the form with its token is read only then.
    """
    site: Site = connection.app.state.site
    _same_origin(connection)
    token = browsers.token_of(connection)
    try:
        await entry.enter(
            connection,
            handler,
            surface=site.surface,
            key=entry.Key(token=token) if token else None,
            tenant_id=entry.tenant_in_path(connection),
            named="path",
        )
    finally:  # a refusal is said in the reader's language too
        found = connection.scope["state"].get("entered")
        i18n.speak(speech_of(connection, found.actor if found else None))
    if handler.opt.get(GATES_FIRST):
        await _no_larger_without_files(connection)
        await _ask_token(connection)


async def _no_larger_without_files(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse what is larger than a form although its kind can hold no file."""
    sent = Web(connection.scope, connection.receive)
    if sent.content_type[0] != RequestEncodingType.MULTI_PART and len(await sent.body()) > LARGEST_FORM:
        raise RequestEntityTooLarge


async def _ask_token(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Ask for the form's token as the framework does before the gates of every other route."""

    async def passed(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """Go on with the handler."""

    asking = CSRFMiddleware(passed, _form_tokens(connection.app.state.site))
    await asking(connection.scope, connection.receive, connection.send)


def _same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a write that a browser says comes from another origin; forms carry a token besides."""
    origin = connection.headers.get("origin")
    unsafe = entry.method_of(connection) not in entry.SAFE
    if unsafe and origin and urlsplit(origin).netloc != connection.headers.get("host"):
        raise Forbidden("This form was sent from another site.")


async def _close_files(_error: Exception, scope: Scope) -> None:
    """Close the files of a form that was refused before its handler ran; of others the framework closes them."""
    sent = ScopeState.from_scope(scope).form
    if isinstance(sent, dict):
        await FormMultiDict.from_form_data(sent).close()


class _Later(Response[None]):
    """An answer that is made when it is sent, since the framework's error handlers may not wait."""

    def __init__(self, request: Web, making: Callable[[], Awaitable[Response[Any]]]) -> None:
        super().__init__(None)
        self._request, self._making = request, making

    def to_asgi_response(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the ASGI application that makes the answer and sends it."""

        async def sent(scope: Any, receive: Any, send: Any) -> None:
            made = (await self._making()).to_asgi_response(app=None, request=self._request)
            await made(scope, receive, send)

        return sent


def _later(handler: Callable[[Web, Any], Awaitable[Response[Any]]]) -> Callable[[Web, Any], Response[Any]]:
    """Return `handler`, which waits, as one that the framework can call."""
    return lambda request, error: _Later(request, lambda: handler(request, error))


_NEXT = {
    "TENANT_LINK_EXPIRED": "Ask the customer to extend it; the request is under Links.",
    "TENANT_LINK_PAUSED": "The side that paused the link can resume it.",
    "PARTNER_INACTIVE": "You can sign in and read. Write to your partner manager.",
}


async def _on_refusal(request: Web, refusal: Refusal) -> Response[Any]:
    """Answer a refusal with a page that says what happened and what to do."""
    site = site_of(request)
    if isinstance(refusal, Unauthorized) and "entered" not in request.scope["state"]:
        return _to_sign_in(request)
    if isinstance(refusal, StepUpRequired):
        return await step_up.ask(request)
    if site.refusal is not None and (own := await site.refusal(request, refusal)) is not None:
        return own
    framed = "entered" in request.scope["state"]
    shell = await shell_of(request, framed=framed)
    next_step = _NEXT.get(refusal.exact_code)
    unsaid = isinstance(refusal, NotFound) and refusal.sentence == refusal.title
    return rendered(
        site.templates,
        "kit/error.html",
        shell,
        status_code=refusal.status,
        headers={"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {},
        heading=gettext("This page does not exist") if unsaid else gettext(refusal.title),
        sentence=gettext("The address may be wrong, or you may not see what is there.") if unsaid else told(refusal),
        next_step=gettext(next_step) if next_step else None,
        action=(gettext("Go to the start page"), "/"),
        reference=request.scope["state"].get("request_id"),
    )


def _to_sign_in(request: Web) -> Response[Any]:
    """Lead to the sign-in page and, after it, back to where the person wanted to go."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = "/sign-in?" + urlencode({"next": wanted if request.method == "GET" else "/"}, quote_via=quote)
    if request.headers.get("hx-request"):
        return Response("", status_code=401, headers={"HX-Redirect": target})
    return Redirect(target, status_code=303)


async def _on_http(request: Web, error: HTTPException) -> Response[Any]:
    """Answer what the framework refuses (no such route, wrong method, too large, bad form token)."""
    if isinstance(error, PermissionDeniedException):
        return await _on_refusal(request, Forbidden("This form is too old. Go back, reload the page, send it again."))
    known: dict[int, Refusal] = {
        404: NotFound(),
        400: Invalid("The request is malformed."),
        413: Invalid("What you sent is too large. Go back and send less at once; nothing was kept."),
    }
    refusal = known.get(error.status_code) or Refusal(error.detail)
    answer = await _on_refusal(request, refusal)
    answer.status_code = error.status_code
    return answer


async def _on_fault(request: Web, error: Exception) -> Response[Any]:
    """Answer a fault of ours without its inside; the log has it under the reference."""
    request.scope["state"]["fault"] = error
    shell, soon = await shell_of(request, framed=False), passing(error)
    again = gettext("Try again"), f"?{request.url.query}"  # the page at hand, by whatever path it was asked for
    ours = gettext("Nothing was changed. Try again; if it happens again, tell us the reference below.")
    return rendered(
        site_of(request).templates,
        "kit/error.html",
        shell,
        status_code=soon.status if soon else 500,
        headers={"Retry-After": str(soon.retry_after)} if soon else {},
        heading=gettext(soon.title) if soon else gettext("Something went wrong on our side"),
        sentence=told(soon) if soon else ours,
        next_step=None,
        action=again if request.method == "GET" else (gettext("Go to the start page"), "/"),
        reference=request.scope["state"].get("request_id"),
    )
