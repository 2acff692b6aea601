"""What the platform measures: usage by day, and outages."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from guildhall.worlds.demo_tenants import Tenant
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

METRICS = ("active_subscribers", "bandwidth_gb", "api_calls")
_CAUSES = ("Power failure", "Fibre cut", "Faulty update", "Upstream carrier", "Overheated cabinet", "")
_STILL_DOWN = "prairie-link"
_DAY = timedelta(days=1)


class Outage(Struct, frozen=True):
    """One outage; `ended` is None while it lasts."""

    tenant: Tenant
    number: int
    started: datetime
    ended: datetime | None
    cause: str


def seed_usage(connection: Connection, cast: list[Tenant], subscribers: Counter[str], today: date) -> None:
    """Write each metric of each day; `subscribers` counts the active ones by tenant's slug."""
    copy(
        connection,
        "tenancy.usage_daily",
        "tenant_id metric day quantity",
        (row for tenant in cast for row in _usage(tenant, subscribers[tenant.slug], today)),
    )


def _usage(tenant: Tenant, subscribers: int, today: date) -> Iterator[tuple[object, ...]]:
    luck = chance("usage", tenant.slug)
    days = (today - tenant.since).days
    for number in range(days):
        day = tenant.since + timedelta(days=number)
        grown = 0.7 + 0.3 * (number + 1) / days
        week = 1.15 if day.weekday() < 5 else 0.8  # noqa: PLR2004 - Monday to Friday
        wave = grown * week * (1 + 0.1 * math.sin(number / 58)) * luck.uniform(0.93, 1.07)
        yield tenant.id, METRICS[0], day, round(subscribers * grown)
        yield tenant.id, METRICS[1], day, Decimal(round(subscribers * 1240 * wave)) / 100
        yield tenant.id, METRICS[2], day, round(subscribers * 95 * wave)


def outages(cast: list[Tenant], today: date) -> list[Outage]:
    """Return all outages, about one in two months for each tenant; one of them still lasts."""
    return [outage for tenant in cast for outage in _outages(tenant, midnight(today))]


def _outages(tenant: Tenant, now: datetime) -> Iterator[Outage]:
    luck = chance("outages", tenant.slug)
    days = (now.date() - tenant.since).days - 3
    marks = sorted(luck.sample(range(0, days, 2), max(1, days // 65)))
    for number, mark in enumerate(marks):
        started = midnight(tenant.since) + timedelta(days=mark, seconds=luck.randint(0, 86_399))
        lasted = timedelta(seconds=round(luck.lognormvariate(7.6, 0.9)))
        yield Outage(tenant, number, started, started + min(lasted, _DAY), luck.choice(_CAUSES))
    if tenant.slug == _STILL_DOWN:
        yield Outage(tenant, len(marks), now - timedelta(hours=2), None, "Fibre cut")


def seed_outages(connection: Connection, made: list[Outage]) -> None:
    """Write the outages; what that makes of each day is counted as they come in."""
    copy(
        connection,
        "tenancy.outage",
        "id tenant_id external_id started_at ended_at cause",
        (
            (made_id("outage", o.tenant.slug, o.number), o.tenant.id, f"O-{o.number}", o.started, o.ended, o.cause)
            for o in made
        ),
    )
