"""Notices in the reader's words: a sentence, a look, and where each leads."""

from collections.abc import Callable

from msgspec import Struct

from guildhall.domain.notify.notices import Notice
from guildhall.domain.notify.sentences import filled, sentence
from guildhall.surfaces.kit.i18n import gettext

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
    "countered": ("message-square-reply", "note"),
    "ends_soon": ("clock-alert", "warn"),
    "ends_tomorrow": ("clock-alert", "warn"),
    "ends_today": ("clock-alert", "warn"),
    "opened": ("ticket", "info"),
    "commented": ("message-square", "info"),
}


class Line(Struct, frozen=True, kw_only=True):
    """A notice as the page shows it; `href` leads to what it is about, or is empty."""

    notice: Notice
    text: str
    href: str
    icon: str
    tone: str


def lines(found: list[Notice], href: Callable[[Notice], str]) -> list[Line]:
    """Return notices in the reader's words; `href` says where one leads, or nothing."""
    return [_line(each, href(each)) for each in found]


def _line(each: Notice, href: str) -> Line:
    """Return one notice with its sentence, its look and where it leads."""
    icon, tone = _LOOKS.get(each.kind.partition(".")[2], ("bell", "mute"))
    text = filled(gettext(sentence(each.audience, each.kind)), each.values)
    return Line(notice=each, text=text, href=href, icon=icon, tone=tone)
