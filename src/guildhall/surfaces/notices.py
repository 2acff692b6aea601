"""Notices in the reader's words, and their page: a sentence, a look, and where each leads.

Each surface with pages mounts the routes; its `notices/list.html` says what comes there.
"""

from collections.abc import Callable

from litestar import get, post
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from guildhall.core import clock, db
from guildhall.core.errors import Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.notify import choices, notices
from guildhall.domain.notify.notices import Notice
from guildhall.domain.notify.sentences import filled, sentence
from guildhall.domain.notify.topics import Way
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page, redirect, ticked
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Pages

SIZE = 20
_LOOKS = {
    "requested": ("send", "info"),
    "change_asked": ("send", "info"),
    "accepted": ("circle-check", "ok"),
    "withdrawn": ("undo-2", "mute"),
    "no_approver": ("triangle-alert", "warn"),
    "approved": ("circle-check", "ok"),
    "change_approved": ("circle-check", "ok"),
    "started": ("circle-check", "ok"),
    "resumed": ("circle-play", "ok"),
    "created": ("link-2", "ok"),
    "declined": ("circle-x", "bad"),
    "change_declined": ("circle-x", "bad"),
    "revoked": ("ban", "bad"),
    "expired": ("clock-alert", "bad"),
    "paused": ("circle-pause", "warn"),
    "activated": ("circle-play", "ok"),
    "suspended": ("circle-pause", "warn"),
    "countered": ("message-square-reply", "note"),
    "ends_soon": ("clock-alert", "warn"),
    "ends_tomorrow": ("clock-alert", "warn"),
    "ends_today": ("clock-alert", "warn"),
    "begun": ("user-round", "ok"),
    "ended": ("unlink", "mute"),
    "set_up": ("key", "info"),
    "secret_made": ("key-round", "info"),
    "submitted": ("inbox", "info"),
    "answered": ("message-square-reply", "info"),
    "opened": ("ticket", "info"),
    "commented": ("message-square", "info"),
    "assigned": ("user-check", "info"),
    "assigned_many": ("user-check", "info"),
}


class Line(Struct, frozen=True, kw_only=True):
    """A notice as the page shows it; `href` leads to what it is about, or is empty."""

    notice: Notice
    text: str
    href: str
    icon: str
    tone: str


def routes(href_of: Callable[[Notice], str]) -> list[ControllerRouterHandler]:
    """Return the routes of a person's notices; `href_of` says where one leads on this surface, or nothing."""

    @get("/notices", **own("a person's own notices"))
    async def notice_list(request: Web, actor: Who) -> Page:
        """Return one page of the person's notices, newest first."""
        number = asked.page_number(request)
        unread = asked.choice(request, "show", {"unread"}) == "unread"
        async with db.transaction(actor) as connection:
            found, more = await notices.listed(
                connection, actor, unread_only=unread, limit=SIZE, offset=(number - 1) * SIZE
            )
        lines = [_line(each, href_of(each)) for each in found]
        pages = Pages(shown=len(found), page=number, size=SIZE, next="more" if more else None)
        return await page(request, "notices/list.html", lines=lines, pages=pages, unread=unread)

    return [notice_list, mark_read, settings, keep_settings]


@post("/notices/read", **own("a person's own notices", at_once="no access changes"))
async def mark_read(request: Web, actor: Who) -> Redirect:
    """Mark the notices that were sent along as read, or all of them."""
    texts = await ticked(request, "id")
    ids = [known for text in texts if (known := parse_id(text)) is not None]
    if len(ids) != len(texts):
        raise Invalid
    await notices.mark_read(actor, now=clock.now(), ids=ids or None)
    return redirect("/notices", gettext("Marked as read."))


@get("/notices/settings", **own("a person's own choice"))
async def settings(request: Web, actor: Who) -> Page:
    """Return how the person hears of each topic."""
    async with db.transaction(actor) as connection:
        ways = await choices.own(connection, actor)
    shown = {name: {"in_app": way.in_app, "email": way.email, "digest": way.digest} for name, way in ways.items()}
    zone = actor.timezone.replace("_", " ")
    return await page(request, "kit/notice_settings.html", topics=choices.offered(actor), ways=shown, zone=zone)


@post("/notices/settings", **own("a person's own choice", at_once="no access changes"))
async def keep_settings(request: Web, actor: Who) -> Redirect:
    """Keep how the person wants to hear of each topic."""
    in_app, email, digest = [set(await ticked(request, name)) for name in ("in_app", "email", "digest")]
    names = [topic.name for topic in choices.offered(actor)]
    ways = {name: Way(name in in_app, name in email, name in digest) for name in names}
    if not (in_app | email | digest) <= ways.keys():
        raise Invalid
    await choices.keep(actor, ways)
    return redirect("/notices/settings", gettext("Saved. It holds from the next news on."))


def _line(each: Notice, href: str) -> Line:
    """Return one notice with its sentence, its look and where it leads."""
    icon, tone = _LOOKS.get(each.kind.partition(".")[2], ("bell", "mute"))
    text = filled(gettext(sentence(each.audience, each.kind)), each.values)
    return Line(notice=each, text=text, href=href, icon=icon, tone=tone)
