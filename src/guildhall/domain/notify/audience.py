"""Whom news may go to: people who may still come in, and what each of them may see of it.

A job has no session. It asks the database what a person reaches by the same functions that the person's own requests
are answered by, so a letter never says more than the portal would show.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text, Uuid

from guildhall.domain.alerts.kinds import needs_of
from guildhall.domain.notify.delivery_tables import delivery_choice
from guildhall.domain.notify.notices import needed
from guildhall.domain.notify.topics import REGISTRIES, TOPICS, Way, topic_of
from guildhall.domain.rbac.registry import OF_THE_WHOLE_PARTNER, held_by

_ALERT_AREAS: Mapping[str, tuple[str, ...]] = {
    "sla.ticket": ("support", "reports"),
    "billing.threshold": ("billing",),
    "link.expiring": (),
}
# Who has come once and is shut out by nobody, by audience; `place` is the organisation that news is for.
_PEOPLE = {
    "partner": """
        SELECT u.id, u.email, u.name, u.language, u.timezone, u.roles, u.partner_id AS place
        FROM portal.partner_user AS u JOIN portal.partner AS o ON o.id = u.partner_id AND o.status = 'active'
        WHERE u.status = 'active' AND u.last_active_at IS NOT NULL
    """,
    "tenant": """
        SELECT u.id, u.email, u.name, u.language, u.timezone, ARRAY[m.role] AS roles, m.tenant_id AS place
        FROM tenancy.customer_user AS u JOIN tenancy.customer_membership AS m ON m.user_id = u.id
        WHERE u.status = 'active' AND u.last_active_at IS NOT NULL
          AND m.status = 'active' AND m.accepted_at IS NOT NULL
    """,
    "staff": """
        SELECT u.id, u.email, u.name, u.language, u.timezone, u.roles, NULL::uuid AS place
        FROM portal.staff_user AS u WHERE u.status = 'active' AND u.last_active_at IS NOT NULL
    """,
}
_OF = {
    audience: text(f"SELECT * FROM ({people}) AS p WHERE p.place IS NOT DISTINCT FROM :place ORDER BY p.id").bindparams(
        bindparam("place", type_=Uuid)
    )
    for audience, people in _PEOPLE.items()
}
_BY_ID = {
    audience: text(f"SELECT * FROM ({people}) AS p WHERE p.id = :id ORDER BY p.place").bindparams(
        bindparam("id", type_=Uuid)
    )
    for audience, people in _PEOPLE.items()
}
# Whose local day has come that has no digest yet.
_DUE = text(
    " UNION ALL ".join(
        f"""
        SELECT '{audience}' AS audience, p.id, z.day, d.until
        FROM (SELECT DISTINCT id, timezone FROM ({people}) AS x) AS p
        JOIN unnest(CAST(:zones AS text[]), CAST(:days AS date[])) AS z (zone, day) ON z.zone = p.timezone
        LEFT JOIN portal.digest AS d ON d.user_id = p.id
        WHERE d.day IS NULL OR d.day < z.day
        """
        for audience, people in _PEOPLE.items()
    )
)
_ZONES = text(" UNION ".join(f"SELECT timezone FROM ({people}) AS p" for people in _PEOPLE.values()))
_BE = text("SELECT set_config('app.partner_id', :partner, true), set_config('app.user_id', :person, true)")
_REACHED = text(
    "SELECT area, reached FROM unnest(:areas) AS area, LATERAL portal.reach(area) AS reached"
    " UNION ALL SELECT '', within FROM portal.tenants_within_limits() AS within"
).bindparams(bindparam("areas", type_=ARRAY(Text)))
_AREAS = ["support", "reports", "billing"]


class News(Struct, frozen=True, kw_only=True):
    """A notice, or an alert under the kind `alert.…`: for whom, about which customer, and what it says.

    `person_id` is set where it is for one person alone.
    """

    audience: str
    place: UUID | None
    kind: str
    tenant_id: UUID | None
    area: str
    said: dict[str, Any]
    person_id: UUID | None = None

    @property
    def topic(self) -> str:
        """Return the name of its topic."""
        return topic_of(self.audience, self.kind).name


class Person(Struct, frozen=True, kw_only=True):
    """Somebody of one organisation, with what that person holds and reaches there; `reached` is by area, "" for any."""

    id: UUID
    audience: str
    place: UUID | None
    email: str
    name: str
    language: str
    permissions: frozenset[str]
    everywhere: bool
    reached: dict[str, frozenset[UUID]]
    ways: dict[str, Way]

    def way(self, news: News) -> Way:
        """Return how this person hears of it; in no way where it may not be seen."""
        return self.ways[news.topic] if self.sees(news) else Way(False, False, False)

    def sees(self, news: News) -> bool:
        """Return whether the portal would show it to this person."""
        if (news.audience, news.place) != (self.audience, self.place) or self._needed(news) not in self.permissions:
            return False
        if news.person_id not in {None, self.id}:
            return False
        return self.audience != "partner" or self._reaches(news)

    def _needed(self, news: News) -> str:
        if news.kind.startswith("alert."):
            return needs_of(news.kind.removeprefix("alert.")).read
        return needed(self.audience, news.area, news.kind)

    def _reaches(self, news: News) -> bool:
        if news.tenant_id is None:
            return True
        areas: tuple[str, ...] = (news.area,) if news.area in _AREAS else ()
        if news.kind.startswith("alert."):
            areas = _ALERT_AREAS.get(news.kind.removeprefix("alert."), ("reports",))
        within = self.everywhere or news.tenant_id in self.reached.get("", frozenset())
        return within and all(news.tenant_id in self.reached.get(area, frozenset()) for area in areas)


async def people_of(connection: AsyncConnection, audience: str, place: UUID | None) -> list[Person]:
    """Return who of one organisation may be told anything."""
    rows = (await connection.execute(_OF[audience], {"place": place})).mappings().all()
    return [await _person(connection, audience, dict(row)) for row in rows]


async def places_of(connection: AsyncConnection, audience: str, person_id: UUID) -> list[Person]:
    """Return a person once for each organisation that it is of: customers' people may be of several."""
    rows = (await connection.execute(_BY_ID[audience], {"id": person_id})).mappings().all()
    return [await _person(connection, audience, dict(row)) for row in rows]


async def zones(connection: AsyncConnection) -> Collection[str]:
    """Return the time zones that people have chosen."""
    return list(await connection.scalars(_ZONES))


async def due(connection: AsyncConnection, days: dict[str, Any]) -> list[Any]:
    """Return audience, id, day and the end of the last digest of whoever has none for its day; `days` is by zone."""
    rows = await connection.execute(_DUE, {"zones": list(days), "days": list(days.values())})
    return list(rows.all())


async def _person(connection: AsyncConnection, audience: str, row: dict[str, Any]) -> Person:
    """Return somebody with what that person holds, reaches and chose."""
    reached: dict[str, set[UUID]] = {}
    everywhere, permissions = True, held_by(row["roles"], REGISTRIES[audience])
    if audience == "partner":
        await connection.execute(_BE, {"partner": str(row["place"]), "person": str(row["id"])})
        everywhere = bool(await connection.scalar(text("SELECT portal.sees_every_customer()")))
        for found in (await connection.execute(_REACHED, {"areas": _AREAS})).all():
            reached.setdefault(found.area, set()).add(found.reached)
        permissions -= frozenset() if everywhere else OF_THE_WHOLE_PARTNER
    chosen = await connection.execute(select(delivery_choice).where(delivery_choice.c.user_id == row["id"]))
    ways = {topic.name: topic.way for topic in TOPICS[audience]}
    ways |= {each.topic: Way(each.in_app, each.email, each.digest) for each in chosen}
    return Person(
        **{name: row[name] for name in ("id", "place", "email", "name", "language")},
        audience=audience,
        permissions=permissions,
        everywhere=everywhere,
        reached={area: frozenset(tenants) for area, tenants in reached.items()},
        ways=ways,
    )
