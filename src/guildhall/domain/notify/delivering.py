"""Telling people outside of the portal: a letter at once, or a daily one at eight in each person's own morning.

What is told is marked in the transaction that posts its letters, so whoever is killed has told nothing, and a second
run finds nothing left to tell. One letter holds everything that is new to a person, and one line each kind of alert,
over all customers; it holds no amount.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.i18n import N_, zone_of
from guildhall.core.jobs import periodic
from guildhall.domain.alerts.tables import ENDLESS, alert
from guildhall.domain.mail.letters import Letter, Line
from guildhall.domain.mail.outbox import post
from guildhall.domain.notify.audience import News, Person, due, people_of, places_of, zones
from guildhall.domain.notify.delivery_tables import digest
from guildhall.domain.notify.sentences import SENTENCES
from guildhall.domain.notify.tables import notice

HOUR = 8  # of the person's own morning
_AT_ONCE = 5_000
_DAY = timedelta(days=1)
_MOST_LINES, _MOST_NAMES = 25, 5
_OLD = text("interval '2 days'")  # what nobody could be told for so long is for the daily letter
_HOSTS = {"partner": "partners", "tenant": "customers", "staff": "staff"}
_WHY = N_("You get this letter because of what you chose under Notices, “How you hear of it”. Change it there.")
_DIGEST = N_("Your day: %(number)s matters")
_SEVERAL = N_("%(number)s matters that you wanted to hear of at once")
_MORE = N_("And %(number)s more, in the portal.")
ALERT_LINES = {
    "alert.sla.ticket": N_("Tickets past their SLA clock: %(number)s (%(tenants)s)"),
    "alert.sla.uptime": N_("Uptime below target: %(number)s (%(tenants)s)"),
    "alert.billing.threshold": N_("Receivables over the threshold: %(number)s (%(tenants)s)"),
    "alert.link.expiring": N_("Links that end soon: %(number)s (%(tenants)s)"),
    "alert.usage.capacity": N_("Usage near or over capacity: %(number)s (%(tenants)s)"),
}


@periodic("* * * * *", "notices.deliver")
async def deliver(actor: Actor) -> int:
    """Post every letter that is due; return how many."""
    return await at_once(actor) + await daily(actor, now=clock.now())


async def at_once(actor: Actor) -> int:
    """Post the letters of whoever wants to hear at once, and mark everything as told; return how many letters."""
    posted = 0
    async with db.transaction(actor) as connection:
        news = sorted([*await _new_notices(connection), *await _new_alerts(connection)], key=_place)
        for (audience, _), some in groupby(news, key=_place):
            theirs = list(some)
            for person in await people_of(connection, audience, theirs[0].place):
                wanted = [each for each in theirs if person.way(each).email]
                posted += await _post(connection, person, "notices.at_once", wanted)
    return posted


def _place(news: News) -> tuple[str, str]:
    """Return for whom news is, in an order."""
    return news.audience, str(news.place or "")


async def _new_notices(connection: AsyncConnection) -> list[News]:
    """Mark the notices that nobody was told of, and return the fresh ones among them."""
    waiting = select(notice.c.id).where(notice.c.told_at.is_(None)).order_by(notice.c.created_at).limit(_AT_ONCE)
    done = await connection.execute(
        update(notice)
        .where(notice.c.id.in_(waiting.with_for_update(skip_locked=True)))
        .values(told_at=func.clock_timestamp())
        .returning(notice, (notice.c.created_at > func.now() - _OLD).label("fresh"))
    )
    return [_of_notice(row) for row in done.mappings() if row["fresh"]]


async def _new_alerts(connection: AsyncConnection) -> list[News]:
    """Mark the alerts that nobody was told of, and return those that are still open."""
    waiting = select(alert.c.id).where(alert.c.told_at.is_(None)).with_for_update(skip_locked=True)
    done = await connection.execute(
        update(alert).where(alert.c.id.in_(waiting)).values(told_at=func.clock_timestamp()).returning(alert)
    )
    return [_of_alert(row) for row in done.mappings() if row["status"] == "active"]


def _of_notice(row: Any) -> News:
    """Return a notice as news."""
    same = {name: row[name] for name in ("audience", "kind", "tenant_id", "area", "person_id")}
    return News(**same, place=row["audience_id"], said=row["values"])


def _of_alert(row: Any) -> News:
    """Return an alert as news."""
    return News(
        audience="partner",
        place=row["partner_id"],
        kind=f"alert.{row['kind']}",
        tenant_id=row["tenant_id"],
        area="",
        said={"tenant": row["values"]["tenant"]},
    )


async def daily(actor: Actor, *, now: datetime) -> int:
    """Post the daily letter of everybody whose morning has come and who has none for this day; return how many."""
    async with db.transaction(actor) as connection:
        days = {zone: day for zone in await zones(connection) if (day := _morning(zone, now)) is not None}
        waiting = await due(connection, days) if days else []
    posted = 0
    for each in waiting:
        async with db.transaction(actor) as connection:
            posted += await _digest(connection, each.audience, each.id, day=each.day, since=each.until)
    return posted


def _morning(zone: str, now: datetime) -> date | None:
    """Return the day in `zone` if its morning has come. Days are the calendar's, however many hours one has."""
    try:
        local = now.astimezone(zone_of(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return None
    return local.date() if local.hour >= HOUR else None


async def _digest(
    connection: AsyncConnection, audience: str, person_id: UUID, *, day: date, since: datetime | None
) -> int:
    """Take a person's day, unless another worker has it, and post what is new since the last one; return 1 or 0."""
    taken = insert(digest).values(user_id=person_id, day=day, until=func.now())
    newer = {"day": taken.excluded.day, "until": taken.excluded.until}
    claim = taken.on_conflict_do_update(index_elements=["user_id"], set_=newer, where=digest.c.day < day)
    until = await connection.scalar(claim.returning(digest.c.until))
    if until is None:
        return 0
    people = await places_of(connection, audience, person_id)
    wanted = []
    for person in people:
        news = await _since(connection, person, since=since, until=until)
        wanted += [each for each in news if person.way(each).digest]
    return await _post(connection, people[0], "notices.digest", wanted) if people else 0


async def _since(
    connection: AsyncConnection, person: Person, *, since: datetime | None, until: datetime
) -> Sequence[News]:
    """Return the news of a person's organisation that were marked in a time; a first digest tells of one day."""
    begin = since or until - _DAY
    told = [notice.c.told_at > begin, notice.c.told_at <= until, notice.c.audience == person.audience]
    whom = notice.c.audience_id.is_not_distinct_from(person.place)
    rows = await connection.execute(select(notice).where(whom, *told).order_by(notice.c.created_at))
    found = [_of_notice(row) for row in rows.mappings()]
    if person.audience == "partner":
        # Open ones stand together in ix_alert_rank.
        open_ = (alert.c.partner_id == person.place, alert.c.settled_at == ENDLESS, alert.c.status == "active")
        since_then = (alert.c.told_at > begin, alert.c.told_at <= until)
        awake = func.coalesce(alert.c.snoozed_until, until) <= until
        rows = await connection.execute(select(alert).where(*open_, *since_then, awake))
        found += [_of_alert(row) for row in rows.mappings()]
    return found


async def _post(connection: AsyncConnection, person: Person, kind: str, news: Iterable[News]) -> int:
    """Post one letter that tells all of it; return 1, or 0 where there is nothing to tell."""
    lines = _lines(news)
    if not lines:
        return 0
    alone = len(lines) == 1 and kind == "notices.at_once"
    values = lines[0].values if alone else {"number": str(len(lines))}
    more = [Line(_MORE, {"number": str(len(lines) - _MOST_LINES)})] if len(lines) > _MOST_LINES else []
    letter = Letter(
        kind=kind,
        to=person.email,
        name=person.name,
        language=person.language,
        subject=lines[0].text if alone else _DIGEST if kind == "notices.digest" else _SEVERAL,
        paragraphs=(),
        values=values,
        lines=(*lines[:_MOST_LINES], *more),
        link=(_HOSTS[person.audience], _behind(lines)),
        button=N_("Open the portal"),
        why=_WHY,
    )
    await post(connection, letter)
    return 1


def _behind(lines: Sequence[Line]) -> str:
    """Return the page behind a letter."""
    return "/alerts" if all(line.text in ALERT_LINES.values() for line in lines) else "/notices"


def _lines(news: Iterable[News]) -> list[Line]:
    """Return what a letter says: a line for each kind of alert, over all customers, and one for each notice."""
    told = list(news)
    alerts = [(kind, [each for each in told if each.kind == kind]) for kind in ALERT_LINES]
    lines = [Line(ALERT_LINES[kind], _grouped(some)) for kind, some in alerts if some]
    for each in told:
        sentence = SENTENCES.get((each.audience, each.kind))
        if sentence is not None:
            lines.append(Line(sentence, {name: str(value) for name, value in each.said.items()}))
    return lines


def _grouped(some: Sequence[News]) -> dict[str, str]:
    """Return how many alerts there are, and at which customers, the first few by name."""
    names = sorted({each.said["tenant"] for each in some})
    rest = f" +{len(names) - _MOST_NAMES}" if len(names) > _MOST_NAMES else ""
    return {"number": str(len(some)), "tenants": ", ".join(names[:_MOST_NAMES]) + rest}
