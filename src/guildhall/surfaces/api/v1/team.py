"""The people of the caller's own organisation: listed, read, invited, shut out and let in again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.domain.people import limits as limiting
from guildhall.domain.people import team
from guildhall.domain.people.limits import Limits
from guildhall.domain.people.tables import TenantScope
from guildhall.domain.people.team import MISSING, Colleague
from guildhall.domain.rbac.registry import PartnerRole
from guildhall.domain.team import colleagues, invitations
from guildhall.domain.team.leading import NEEDS
from guildhall.domain.team.limiting import group_names, known
from guildhall.surfaces.api.operations import PREFIX, Answer, Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Line, Offset, Search, SortOrder
from guildhall.surfaces.entry import needs

GROUP = "Team"
PATH = "/partner/team"
READ = "partner.team.read"
_FRESH = " Needs a second factor of the last ten minutes: a person's token just after `POST /auth/login`."
_OURS = {"scope": "tenant_scope", "tenants": "tenant_ids"}


class TeamQuery(Struct, frozen=True):
    """Whom to list, and in which order."""

    search: Annotated[Search, Meta(description="Part of the name or of the e-mail address.")] = ""
    role: Annotated[tuple[PartnerRole, ...], Meta(description="Only people with one of these roles.")] = ()
    state: Annotated[tuple[team.State, ...], Meta(description="Only people in these states.")] = ()
    sort_by: Annotated[team.SortBy, Meta(description="What to sort by.")] = "name"
    sort_order: SortOrder = "asc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class Person(Struct, frozen=True, kw_only=True):
    """Somebody of your organisation.

    `state` is `invited` until the person has come, `lapsed` when the invitation ended unused at `invited_until`.
    """

    id: UUID
    name: str
    email: str
    state: team.State
    roles: list[PartnerRole]
    tenant_scope: TenantScope
    language: str
    last_active_at: datetime | None
    invited_until: datetime | None
    created_at: datetime


class PersonDetail(Person, frozen=True, kw_only=True):
    """Somebody with the customers that `tenant_scope` includes or excludes: one by one, and by groups of customers."""

    tenant_ids: list[UUID]
    groups: list[str]


class PersonPage(Struct, frozen=True, kw_only=True):
    """A page of people."""

    items: list[Person]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


LIST = Operation(
    id="listTeam",
    method="GET",
    path=PATH,
    group=GROUP,
    summary="List people",
    description="The people of your own organisation.",
    mark=needs(READ),
    query=TeamQuery,
    answer=PersonPage,
)


@serves(LIST)
async def list_team(call: Call[TeamQuery, None]) -> PersonPage:
    """Return one page of the caller's colleagues."""
    asked = call.query
    wanted = team.Filter(
        search=asked.search,
        role=asked.role,
        status=asked.state,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )
    async with db.transaction(call.actor) as connection:
        found = await team.listed(connection, call.actor, wanted)
    return PersonPage(
        items=[Person(**_same(row)) for row in found.items],
        total=found.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=found.next_cursor is not None,
        next_cursor=found.next_cursor,
    )


def _same(found: Colleague) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Person.__struct_fields__}


GET = Operation(
    id="getPerson",
    method="GET",
    path=PATH + "/{user_id}",
    group=GROUP,
    summary="Read one person",
    description="With the customers that the person is limited to; of these, those that you reach yourself.",
    mark=needs(READ),
    answer=PersonDetail,
    codes=(MISSING,),
)


@serves(GET)
async def get_person(call: Call[None, None]) -> PersonDetail:
    """Return one colleague."""
    return await _person(call, call.id("user_id", MISSING))


async def _person(call: Call[Any, Any], user_id: UUID) -> PersonDetail:
    async with db.transaction(call.actor) as connection:
        found = await team.get(connection, call.actor, user_id=user_id)
        limits = await limiting.of(connection, user_id)
        tenants = await known(connection, call.actor, limits.tenant_ids)
        groups = await group_names(connection, limits.group_ids)
    return PersonDetail(tenant_ids=sorted(tenants), groups=groups, **_same(found))


class NewPerson(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to invite, with which roles, and to which customers: all, or those of `tenant_ids`, or all but those."""

    email: Annotated[str, Meta(min_length=1, max_length=254, description="Where the invitation goes.")]
    name: Annotated[Line, Meta(description="The person's name.")]
    roles: Annotated[tuple[PartnerRole, ...], Meta(min_length=1, max_length=9, description="None above your own.")]
    tenant_scope: Annotated[TenantScope, Meta(description="Which customers the person reaches.")] = "all"
    tenant_ids: Annotated[tuple[UUID, ...], Meta(max_length=200, description="Customers of yours.")] = ()


INVITE = Operation(
    id="invitePerson",
    method="POST",
    path=PATH,
    group=GROUP,
    summary="Invite a person",
    description="Sends a letter with a link that works once, within seven days." + _FRESH,
    mark=needs(NEEDS),
    status=201,
    body=NewPerson,
    answer=PersonDetail,
    codes=("CONFLICT", "STEP_UP_REQUIRED"),
    sent={"email": "luis@northwind.example", "name": "Luis Prado", "roles": ["technical"]},
)


@serves(INVITE)
async def invite_person(call: Call[None, NewPerson]) -> Answer:
    """Invite a colleague."""
    asked = call.body
    if asked.tenant_scope == "all" and asked.tenant_ids:
        raise Invalid(errors={"tenant_scope": "Say include or exclude beside tenant_ids"})
    limits = Limits(scope=asked.tenant_scope, tenant_ids=asked.tenant_ids)
    try:
        made = await invitations.invite(
            call.actor, email=asked.email, name=asked.name, roles=asked.roles, limits=limits, now=call.now
        )
    except Invalid as wrong:
        raise Invalid(errors={_OURS.get(name, name): said for name, said in wrong.errors.items()}) from None
    return Answer(await _person(call, made.id), headers={"Location": f"{PREFIX}{PATH}/{made.id}"})


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why; your organisation's trail keeps it."""

    reason: Annotated[str, Meta(min_length=1, max_length=colleagues.LONGEST_REASON, description="Why.")]


def _step(id_: str, step: str, summary: str, description: str) -> Operation:
    """Return the operation of one step."""
    return Operation(
        id=id_,
        method="POST",
        path=f"{PATH}/{{user_id}}/{step}",
        group=GROUP,
        summary=summary,
        description=description + _FRESH,
        mark=needs(NEEDS),
        body=Step,
        answer=PersonDetail,
        codes=(MISSING, "CONFLICT", "STEP_UP_REQUIRED"),
        sent={"reason": "Has left us"} if step == "deactivate" else {"reason": "Is back"},
    )


DEACTIVATE = _step(
    "deactivatePerson",
    "deactivate",
    "Shut a person out",
    "From the next request on; every session ends. Never yourself, and never the last principal.",
)
REACTIVATE = _step("reactivatePerson", "reactivate", "Let a person in again", "With the roles and customers of before.")


@serves(DEACTIVATE)
async def deactivate_person(call: Call[None, Step]) -> PersonDetail:
    """Shut a colleague out."""
    user_id = call.id("user_id", MISSING)
    await colleagues.deactivate(call.actor, user_id=user_id, reason=call.body.reason, now=call.now)
    return await _person(call, user_id)


@serves(REACTIVATE)
async def reactivate_person(call: Call[None, Step]) -> PersonDetail:
    """Let a colleague in again."""
    user_id = call.id("user_id", MISSING)
    await colleagues.reactivate(call.actor, user_id=user_id, reason=call.body.reason, now=call.now)
    return await _person(call, user_id)


ENDPOINTS: tuple[Endpoint, ...] = (list_team, get_person, invite_person, deactivate_person, reactivate_person)
