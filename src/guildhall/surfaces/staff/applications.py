"""Applications to become a partner: the queue with its clock and signals, and the page of one."""

from typing import Any
from uuid import UUID

from litestar import get
from litestar.params import FromPath
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.domain.audit import reading
from guildhall.domain.audit.reading import Chain
from guildhall.domain.audit.trail import VENDOR
from guildhall.domain.partners import applications, approving
from guildhall.domain.partners.application_states import DECLINE_REASONS, SOON, STATES, sources
from guildhall.domain.partners.applications import GROUPS, SORTS, Application
from guildhall.domain.partners.reviewing import DECIDE, DECIDERS
from guildhall.domain.partners.tables import TYPES
from guildhall.surfaces import asked
from guildhall.surfaces.countries import country_label
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, sorting_of
from guildhall.surfaces.staff.words import APPLICATION_GROUPS, DECLINES, SIGNALS
from guildhall.surfaces.trail import told
from guildhall.surfaces.words import said, state_options

_HISTORY = 30
_FORMS = ("note", "question", "assigning")
_CHOICES = (*GROUPS, *STATES)


class Line(Struct, frozen=True, kw_only=True):
    """An application as the queue shows it: `clock` is a state of the family `sla`, or empty where it may stay."""

    application: Application
    clock: str
    signals: list[tuple[str, str, str]]


def line(found: Application) -> Line:
    """Return one application with its clock and its signals in words: label, tone, icon."""
    left = applications.left(found, now=clock.now())
    state = "" if left is None else "breached" if left.total_seconds() < 0 else "soon" if left < SOON else "ok"
    signals = [(gettext(SIGNALS[code][0]), *SIGNALS[code][1:]) for code in found.signals]
    return Line(application=found, clock=state, signals=signals)


@get("/applications", **needs("staff.applications.read"))
async def application_list(request: Web, actor: Who) -> Page:
    """Return one page of the queue; without a filter, what waits for staff."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("due"))
    number = asked.page_number(request)
    state = asked.choice(request, "state", _CHOICES)
    wanted = applications.Filter(
        statuses=GROUPS.get(state) or ((state,) if state else ()),
        search=asked.words(request),
        type=asked.choice(request, "type", TYPES),
        assigned=_assigned(actor, asked.choice(request, "assigned", {"me", "nobody"})),
        late=asked.choice(request, "clock", {"late"}) == "late",
        sort_by=sorting.key,
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await applications.listed(connection, actor, wanted)
    return await page(
        request,
        "applications/list.html",
        lines=[line(row) for row in rows],
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        sorting=sorting,
        filters=_filters(),
        filtered=bool(state or wanted.search or wanted.type or wanted.assigned or wanted.late),
        actor=actor,
    )


def _assigned(actor: Actor, choice: str) -> UUID | str:
    """Return the filter on who has it."""
    return actor.user_id or "" if choice == "me" else choice


def _filters() -> list[Filter]:
    groups = [Option(code, gettext(APPLICATION_GROUPS[code])) for code in GROUPS]
    return [
        Filter("state", gettext("State"), [*groups, *state_options("application", STATES)]),
        Filter("type", gettext("Type"), state_options("partner_type", TYPES)),
        Filter("assigned", gettext("Assigned to"), [Option("me", gettext("Me")), Option("nobody", gettext("Nobody"))]),
        Filter("clock", gettext("Clock"), [Option("late", gettext("Past its target"))]),
    ]


@get("/applications/{application_id:uuid}", **needs("staff.applications.read"))
async def application_page(request: Web, application_id: FromPath[UUID], actor: Who) -> Page:
    """Return one application with its signals, its notes and its history."""
    return await shown(request, actor, application_id)


async def shown(request: Web, actor: Actor, application_id: UUID, **forms: Form) -> Page:
    """Return the page of one application; `forms` are those of its acts that were refused, by name."""
    async with db.transaction(actor) as connection:
        context = await _context(connection, actor, application_id)
    context |= {"actor": actor, **{name: forms.get(name, Form(prefix=name)) for name in _FORMS}}
    return await page(
        request,
        "applications/application.html",
        status_code=422 if forms else 200,
        **context,
    )


async def _context(connection: AsyncConnection, actor: Actor, application_id: UUID) -> dict[str, Any]:
    """Return what the page of one application shows."""
    found = await applications.get(connection, actor, application_id)
    partners, others = await applications.relatives(connection, actor, application_id)
    decides = actor.may(DECIDE)
    people = await applications.deciders(connection, actor, DECIDERS) if decides else []
    return {
        "line": line(found),
        "application": found,
        "country": country_label(found.country),
        "partners": partners,
        "others": others,
        "notes": await applications.notes(connection, actor, application_id),
        "history": await _history(connection, actor, application_id),
        "people": [Option(str(one.id), one.name) for one in people],
        "reasons": [Option(code, said(DECLINES, code)) for code in DECLINE_REASONS],
        "decides": decides,
        "may": {to for to in STATES if decides and found.status in sources(to, "staff")},
        "waits": decides and await approving.waits_for_sign_in(connection, found),
        "state": state_label("application", found.status),
    }


async def _history(connection: AsyncConnection, actor: Actor, application_id: UUID) -> list[Any]:
    """Return what the vendor's trail says of an application, where the person may read it."""
    if not actor.may("staff.audit.read"):
        return []
    wanted = reading.Filter(
        chain=Chain("vendor", VENDOR), text=str(application_id), action="application", limit=_HISTORY
    )
    return told((await reading.listed(connection, actor, wanted)).items)


ROUTES = [application_list, application_page]
