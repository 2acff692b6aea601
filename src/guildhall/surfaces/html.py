"""What the three surfaces with pages share: cookies, messages, errors as pages, one application factory."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from jinja2 import Environment
from litestar import Litestar, Request, Response
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, FormMultiDict
from litestar.di import Provide
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler, Scope
from litestar.utils.scope.state import ScopeState
from msgspec import Struct

from guildhall.core import clock, crypto, db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Choices, Forbidden, Invalid, NotFound, Refusal, StepUpRequired, Unauthorized
from guildhall.core.freshness import require_fresh
from guildhall.domain.people import own_passkeys, passkey_sign_in
from guildhall.domain.people.sign_in import step_up
from guildhall.settings import Settings
from guildhall.surfaces import browsers, entry, passkeys
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import Speech, gettext
from guildhall.surfaces.kit.render import page as rendered
from guildhall.surfaces.kit.shell import Brand, Message, NavGroup, NavItem, Person, Shell, TenantContext, theme_of
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.static import static_router
from guildhall.surfaces.words import role_of

Web = Request[Any, Any, Any]
Page = Response[str]
LANGUAGE_COOKIE = "guildhall_language"
CSRF_FIELD = "_csrf_token"
LARGEST_FORM = 1_000_000  # octets
STEP_UP_FIELD = "step_up_code"
STEP_UP_PASSKEY = "step_up_passkey"
STEP_UP_BACK = "step_up_back"


_NOT_KEPT = frozenset({STEP_UP_FIELD, STEP_UP_PASSKEY, STEP_UP_BACK, CSRF_FIELD})


class Frame(Struct, frozen=True, kw_only=True):
    """What a surface puts around its pages for one request: its navigation, and the tenant in context."""

    navigation: tuple[NavGroup, ...] = ()
    menu: tuple[NavItem, ...] = ()
    tenant: TenantContext | None = None
    tenant_search_url: str | None = None
    tenant_list_url: str | None = None


class Site(Struct, frozen=True, kw_only=True):
    """One surface with pages.

    `label` is its host's first label; `title` its name in English (translated when shown); `frame` makes what
    is around a page; `refusal` may turn a refusal into a page of the surface's own, else None.
    """

    surface: Surface
    label: str
    title: str
    settings: Settings
    templates: Environment
    frame: Callable[[Web], Awaitable[Frame]]
    refusal: Callable[[Web, Refusal], Awaitable[Page | None]] | None = None

    @property
    def cookie(self) -> str:
        """Return the name of the session cookie; with HTTPS the browser binds it to this host."""
        return ("__Host-" if self.settings.https else "") + f"guildhall_{self.label}"


def site_of(request: Web) -> Site:
    """Return the surface that serves this request."""
    found: Site = request.app.state.site
    return found


def application(site: Site, handlers: Sequence[ControllerRouterHandler]) -> Litestar:
    """Return the application object of one surface: its routes behind the gates, and nothing else's."""
    made = Litestar(
        [*handlers, static_router()],
        guards=[_gate],
        before_request=_step_up,
        dependencies={
            "actor": Provide(entry.provide_actor, sync_to_thread=False),
            "tenant": Provide(entry.provide_tenant, sync_to_thread=False),
        },
        csrf_config=CSRFConfig(
            secret=crypto.key("csrf").hex(),
            cookie_name=("__Host-" if site.settings.https else "") + f"csrf_{site.label}",
            cookie_secure=site.settings.https,
            cookie_httponly=True,
            cookie_samesite="lax",
        ),
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


async def _close_files(_error: Exception, scope: Scope) -> None:
    """Close the files of a form that was refused before its handler ran; of others the framework closes them."""
    sent = ScopeState.from_scope(scope).form
    if isinstance(sent, dict):
        await FormMultiDict.from_form_data(sent).close()


async def _gate(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Take a page's request through the gates; the session comes from this surface's own cookie."""
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


def _same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a write that a browser says comes from another origin; forms carry a token besides."""
    origin = connection.headers.get("origin")
    unsafe = entry.method_of(connection) not in entry.SAFE
    if unsafe and origin and urlsplit(origin).netloc != connection.headers.get("host"):
        raise Forbidden("This form was sent from another site.")


async def _step_up(request: Web) -> Redirect | None:
    """Take the fresh code that came with a form; then ask for one where the route does and none is fresh.

    A download leaves the browser where it is, so the page that asked for the code leads back, and the file comes there.
    """
    if request.method in entry.SAFE:
        return None
    taken = await _take_step_up(request)
    if entry.asks_fresh(request):
        require_fresh(entry.entered(request).actor, now=clock.now())
    back = (await request.form()).get(STEP_UP_BACK)
    if taken and back is not None and request.route_handler.opt.get("download"):
        said = gettext("It is you. The file comes by itself; if it does not, ask for it again.")
        return redirect(local_path(str(back)), said, "download")
    return None


async def _take_step_up(request: Web) -> bool:
    """Take the fresh code that came with a form, before anything asks for one; return whether there was one."""
    posted, found = await request.form(), request.scope["state"].get("entered")
    code, passkey = posted.get(STEP_UP_FIELD), posted.get(STEP_UP_PASSKEY)
    shown = bool(passkey) or isinstance(code, str)
    if shown and found is not None and found.actor.session_id is not None:
        now = clock.now()
        try:
            if passkey:
                proof = await passkeys.shown(request, found.actor, str(passkey))
                await passkey_sign_in.step_up(found.actor, proof, now=now)
            else:
                await step_up(found.actor, code=str(code), now=now)
        except (Invalid, Unauthorized) as wrong:
            request.scope["state"]["step_up_error"] = next(iter(wrong.errors.values()), wrong.sentence)
            raise StepUpRequired from None
        actor = msgspec.structs.replace(found.actor, factor_at=now)
        request.scope["state"]["entered"] = msgspec.structs.replace(found, actor=actor)
        return True
    return False


def speech_of(request: entry.Connection, actor: Actor | None) -> Speech:
    """Return how to speak to this reader: the person's own choice, else the cookie's, else the browser's."""
    known = actor is not None and actor.user_id is not None
    chosen = request.cookies.get(LANGUAGE_COOKIE) or (actor.language if actor and known else None)
    language = i18n.negotiate(request.headers.get("accept-language"), chosen)
    return Speech(language, zone=actor.timezone if actor else "UTC")


async def shell_of(request: Web, *, framed: bool = True) -> Shell:
    """Return what the layout needs for this request; `framed` brings the surface's navigation along."""
    site = site_of(request)
    found = request.scope["state"].get("entered")
    actor: Actor | None = found.actor if found else None
    speech = speech_of(request, actor)
    i18n.speak(speech)
    inside = framed and actor is not None and actor.user_id is not None
    frame = await site.frame(request) if inside else Frame()
    return Shell(
        brand=Brand(site.settings.brand, site.settings.brand_colour),
        surface=gettext(site.title),
        path=request.url.path,
        query=tuple(request.query_params.multi_items()),
        speech=speech,
        theme=theme_of(request.cookies),
        navigation=frame.navigation,
        person=_person(actor) if inside else None,
        menu=frame.menu,
        sign_out_url="/sign-out" if inside else None,
        language_url="/language",
        messages=_messages(request),
        tenant=frame.tenant,
        tenant_search_url=frame.tenant_search_url,
        tenant_list_url=frame.tenant_list_url,
        csrf_field=CSRF_FIELD,
        csrf_token=csrf_token(request),
    )


def _person(actor: Actor | None) -> Person | None:
    """Return the signed-in person for the layout."""
    if actor is None:
        return None
    organisation = actor.partner_name or actor.tenant_name or ""
    return Person(actor.name, organisation, ", ".join(role_of(actor.kind, role) for role in actor.roles))


def csrf_token(request: Web) -> str:
    """Return the token that this request's forms must carry."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else ""


async def page(request: Web, name: str, *, status_code: int = 200, framed: bool = True, **context: Any) -> Page:
    """Return template `name` as a page of the surface, with `context`."""
    shell = await shell_of(request, framed=framed)
    answer = rendered(site_of(request).templates, name, shell, status_code=status_code, **context)
    if shell.messages:
        answer.set_cookie(Cookie("guildhall_message", value="", max_age=0, path="/"))
    return answer


def redirect(url: str, message: str = "", kind: str = "success") -> Redirect:
    """Return a redirect after a form was carried out, with the sentence that the next page shows."""
    answer = Redirect(url, status_code=303)
    if message:
        text = base64.urlsafe_b64encode(f"{kind}|{message}".encode()).decode()
        value = f"{text}.{crypto.mac('message', text)[:32]}"
        answer.set_cookie(Cookie("guildhall_message", value=value, path="/", httponly=True, samesite="lax", max_age=60))
    return answer


def _messages(request: Web) -> tuple[Message, ...]:
    """Return the sentence that the last redirect left, if it is our own."""
    text, _, mark = request.cookies.get("guildhall_message", "").partition(".")
    if not text or not crypto.same(mark, crypto.mac("message", text)[:32]):
        return ()
    kind, _, sentence = base64.urlsafe_b64decode(text).decode().partition("|")
    return (msgspec.convert({"kind": kind, "text": sentence}, Message),)


async def typed(request: Web) -> dict[str, str]:
    """Return the text fields of the posted form, the last value of each name; NUL, which no text holds, is left out."""
    items = (await request.form()).multi_items()
    return {name: value.replace("\x00", "") for name, value in items if isinstance(value, str)}


async def ticked(request: Web, name: str) -> list[str]:
    """Return every value of a field that may come several times."""
    return [value for value in (await request.form()).getall(name, []) if isinstance(value, str)]


def form(values: Mapping[str, object], refusal: Refusal | None = None, prefix: str = "f") -> Form:
    """Return a form with what was typed and, beside each field, what was refused, in the reader's language."""
    if refusal is None:
        return Form(values, {}, prefix)
    errors = {name: _field_error(sentence) for name, sentence in refusal.errors.items()}
    return Form(values, errors or {"": told(refusal)}, prefix)


def _field_error(sentence: str) -> str:
    """Return what is wrong with a field, in the reader's language."""
    if isinstance(sentence, Choices):
        words = (state_label(sentence.family, code) for code in sentence.codes)
        return gettext("Choose among: %(choices)s", choices=", ".join(words))
    return gettext(sentence)


def told(refusal: Refusal) -> str:
    """Return what a refusal says, in the reader's language.

    The states that it names come as codes, under the name of their family (`link_state`, `ticket_target`).
    """
    words = {name: state_label(name.split("_")[0], code).lower() for name, code in refusal.values.items()}
    return gettext(refusal.sentence, **words)


def local_path(text: str | None, default: str = "/") -> str:
    """Return `text` if it is a path on this host, else `default`: no redirect leads elsewhere."""
    safe = bool(text) and str(text).startswith("/") and not str(text).startswith(("//", "/\\"))
    return str(text) if safe and "\n" not in str(text) and "\r" not in str(text) else default


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
        return await _ask_step_up(request)
    if site.refusal is not None and (own := await site.refusal(request, refusal)) is not None:
        return own
    framed = "entered" in request.scope["state"]
    shell = await shell_of(request, framed=framed)
    next_step = _NEXT.get(refusal.exact_code)
    not_found = isinstance(refusal, NotFound)
    return rendered(
        site.templates,
        "kit/error.html",
        shell,
        status_code=refusal.status,
        headers={"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {},
        heading=gettext("This page does not exist") if not_found else gettext(refusal.title),
        sentence=gettext("The address may be wrong, or you may not see what is there.") if not_found else told(refusal),
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


async def _ask_step_up(request: Web) -> Page:
    """Ask for a fresh code and carry the form along, so that nothing typed is lost."""
    items = list((await request.form()).multi_items()) if request.method not in entry.SAFE else []
    from_ = urlsplit(request.headers.get("referer", ""))
    asked_on = from_.path + (f"?{from_.query}" if from_.query else "")
    kept = [(name, value) for name, value in items if isinstance(value, str) and name not in _NOT_KEPT]
    error = request.scope["state"].get("step_up_error")
    actor = entry.entered(request).actor
    async with db.transaction(actor) as connection:
        ways = await own_passkeys.ways(connection, actor)
    return await page(
        request,
        "account/step_up.html",
        status_code=422 if error else 403,
        framed=False,
        kept=kept,
        ways=ways,
        form=Form({}, {STEP_UP_FIELD: gettext(error)} if error else {}),
        back=local_path(next((str(value) for name, value in items if name == STEP_UP_BACK), asked_on)),
    )


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
    shell = await shell_of(request, framed=False)
    return rendered(
        site_of(request).templates,
        "kit/error.html",
        shell,
        status_code=500,
        heading=gettext("Something went wrong on our side"),
        sentence=gettext("Nothing was changed. Try again; if it happens again, tell us the reference below."),
        next_step=None,
        action=(gettext("Go to the start page"), "/"),
        reference=request.scope["state"].get("request_id"),
    )
