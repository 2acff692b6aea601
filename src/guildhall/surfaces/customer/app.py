"""The application object of the customer portal: its site, its frame, its routes."""

from pathlib import Path

from litestar import Litestar

from guildhall.core.actor import Surface
from guildhall.settings import Settings
from guildhall.surfaces.account.routes import ROUTES as ACCOUNT
from guildhall.surfaces.application import application
from guildhall.surfaces.customer import (
    acts,
    approving,
    codes,
    home,
    joining,
    links,
    notices,
    people,
    recovering,
    reducing,
    stopping,
    switching,
    tickets,
    trail,
)
from guildhall.surfaces.customer.frame import frame
from guildhall.surfaces.customer.words import teach
from guildhall.surfaces.html import Site
from guildhall.surfaces.kit.i18n import N_
from guildhall.surfaces.kit.render import templates

TEMPLATES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "account" / "templates")
AREAS = (
    home,
    links,
    acts,
    reducing,
    stopping,
    tickets,
    codes,
    trail,
    people,
    joining,
    approving,
    notices,
    switching,
    recovering,
)
ROUTES = [*(route for area in AREAS for route in area.ROUTES), *ACCOUNT]


def site(settings: Settings) -> Litestar:
    """Return this surface's application."""
    made = Site(
        surface=Surface.CUSTOMER,
        label="customers",
        title=N_("Customer portal"),
        settings=settings,
        templates=teach(templates(*TEMPLATES, development=settings.development)),
        frame=frame,
    )
    return application(made, ROUTES)
