"""The application object of the partner console: its site, its frame, its routes."""

from pathlib import Path

from litestar import Litestar

from guildhall.core.actor import Surface
from guildhall.settings import Settings
from guildhall.surfaces.account.routes import ROUTES as ACCOUNT
from guildhall.surfaces.application import application
from guildhall.surfaces.console import (
    accounts,
    alerts,
    applying,
    audit,
    billing,
    billing_exports,
    billing_invoices,
    client_acts,
    client_forms,
    clients,
    customers,
    dashboard,
    link_acts,
    link_asking,
    link_many,
    link_settings,
    links,
    notices,
    recovering,
    report_revenue,
    report_sla,
    report_usage,
    reports,
    subscribers,
    team,
    team_acts,
    team_groups,
    team_inviting,
    team_reach,
    tenant_lists,
    tenants,
    ticket_acts,
    ticket_board,
    ticket_bulk,
    ticket_opening,
    ticket_views,
    tickets,
    webhooks,
)
from guildhall.surfaces.console.frame import frame
from guildhall.surfaces.console.refusals import refusal_page
from guildhall.surfaces.console.words import teach
from guildhall.surfaces.html import Site
from guildhall.surfaces.kit.i18n import N_
from guildhall.surfaces.kit.render import templates

SHARED = ("account", "webhooks")
TEMPLATES = (
    Path(__file__).parent / "templates",
    *(Path(__file__).parents[1] / each / "templates" for each in SHARED),
)
AREAS = (
    applying,
    audit,
    link_many,
    links,
    link_asking,
    link_settings,
    link_acts,
    dashboard,
    customers,
    accounts,
    tenants,
    subscribers,
    tenant_lists,
    billing,
    billing_invoices,
    billing_exports,
    tickets,
    ticket_opening,
    ticket_acts,
    ticket_board,
    ticket_bulk,
    ticket_views,
    reports,
    report_usage,
    report_sla,
    report_revenue,
    alerts,
    notices,
    recovering,
    team,
    clients,
    client_forms,
    client_acts,
    team_inviting,
    team_groups,
    team_reach,
    team_acts,
    webhooks,
)
ROUTES = [*(route for area in AREAS for route in area.ROUTES), *ACCOUNT]


def site(settings: Settings) -> Litestar:
    """Return this surface's application."""
    made = Site(
        surface=Surface.CONSOLE,
        label="partners",
        title=N_("Partner console"),
        settings=settings,
        templates=teach(templates(*TEMPLATES, development=settings.development)),
        frame=frame,
        refusal=refusal_page,
    )
    return application(made, ROUTES)
