"""People, customers and figures of the gallery: sample data, the same in every language."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from guildhall.surfaces.kit.tables import Option

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Customer(msgspec.Struct, frozen=True):
    """A row of the gallery's list."""

    name: str
    domain: str
    model: str
    state: str
    mrr: Decimal
    balance: Decimal | None
    tickets: int
    ends_at: dt.datetime | None


NAMES = (
    "Acme Fiber",
    "Borealis Net",
    "Cobalt Telecom",
    "Delta Rural Broadband Cooperative",
    "Évora Digital",
    "Fjord ISP",
)
MODELS = ("co_managed", "customer_managed", "fully_managed")
LINK_STATES = ("active", "expiring", "active", "paused", "active", "scheduled")


def customers(count: int = len(NAMES)) -> list[Customer]:
    """Return `count` customers of every model and several states."""
    return [
        Customer(
            name=NAMES[at % len(NAMES)],
            domain=f"{NAMES[at % len(NAMES)].split()[0].lower()}.example",
            model=MODELS[at % len(MODELS)],
            state=LINK_STATES[at % len(LINK_STATES)],
            mrr=Decimal(1250 + 1733 * at) / 4,
            balance=Decimal(at * -311) / 2,
            tickets=at * 3,
            ends_at=NOW + DAY * (7 + 40 * at),
        )
        for at in range(count)
    ]


class Card(msgspec.Struct, frozen=True):
    """A ticket on the gallery's board."""

    number: int
    title: str
    customer: str
    priority: str
    sla: str
    due_at: dt.datetime


TITLES = ("No uplink since 08:10", "Invoice of October is missing a line", "New portal user", "Slow at night")
BOARD = {
    "open": [
        Card(1042, TITLES[0], NAMES[0], "urgent", "soon", NOW + DAY / 24),
        Card(1040, TITLES[1], NAMES[3], "normal", "ok", NOW + DAY / 3),
    ],
    "pending": [Card(1037, TITLES[3], NAMES[4], "high", "breached", NOW - DAY / 8)],
    "resolved": [Card(1031, TITLES[2], NAMES[1], "low", "met", NOW + DAY)],
    "closed": [],
}

WORDS: dict[str, Any] = {
    "board": BOARD,
    "customer": "Acme Fiber",
    "top": NAMES[:2] + NAMES[3:5],
    "plans": ("Core", "Plus", "Shield", "Shield Max"),
    "months": ("Jun", "Jul", "Aug", "Sep", "Oct", "Nov"),
    "countries": [Option("ES", "España"), Option("MX", "México")],
    "client": "Marta Vidal",
    "agent": "Ana Ruiz",
    "partner": "Northwind",
    "opened": "The uplink in Lugo is down.\nNothing has changed on our side.",
    "answered": "Carrier confirmed a cut, ETA 11:00.",
}
