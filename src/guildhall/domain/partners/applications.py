"""Applications as staff see them: the queue, one of them with its signals and notes, and how long each has waited."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Text, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.actor import Actor
from guildhall.core.errors import Forbidden, NotFound
from guildhall.domain.partners.application_states import OPEN, TARGETS, WAITING
from guildhall.domain.partners.application_tables import application, application_note
from guildhall.domain.partners.tables import partner
from guildhall.domain.people.tables import partner_user, staff_user

GROUPS: Mapping[str, tuple[str, ...]] = {"waiting": WAITING, "open": OPEN}
# The most that an application may stay in its state; null where it may stay for ever.
_TARGET = case(*((application.c.status == state, limit) for state, limit in TARGETS.items()), else_=None)
DUE = (application.c.state_since + _TARGET).label("due_at")
SORTS: Mapping[str, ColumnElement[Any]] = {
    "due": DUE,
    "created": application.c.created_at,
    "name": func.lower(application.c.legal_name),
    "customers": application.c.expected_customers,
}


class Application(Struct, frozen=True, kw_only=True):
    """One application; `due_at` is until when it should leave its state, None where it stays.

    `email_before` is the address that the last answer replaced, empty where it replaced none. `twins` counts other
    open applications, `partners` partners of the same domain.
    """

    id: UUID
    status: str
    legal_name: str
    website: str
    website_domain: str
    country: str
    type: str
    contact_name: str
    email: str
    email_domain: str
    expected_customers: int
    note: str
    language: str
    mx: str
    listed: str
    asked: str
    answer: str
    email_before: str
    decline_reason: str | None
    decline_note: str
    assigned_to: UUID | None
    assigned_name: str | None
    partner_id: UUID | None
    principal_id: UUID | None
    consented_at: datetime
    created_at: datetime
    state_since: datetime
    due_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    erased_at: datetime | None
    twins: int
    partners: int

    @property
    def signals(self) -> tuple[str, ...]:
        """Return what staff should know before they decide, the weightiest first."""
        found = {
            "same_partner": self.partners > 0,
            "same_application": self.twins > 0,
            "no_mx": self.mx == "missing",
            "allow_listed": bool(self.listed),
            "other_website": not within(self.email_domain, self.website_domain),
        }
        return tuple(code for code, there in found.items() if there and self.erased_at is None)


class Named(Struct, frozen=True):
    """Something that shares the domain: a partner, or another application."""

    id: UUID
    name: str
    status: str


class Note(Struct, frozen=True, kw_only=True):
    """A note of staff among themselves."""

    id: UUID
    author_name: str
    text: str
    created_at: datetime


class Filter(Struct, frozen=True, kw_only=True):
    """Which applications to list; `late` those past their target; `assigned` an id, or `nobody`."""

    statuses: tuple[str, ...] = ()
    search: str = ""
    type: str = ""
    assigned: UUID | str = ""
    late: bool = False
    sort_by: str = "due"
    descending: bool = False
    limit: int = 50
    offset: int = 0


def within(domain: str, other: str) -> bool:
    """Return whether one of two domains is the other, or below it."""
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def _within(left: ColumnElement[str], right: ColumnElement[str]) -> ColumnElement[bool]:
    """Return `within` as an SQL condition."""
    return or_(left == right, left.endswith("." + right), right.endswith("." + left))


def must(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the person holds `permission`."""
    if not actor.may(permission):
        raise Forbidden


def _same_partner(of: Any) -> ColumnElement[bool]:
    """Return the condition that a partner has the domain of the application `of`: by its website or its people."""
    host = func.coalesce(func.substring(partner.c.website, r"^https?://(?:www\.)?([^/:]+)"), "")
    persons = (
        select(1)
        .where(
            partner_user.c.partner_id == partner.c.id,
            _within(func.split_part(partner_user.c.email, "@", 2), of.c.email_domain),
        )
        .correlate(partner, of)
        .exists()
    )
    own = partner.c.id.is_distinct_from(of.c.partner_id)
    return and_(own, or_(and_(host != "", or_(_within(host, of.c.email_domain), host == of.c.website_domain)), persons))


def _same_application(other: Any, of: Any) -> ColumnElement[bool]:
    """Return the condition that `other` is another open application of the same domain."""
    same = or_(_within(other.c.email_domain, of.c.email_domain), other.c.website_domain == of.c.website_domain)
    return and_(other.c.id != of.c.id, other.c.status.in_(OPEN), same)


_other = application.alias("other")
_TWINS = (
    select(func.count()).where(_same_application(_other, application)).correlate(application).scalar_subquery()
).label("twins")
_PARTNERS = (
    select(func.count()).select_from(partner).where(_same_partner(application)).correlate(application).scalar_subquery()
).label("partners")
_OWN = {"assigned_name", "due_at", "twins", "partners"}
_COLUMNS = [
    *(application.c[name] for name in Application.__struct_fields__ if name not in _OWN),
    staff_user.c.name.label("assigned_name"),
    DUE,
    _TWINS,
    _PARTNERS,
]
_JOINED = application.outerjoin(staff_user, staff_user.c.id == application.c.assigned_to)


async def listed(connection: AsyncConnection, actor: Actor, wanted: Filter) -> tuple[list[Application], int]:
    """Return one page of the queue, and how many there are."""
    must(actor, "staff.applications.read")
    where = _where(wanted)
    column = SORTS[wanted.sort_by]
    order = column.desc().nulls_last() if wanted.descending else column.asc().nulls_last()
    chosen = select(*_COLUMNS).select_from(_JOINED).where(*where).order_by(order, application.c.created_at)
    rows = await connection.execute(chosen.order_by(application.c.id).limit(wanted.limit).offset(wanted.offset))
    total = await connection.scalar(select(func.count()).select_from(application).where(*where))
    return [Application(**row) for row in rows.mappings()], total or 0


def _where(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter."""
    where: list[ColumnElement[bool]] = []
    if wanted.statuses:
        where.append(application.c.status.in_(wanted.statuses))
    if wanted.type:
        where.append(application.c.type == wanted.type)
    if wanted.search:
        columns: list[Column[Text]] = [
            application.c[name] for name in ("legal_name", "contact_name", "email", "website")
        ]
        where.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if isinstance(wanted.assigned, UUID):
        where.append(application.c.assigned_to == wanted.assigned)
    elif wanted.assigned:
        where.append(application.c.assigned_to.is_(None))
    if wanted.late:
        where.append(application.c.state_since + _TARGET < func.now())
    return where


async def get(connection: AsyncConnection, actor: Actor, application_id: UUID) -> Application:
    """Return one application; raises NotFound where there is none."""
    must(actor, "staff.applications.read")
    chosen = select(*_COLUMNS).select_from(_JOINED).where(application.c.id == application_id)
    row = (await connection.execute(chosen)).mappings().first()
    if row is None:
        raise NotFound
    return Application(**row)


async def relatives(connection: AsyncConnection, actor: Actor, application_id: UUID) -> tuple[list[Named], list[Named]]:
    """Return the partners and the other open applications of the same domain."""
    must(actor, "staff.applications.read")
    partners = select(partner.c.id, partner.c.name, partner.c.status).where(
        application.c.id == application_id, _same_partner(application)
    )
    others = select(_other.c.id, _other.c.legal_name.label("name"), _other.c.status).where(
        application.c.id == application_id, _same_application(_other, application)
    )
    found = [await connection.execute(chosen.order_by("name").limit(20)) for chosen in (partners, others)]
    return [Named(*row) for row in found[0]], [Named(*row) for row in found[1]]


async def notes(connection: AsyncConnection, actor: Actor, application_id: UUID) -> list[Note]:
    """Return what staff noted, oldest first."""
    must(actor, "staff.applications.read")
    columns = [application_note.c[name] for name in Note.__struct_fields__]
    chosen = select(*columns).where(application_note.c.application_id == application_id)
    rows = await connection.execute(chosen.order_by(application_note.c.created_at, application_note.c.id))
    return [Note(**row) for row in rows.mappings()]


async def deciders(connection: AsyncConnection, actor: Actor, roles: frozenset[str]) -> list[Named]:
    """Return the active people of staff who hold one of `roles`: whom an application can be assigned to."""
    must(actor, "staff.applications.read")
    chosen = select(staff_user.c.id, staff_user.c.name, staff_user.c.status).where(
        staff_user.c.status == "active", staff_user.c.roles.overlap(sorted(roles))
    )
    return [Named(*row) for row in await connection.execute(chosen.order_by(func.lower(staff_user.c.name)))]


def left(found: Application, *, now: datetime) -> timedelta | None:
    """Return how long the application may still stay in its state; negative when it is late."""
    return found.due_at - now if found.due_at else None
