"""The application object of this surface: its site, its frame, its routes."""

from pathlib import Path

from litestar import Litestar, get

from guildhall.core.actor import Surface
from guildhall.settings import Settings
from guildhall.surfaces.account.routes import ROUTES as ACCOUNT
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Frame, Page, Site, Web, application, page
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.render import templates
from guildhall.surfaces.kit.shell import NavGroup, NavItem

TEMPLATES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "account" / "templates")


async def frame(request: Web) -> Frame:
    """Return the navigation of this surface."""
    path = request.url.path
    return Frame(
        navigation=(NavGroup((NavItem(gettext("Dashboard"), "/", "house", path == "/"),)),),
        menu=(NavItem(gettext("Your account"), "/account", "user-round"),),
    )


@get("/", **own("the start page shows what each may see"))
async def start(request: Web, actor: Who) -> Page:
    """Return the start page."""
    return await page(request, "start.html", actor=actor)


def site(settings: Settings) -> Litestar:
    """Return this surface's application."""
    made = Site(
        surface=Surface.CUSTOMER,
        label="customers",
        title=N_("Customer portal"),
        settings=settings,
        templates=templates(*TEMPLATES, development=settings.development),
        frame=frame,
    )
    return application(made, [start, *ACCOUNT])
