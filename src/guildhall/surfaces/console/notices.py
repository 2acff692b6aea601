"""Notices: what happened to the person's links and tickets, newest first."""

from guildhall.domain.notify.notices import Notice
from guildhall.surfaces.notices import routes


def href_of(each: Notice) -> str:
    """Return the page of what a notice is about."""
    ticket = each.values.get("ticket_id")
    if ticket and each.tenant_id:
        return f"/t/{each.tenant_id}/tickets/{ticket}"
    if each.kind == "ticket.assigned_many":
        return "/tickets?to=me"
    if client := each.values.get("client_id"):
        return f"/clients/{client}"
    if account := each.values.get("account_id"):
        return f"/accounts/{account}"
    return f"/links/{each.link_id}" if each.link_id else ""


ROUTES = routes(href_of)
