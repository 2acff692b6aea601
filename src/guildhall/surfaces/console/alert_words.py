"""What each alert says, and the page behind it."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from guildhall.core import clock
from guildhall.core.money import Money
from guildhall.domain.alerts.reading import Alert
from guildhall.surfaces.console.words import sum_of
from guildhall.surfaces.kit import formats
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.words import metric_label


def told(alert: Alert) -> str:
    """Return what is wrong, in one sentence."""
    return _SAID[alert.kind](alert)


def href_of(alert: Alert) -> str:
    """Return the page of what an alert is about."""
    inside = f"/t/{alert.tenant_id}"
    pages = {
        "sla.ticket": f"{inside}/tickets/{alert.details.get('ticket_id')}",
        "billing.threshold": f"{inside}/billing",
        "link.expiring": f"/links/{alert.link_id}",
    }
    return pages.get(alert.kind, f"{inside}/usage")


def _ticket(alert: Alert) -> str:
    since = datetime.fromisoformat(alert.details["breached_at"])
    return gettext("Ticket #%(number)s: the clock ran out on %(when)s", **_number(alert), when=formats.datetime(since))


def _number(alert: Alert) -> dict[str, Any]:
    return {"number": alert.details["number"]}


def _uptime(alert: Alert) -> str:
    month = date.fromisoformat(alert.details["month"] + "-01")
    said = {name: formats.number(alert.details[f"{name}_minutes"]) for name in ("down", "allowed")}
    said["target"] = formats.number(alert.details["target"])
    if month < clock.now().date().replace(day=1):
        return gettext(
            "Down for %(down)s minutes in %(month)s; a month at %(target)s %% may have %(allowed)s",
            month=formats.month(month),
            **said,
        )
    return gettext(
        "Down for %(down)s minutes since %(day)s; a month at %(target)s %% may have %(allowed)s",
        day=formats.date(month),
        **said,
    )


def _billing(alert: Alert) -> str:
    if alert.amount is None or alert.threshold is None:
        return gettext("More is owed than the link's threshold")
    return _owed(alert.amount, alert.threshold)


def _owed(amount: Money, threshold: Money) -> str:
    return gettext("%(amount)s are owed; the threshold is %(most)s", amount=sum_of(amount), most=sum_of(threshold))


def _expiring(alert: Alert) -> str:
    end = datetime.fromisoformat(alert.details["ends_at"])
    return gettext("The link ends on %(day)s", day=formats.date(end))


def _usage(alert: Alert) -> str:
    return gettext(
        "%(metric)s: %(percent)s %% of the capacity on the fullest of the last days",
        metric=metric_label(alert.details["metric"]),
        percent=formats.number(alert.details["percent"]),
    )


_SAID: Mapping[str, Callable[[Alert], str]] = {
    "sla.ticket": _ticket,
    "sla.uptime": _uptime,
    "billing.threshold": _billing,
    "link.expiring": _expiring,
    "usage.capacity": _usage,
}
