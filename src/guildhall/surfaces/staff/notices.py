"""Notices to staff: what waits for the vendor, newest first."""

from uuid import UUID

from litestar import get, post
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.notify import notices
from guildhall.domain.notify.notices import Notice
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page, redirect, ticked
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Pages
from guildhall.surfaces.notices import lines

SIZE = 20


def href_of(each: Notice) -> str:
    """Return the page of what a notice is about."""
    return f"/tenants/{each.tenant_id}" if each.tenant_id else f"/links/{each.link_id}" if each.link_id else ""


@get("/notices", **own("a person's own notices"))
async def notice_list(request: Web, actor: Who) -> Page:
    """Return one page of the person's notices."""
    number = asked.page_number(request)
    unread = asked.choice(request, "show", {"unread"}) == "unread"
    async with db.transaction(actor) as connection:
        found, more = await notices.listed(
            connection, actor, unread_only=unread, limit=SIZE, offset=(number - 1) * SIZE
        )
    pages = Pages(shown=len(found), page=number, size=SIZE, next="more" if more else None)
    return await page(request, "notices/list.html", lines=lines(found, href_of), pages=pages, unread=unread)


@post("/notices/read", **own("a person's own notices"))
async def mark_read(request: Web, actor: Who) -> Redirect:
    """Mark the notices that were sent along as read, or all of them."""
    texts = await ticked(request, "id")
    ids: list[UUID] = [known for text in texts if (known := parse_id(text)) is not None]
    if len(ids) != len(texts):
        raise Invalid
    await notices.mark_read(actor, now=clock.now(), ids=ids or None)
    return redirect("/notices", gettext("Marked as read."))


ROUTES = [notice_list, mark_read]
