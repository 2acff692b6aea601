"""Every component in every state, on pages of their own, mounted in development only.

`python -m guildhall.surfaces.kit.gallery --port 8900` serves them alone.
"""

import argparse
from pathlib import Path
from typing import Any

from jinja2 import Environment
from litestar import Litestar, Request, Response, Router, get
from litestar.params import FromPath, FromQuery

from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, Speech, gettext, negotiate, speak
from guildhall.surfaces.kit.render import page, templates
from guildhall.surfaces.kit.samples import DAY, NOW, WORDS, customers
from guildhall.surfaces.kit.shell import (
    Brand,
    Message,
    NavGroup,
    NavItem,
    Person,
    Preview,
    Shell,
    TenantContext,
    TenantOption,
    theme_of,
)
from guildhall.surfaces.kit.states import STATES
from guildhall.surfaces.kit.static import CONTENT_SECURITY_POLICY, static_router
from guildhall.surfaces.kit.tables import Pages, Sorting, sorting_of

TEMPLATES = templates(Path(__file__).parent / "templates", development=True)
PAGES = {
    "list": (N_("Lists"), "list"),
    "forms": (N_("Forms"), "square-pen"),
    "states": (N_("States"), "tag"),
    "figures": (N_("Figures and charts"), "chart-column"),
    "records": (N_("Records"), "history"),
    "board": (N_("Board"), "columns-3"),
    "notices": (N_("Notices"), "bell"),
}
TYPED = Form(
    {"email": "ana.ruiz@", "name": "Northwind", "model": "co_managed", "areas": ["billing", "support"]},
    {"email": "Enter a whole address, such as ana@northwind.example.", "start": "The start is before today."},
    "typed",
)


def _navigation(current: str) -> tuple[NavGroup, ...]:
    items = tuple(
        NavItem(gettext(label), f"/_kit/{name}", icon, name == current, 4 if name == "notices" else None)
        for name, (label, icon) in PAGES.items()
    )
    return (
        NavGroup(items),
        NavGroup(
            (
                NavItem(gettext("Sign-in"), "/_kit/plain", "log-in"),
                NavItem(gettext("Error page"), "/_kit/error", "triangle-alert"),
            ),
            gettext("Other layouts"),
        ),
    )


def _shell(request: Request[Any, Any, Any], current: str) -> Shell:
    query = tuple((name, value) for name, value in request.query_params.multi_items())
    given = dict(query)
    language = negotiate(request.headers.get("accept-language"), given.get("lang"))
    speech = Speech(language, zone="Europe/Madrid")
    speak(speech)
    theme = given.get("theme") or theme_of(request.cookies)
    inside = TenantContext("1", "Acme Fiber", "co_managed", "expiring", "/_kit/list", NOW + DAY * 7)
    return Shell(
        brand=Brand("Halcyon Cloud", "#" + given.get("brand", "3550d0")),
        surface=gettext("Partner console"),
        path=request.url.path,
        query=query,
        home_url="/_kit/list",
        speech=speech,
        theme="dark" if theme == "dark" else "light" if theme == "light" else "system",
        navigation=_navigation(current),
        person=Person("Ana Ruiz", "Northwind Managed Services", "principal@northwind.example"),
        menu=(NavItem(gettext("Profile and security"), "#", "user-round"),),
        sign_out_url="/_kit/sign-out",
        language_url="/_kit/language",
        help_url="#",
        messages=(Message("success", gettext("Saved.")),) if current == "notices" else (),
        tenant=inside if current in {"figures", "records"} else None,
        preview=Preview("Northwind", NOW + DAY, "/_kit/list") if current == "records" else None,
        tenant_search_url="/_kit/tenants",
        tenant_list_url="/_kit/list",
        csrf_token="gallery",  # noqa: S106  (no session stands behind the gallery)
    )


def _answer(request: Request[Any, Any, Any], name: str, **context: Any) -> Response[str]:
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return page(_environment(), f"gallery/{name}.html", _shell(request, name), headers=headers, **context)


def _environment() -> Environment:
    return TEMPLATES


@get("/{name:str}", sync_to_thread=False, opt={"public": "the components, in development"})
def gallery_page(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[str]:
    """One page of the gallery, in the language and theme that the query or the reader's settings ask for."""
    sorting = sorting_of(request.query_params.get("sort"), ("name", "mrr"), Sorting("name"))
    rows = sorted(customers(), key=lambda row: getattr(row, sorting.key), reverse=sorting.descending)
    context = {
        "rows": rows,
        "sorting": sorting,
        "pages": Pages(shown=len(rows), page=2, size=6, total=1240),
        "cursor_pages": Pages(shown=6, next="abc"),
        "form": TYPED if name == "forms" else Form(),
        "states": STATES,
        "sample": WORDS,
        "now": NOW,
        "day": DAY,
    }
    return _answer(request, name, **context)


@get("/error", sync_to_thread=False, opt={"public": "the components, in development"})
def error_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Return the page that stands for every refusal and fault."""
    shell = _shell(request, "error")
    return page(
        _environment(),
        "kit/error.html",
        shell,
        heading=gettext("This page does not exist"),
        sentence=gettext("The address may be wrong, or you may not see what is there."),
        next_step=None,
        action=(gettext("Go to the start page"), "/_kit/list"),
        reference="01JDA6Y2",
    )


@get("/tenants", sync_to_thread=False, opt={"public": "the components, in development"})
def tenant_options(request: Request[Any, Any, Any], q: FromQuery[str] = "") -> Response[str]:
    """Return what the tenant selector asks for while somebody types `q`."""
    found = [row for row in customers() if q.lower() in row.name.lower()]
    options = [TenantOption(row.name, "/_kit/figures", row.domain, row.model) for row in found]
    return page(_environment(), "kit/tenant_options.html", _shell(request, ""), options=options, total=len(options))


def gallery_router() -> Router:
    """Return the router of the gallery, below `/_kit`."""
    return Router("/_kit", route_handlers=[gallery_page, error_page, tenant_options])


def application() -> Litestar:
    """Return the gallery and the built front end, alone."""
    return Litestar([gallery_router(), static_router()], debug=False, openapi_config=None)


def main() -> None:
    """Serve the gallery on the port that `--port` names."""
    from granian.constants import Interfaces  # noqa: PLC0415  (only the stand-alone gallery needs a server)
    from granian.server import Server  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Serve the gallery of components.")
    parser.add_argument("--port", type=int, default=8900)
    port: int = parser.parse_args().port
    Server("guildhall.surfaces.kit.gallery:application", port=port, interface=Interfaces.ASGI, factory=True).serve()


if __name__ == "__main__":
    main()
