"""What stands around every page of the staff surface: its sections, by permission."""

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.notify import bell
from guildhall.surfaces.entry import Entered
from guildhall.surfaces.html import Frame, Web
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.shell import NavGroup, NavItem

# Where it leads, what it is called, its icon, and what the person must hold to see it.
_PROGRAMME = (
    ("/applications", N_("Applications"), "inbox", "staff.applications.read"),
    ("/partners", N_("Partners"), "briefcase", "staff.partners.read"),
    ("/tenants", N_("Customers"), "building-2", "staff.tenants.read"),
    ("/links", N_("Links"), "link-2", "staff.links.read"),
    ("/people", N_("People"), "users", "staff.people.read"),
    ("/alerts", N_("Alerts"), "siren", "staff.alerts.read"),
)
_OPERATION = (
    ("/tiers", N_("Tiers"), "award", "staff.tiers.read"),
    ("/audit", N_("Audit trail"), "history", "staff.audit.read"),
    ("/mail", N_("Mail"), "mail", "staff.mail.list"),
    ("/jobs", N_("Jobs"), "activity", "staff.jobs.read"),
    ("/quotas", N_("API limits"), "gauge", "staff.quotas.read"),
    ("/clients", N_("Platform clients"), "database", "staff.platform.read"),
    ("/webhooks", N_("Webhooks"), "webhook", "staff.webhooks.read"),
    ("/staff", N_("Staff"), "user-cog", "staff.team.read"),
)


async def frame(request: Web) -> Frame:
    """Return the navigation of this person."""
    found: Entered = request.scope["state"]["entered"]
    actor, path = found.actor, request.url.path
    async with db.transaction(actor) as connection:
        rung = await bell.rung(connection, actor)
    news = NavItem(gettext("Notices"), "/notices", "bell", path == "/notices", rung.unread or None)
    first = NavItem(gettext("Dashboard"), "/", "layout-dashboard", path == "/")
    return Frame(
        navigation=(
            NavGroup((first, *_allowed(actor, path, _PROGRAMME), news)),
            NavGroup(_allowed(actor, path, _OPERATION), gettext("Operation")),
        ),
        menu=(NavItem(gettext("Your account"), "/account", "user-round"),),
    )


def _allowed(actor: Actor, path: str, sections: tuple[tuple[str, str, str, str], ...]) -> tuple[NavItem, ...]:
    """Return the links of `sections` that the person's permissions open."""
    return tuple(
        NavItem(gettext(label), href, icon, path == href or path.startswith(f"{href}/"))
        for href, label, icon, permission in sections
        if actor.may(permission)
    )
