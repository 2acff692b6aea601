"""Alerts over all partners: what is wrong at whose customer, and whether somebody sees to it."""

from litestar import get

from guildhall.core import db
from guildhall.domain.alerts import oversight
from guildhall.domain.alerts.alert_sql import SHOWN
from guildhall.domain.alerts.oversight import READ
from guildhall.domain.alerts.tables import KINDS, SEVERITIES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.tables import Option, Pages
from guildhall.surfaces.words import alert_label


@get("/alerts", **needs(READ))
async def alert_list(request: Web, actor: Who) -> Page:
    """Return one page of the alerts of all partners; without a choice, those that are not resolved."""
    number = asked.page_number(request)
    wanted = oversight.Filter(
        shown=asked.chosen(request, "state", SHOWN) or tuple(each for each in SHOWN if each != "resolved"),
        kinds=asked.chosen(request, "kind", KINDS),
        severity=asked.chosen(request, "severity", SEVERITIES),
        search=asked.words(request),
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await oversight.listed(connection, actor, wanted)
    return await page(
        request,
        "alerts/list.html",
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        states=SHOWN,
        kinds=[Option(kind, alert_label(kind)) for kind in KINDS],
        severities=tuple(reversed(SEVERITIES)),
        labels={kind: alert_label(kind) for kind in KINDS},
        actor=actor,
    )


ROUTES = [alert_list]
