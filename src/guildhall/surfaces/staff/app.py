"""The application object of the staff surface: its site, its frame, its routes."""

from pathlib import Path

from litestar import Litestar

from guildhall.core.actor import Surface
from guildhall.settings import Settings
from guildhall.surfaces.account.routes import ROUTES as ACCOUNT
from guildhall.surfaces.application import application
from guildhall.surfaces.html import Site
from guildhall.surfaces.kit.i18n import N_
from guildhall.surfaces.kit.render import templates
from guildhall.surfaces.staff import (
    accounts,
    alerts,
    application_acts,
    applications,
    audit,
    clients,
    dashboard,
    email_domains,
    jobs,
    limits,
    link_import,
    links,
    mail,
    notices,
    partners,
    people,
    platform,
    quotas,
    recovering,
    team,
    tenants,
    tiers,
    ways_in,
    webhooks,
)
from guildhall.surfaces.staff.frame import frame
from guildhall.surfaces.staff.words import teach

SHARED = ("account", "webhooks")
TEMPLATES = (
    Path(__file__).parent / "templates",
    *(Path(__file__).parents[1] / each / "templates" for each in SHARED),
)
AREAS = (
    dashboard,
    clients,
    applications,
    application_acts,
    email_domains,
    tiers,
    partners,
    tenants,
    ways_in,
    limits,
    accounts,
    link_import,
    links,
    people,
    alerts,
    recovering,
    audit,
    jobs,
    mail,
    platform,
    webhooks,
    quotas,
    team,
    notices,
)
ROUTES = [*(route for area in AREAS for route in area.ROUTES), *ACCOUNT]


def site(settings: Settings) -> Litestar:
    """Return this surface's application."""
    made = Site(
        surface=Surface.STAFF,
        label="staff",
        title=N_("Staff"),
        settings=settings,
        templates=teach(templates(*TEMPLATES, development=settings.development)),
        frame=frame,
    )
    return application(made, ROUTES)
