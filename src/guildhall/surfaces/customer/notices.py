"""Notices of the customer: what partners asked, ended and wrote, newest first."""

from guildhall.domain.notify.notices import Notice
from guildhall.surfaces.notices import routes


def href_of(each: Notice) -> str:
    """Return the page of what a notice is about."""
    ticket = each.values.get("ticket_id")
    if ticket:
        return f"/tickets/{ticket}"
    return f"/links/{each.link_id}" if each.link_id else ""


ROUTES = routes(href_of)
