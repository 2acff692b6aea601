"""The web process: the surfaces that this process serves, behind the table of hosts."""

import gc
from collections.abc import Callable

from guildhall import runtime
from guildhall.core import embedded
from guildhall.core.actor import Surface
from guildhall.hosts import App, Front
from guildhall.settings import Settings, load
from guildhall.surfaces.kit.static import CONTENT_SECURITY_POLICY


def _console(settings: Settings) -> App:
    from guildhall.surfaces.console.app import site

    return site(settings)


def _customer(settings: Settings) -> App:
    from guildhall.surfaces.customer.app import site

    return site(settings)


def _staff(settings: Settings) -> App:
    from guildhall.surfaces.staff.app import site

    return site(settings)


def _api(settings: Settings) -> App:
    from guildhall.surfaces.api.app import site

    return site(settings)


# A process that serves some surfaces loads only those.
SITES: dict[Surface, Callable[[Settings], App]] = {
    Surface.CONSOLE: _console,
    Surface.CUSTOMER: _customer,
    Surface.STAFF: _staff,
    Surface.API: _api,
}
POLICIES = {
    Surface.CONSOLE: CONTENT_SECURITY_POLICY,
    Surface.CUSTOMER: CONTENT_SECURITY_POLICY,
    Surface.STAFF: CONTENT_SECURITY_POLICY,
    Surface.API: "default-src 'none'; frame-ancestors 'none'",
}


def front_for(settings: Settings) -> Front:
    """Return the application of this process, with its pools open."""
    runtime.configure_logs(settings)
    socket = embedded.socket_of(settings.home) if settings.embedded else None
    runtime.open_pools(settings, socket, settings.surfaces)
    sites = {surface: SITES[surface](settings) for surface in settings.surfaces}
    made = Front(settings, sites, POLICIES)
    gc.collect()
    gc.freeze()  # what a start makes stays, and is not looked through for garbage again
    return made


def front() -> Front:
    """Return `front_for` the environment: what the server loads."""
    return front_for(load())
