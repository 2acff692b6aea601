"""Notices to staff: what waits for the vendor, newest first."""

from guildhall.domain.notify.notices import Notice
from guildhall.surfaces.notices import routes


def href_of(each: Notice) -> str:
    """Return the page of what a notice is about."""
    if application := each.values.get("application_id"):
        return f"/applications/{application}"
    return f"/tenants/{each.tenant_id}" if each.tenant_id else f"/links/{each.link_id}" if each.link_id else ""


ROUTES = routes(href_of)
