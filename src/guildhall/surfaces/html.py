"""What the three surfaces with pages share: what stands around a page, forms, messages, redirects."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from jinja2 import Environment
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect
from litestar.utils.scope.state import ScopeState
from msgspec import Struct

from guildhall.core import crypto
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Choices, Refusal
from guildhall.settings import Settings
from guildhall.surfaces import entry
from guildhall.surfaces.kit import i18n
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import Speech, gettext
from guildhall.surfaces.kit.render import page as rendered
from guildhall.surfaces.kit.shell import Brand, Message, NavGroup, NavItem, Person, Shell, TenantContext, theme_of
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.words import role_of

Web = Request[Any, Any, Any]
Page = Response[str]
LANGUAGE_COOKIE = "guildhall_language"
CSRF_FIELD = "_csrf_token"
WRONG_DAYS = "wrong_days"  # where a request keeps what is wrong with the days in its address
LARGEST_FORM = 1_000_000  # octets
GATES_FIRST = "gates_first"  # the mark of routes that take more, which nobody without a session may send


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
        wrong_days=request.scope["state"].get(WRONG_DAYS, ""),
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
    """Return template `name` as a page of the surface, with `context`; with wrong days in its address it is a 422."""
    shell = await shell_of(request, framed=framed)
    status_code = 422 if shell.wrong_days else status_code
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
