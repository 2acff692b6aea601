"""What stands around every page of the customer portal: its sections and what is unread."""

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.notify import bell
from guildhall.domain.people import memberships
from guildhall.surfaces.entry import Entered
from guildhall.surfaces.html import Frame, Web
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.shell import NavGroup, NavItem

# Where it leads, what it is called, its icon, and what the person must hold to see it.
_ACCESS = (
    ("/links", N_("All links"), "link-2", "customer.links.read"),
    ("/codes", N_("Link codes"), "key", "customer.links.decide"),
)
_WORK = (
    ("/tickets", N_("Tickets"), "ticket", "customer.tickets.read"),
    ("/trail", N_("Audit trail"), "history", "customer.audit.read"),
    ("/people", N_("People"), "users", "customer.people.read"),
)


async def frame(request: Web) -> Frame:
    """Return the navigation of this person."""
    found: Entered = request.scope["state"]["entered"]
    actor, path = found.actor, request.url.path
    async with db.transaction(actor) as connection:
        rung = await bell.rung(connection, actor)
        several = len(await memberships.own(connection)) > 1
    first = NavItem(gettext("Who has access"), "/", "shield-check", path == "/")
    news = NavItem(gettext("Notices"), "/notices", "bell", _within(path, "/notices"), rung.unread or None)
    return Frame(
        navigation=(
            NavGroup((first, *_allowed(actor, path, _ACCESS))),
            NavGroup((*_allowed(actor, path, _WORK), news), actor.tenant_name),
        ),
        menu=(NavItem(gettext("Your account"), "/account", "user-round"), *_switch(several=several)),
    )


def _allowed(actor: Actor, path: str, sections: tuple[tuple[str, str, str, str], ...]) -> tuple[NavItem, ...]:
    """Return the links of `sections` that the person's permissions open."""
    return tuple(
        NavItem(gettext(label), href, icon, _within(path, href))
        for href, label, icon, permission in sections
        if actor.may(permission)
    )


def _switch(*, several: bool) -> tuple[NavItem, ...]:
    """Return the way to another customer, for somebody who works for several."""
    return (NavItem(gettext("Switch customer"), "/switch", "building-2"),) if several else ()


def _within(path: str, section: str) -> bool:
    """Return whether `path` belongs to `section`."""
    return path == section or path.startswith(f"{section}/")
