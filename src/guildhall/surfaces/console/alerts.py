"""The alerts centre: what is wrong at which customer, who sees to it, and what may wait (PRODUCT §8)."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from litestar import get, post
from litestar.response import Redirect
from msgspec import Struct

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import parse_id
from guildhall.domain.alerts import acting, reading
from guildhall.domain.alerts.alert_sql import SHOWN
from guildhall.domain.alerts.kinds import ACTS, readable
from guildhall.domain.alerts.reading import Alert
from guildhall.domain.alerts.tables import SEVERITIES
from guildhall.surfaces import asked
from guildhall.surfaces.console.alert_words import href_of, told
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, local_path, page, redirect, ticked, typed
from guildhall.surfaces.html import told as refusal_told
from guildhall.surfaces.kit.i18n import N_, gettext, ngettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Filter, Option, Pages, query_link
from guildhall.surfaces.words import alert_label, state_options

_AT_ONCE = "an alert is only spoken of: nobody gets access"
_LENGTHS: Mapping[int, str] = {
    1: N_("for an hour"),
    4: N_("for four hours"),
    24: N_("for a day"),
    168: N_("for a week"),
}


class Line(Struct, frozen=True, kw_only=True):
    """An alert as the page shows it."""

    alert: Alert
    kind: str
    text: str
    href: str


@get("/alerts", **needs("partner.links.read"))
async def alert_list(request: Web, actor: Who) -> Page:
    """Return one page of the alerts that this person may see."""
    state = asked.choice(request, "state", (*SHOWN, "all")) or "active"
    number, kinds = asked.page_number(request), _kinds(actor)
    wanted = reading.Filter(
        kinds=asked.chosen(request, "kind", kinds),
        shown=() if state == "all" else (state,),
        severity=asked.chosen(request, "severity", SEVERITIES),
        search=asked.words(request),
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor, planned_once=True) as connection:
        found = await reading.listed(connection, actor, wanted)
    lines = [Line(alert=each, kind=alert_label(each.kind), text=told(each), href=href_of(each)) for each in found.items]
    return await page(
        request,
        "alerts/list.html",
        lines=lines,
        state=state,
        acts=any(line.alert.may_act for line in lines),
        tabs=_tabs(request, found.counts, state),
        filters=_filters(kinds),
        lengths=[Option(str(hours), gettext(label)) for hours, label in _LENGTHS.items()],
        pages=Pages(
            shown=len(lines),
            page=number,
            size=asked.PAGE_SIZE,
            total=found.total,
            next=found.next_cursor if found.total is None else None,
        ),
    )


def _kinds(actor: Actor) -> tuple[str, ...]:
    """Return the kinds that this person may see."""
    return tuple(kind for needs_ in readable(actor).values() for kind in needs_.kinds)


def _filters(kinds: tuple[str, ...]) -> list[Filter]:
    """Return the choices above the list."""
    return [
        Filter("kind", gettext("Kind"), [Option(kind, alert_label(kind)) for kind in kinds]),
        Filter("severity", gettext("Severity"), state_options("severity", reversed(SEVERITIES))),
    ]


def _tabs(request: Web, counts: Mapping[str, int], state: str) -> list[tuple[str, str, bool, int | None]]:
    """Return one tab for each state, with how many there are where it was counted to the end."""
    query = list(request.query_params.multi_items())
    path = request.url.path
    tabs: list[tuple[str, str, bool, int | None]] = [
        (state_label("alert", code), query_link(path, query, {"state": code}), code == state, counts.get(code))
        for code in SHOWN
    ]
    return [*tabs, (gettext("All"), query_link(path, query, {"state": "all"}), state == "all", None)]


@post("/alerts/acknowledge", **needs(*ACTS, at_once=_AT_ONCE))
async def acknowledge(request: Web, actor: Who) -> Redirect:
    """Note that somebody sees to the alerts that were ticked."""

    async def act(ids: list[UUID]) -> str:
        done = await acting.acknowledge(actor, alert_ids=ids, now=clock.now())
        return ngettext("%(num)s alert acknowledged.", "%(num)s alerts acknowledged.", len(done))

    return await _done(request, act)


@post("/alerts/snooze", **needs(*ACTS, at_once=_AT_ONCE))
async def snooze(request: Web, actor: Who) -> Redirect:
    """Let the alerts that were ticked wait."""
    text = (await typed(request)).get("hours", "")
    hours = int(text) if text in map(str, _LENGTHS) else 0

    async def act(ids: list[UUID]) -> str:
        done = await acting.snooze(actor, alert_ids=ids, hours=hours, now=clock.now())
        said = ngettext("%(num)s alert snoozed", "%(num)s alerts snoozed", len(done))
        return f"{said} {gettext(_LENGTHS[hours])}."

    return await _done(request, act)


async def _done(request: Web, act: Callable[[list[UUID]], Awaitable[str]]) -> Redirect:
    """Act on what was ticked and go back to the list, with a sentence that says what came of it."""
    back = local_path((await typed(request)).get("back"), "/alerts")
    back = back if back.split("?")[0] == "/alerts" else "/alerts"
    ids = [known for text in await ticked(request, "id") if (known := parse_id(text)) is not None]
    try:
        return redirect(back, await act(ids))
    except Invalid as wrong:
        return redirect(back, gettext(next(iter(wrong.errors.values()), wrong.sentence)), "error")
    except Conflict as late:
        return redirect(back, refusal_told(late), "error")


ROUTES = [alert_list, acknowledge, snooze]
