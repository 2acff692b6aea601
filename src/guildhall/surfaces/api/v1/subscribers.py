"""Subscribers of the tenant in context: listed, read, activated, suspended."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from guildhall.core import db
from guildhall.domain.provisioning import subscribers
from guildhall.domain.provisioning.subscribers import MISSING, READ, STEPS, Act, Subscriber
from guildhall.domain.reports import tenant_lists
from guildhall.domain.tenancy.tables import SubscriberStatus
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.reading import Cursor, Limit, Offset, Search, SortOrder
from guildhall.surfaces.entry import needs

GROUP = "Subscribers"
PATH = "/partner/provisioning/subscribers"


class SubscribersQuery(Struct, frozen=True):
    """Which subscribers to list, and in which order."""

    status: Annotated[tuple[SubscriberStatus, ...], Meta(description="Only subscribers in these states.")] = ()
    search: Annotated[Search, Meta(description="Part of the name or of the e-mail address.")] = ""
    sort_by: Annotated[Literal["name", "created_at"], Meta(description="What to sort by.")] = "name"
    sort_order: SortOrder = "asc"
    limit: Limit = 50
    offset: Offset = 0
    cursor: Cursor = ""


class SubscriberPage(Struct, frozen=True, kw_only=True):
    """A page of subscribers."""

    items: list[Subscriber]
    total: int | None
    limit: int
    offset: int | None
    has_more: bool
    next_cursor: str | None


LIST = Operation(
    id="listSubscribers",
    method="GET",
    path=PATH,
    group=GROUP,
    summary="List subscribers",
    description="Those of the tenant in `X-Active-Tenant-Id`.",
    mark=needs("partner.provisioning.subscribers.list", write_in_tenant=True),
    query=SubscribersQuery,
    answer=SubscriberPage,
    codes=("TENANT_CONTEXT_REQUIRED",),
)


@serves(LIST)
async def list_subscribers(call: Call[SubscribersQuery, None]) -> SubscriberPage:
    """Return one page of subscribers."""
    asked = call.query
    wanted = tenant_lists.Filter(
        search=asked.search,
        status=asked.status,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )
    async with db.transaction(call.actor) as connection:
        found = await tenant_lists.subscribers(connection, call.actor, wanted, standing=call.standing)
    return SubscriberPage(
        items=found.items,
        total=found.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=found.next_cursor is not None,
        next_cursor=found.next_cursor,
    )


GET = Operation(
    id="getSubscriber",
    method="GET",
    path=PATH + "/{subscriber_id}",
    group=GROUP,
    summary="Read one subscriber",
    mark=needs(READ, write_in_tenant=True),
    answer=Subscriber,
    codes=(MISSING, "TENANT_CONTEXT_REQUIRED"),
)


@serves(GET)
async def get_subscriber(call: Call[None, None]) -> Subscriber:
    """Return one subscriber."""
    subscriber_id = call.id("subscriber_id", MISSING)
    async with db.transaction(call.actor) as connection:
        return await subscribers.get(connection, call.actor, subscriber_id, tenant_id=call.standing.tenant_id)


def _step(act: Act, summary: str, description: str) -> Operation:
    """Return the operation of one act."""
    return Operation(
        id=f"{act}Subscriber",
        method="POST",
        path=f"{PATH}/{{subscriber_id}}/{act}",
        group=GROUP,
        summary=summary,
        description=description,
        mark=needs(STEPS[act].needs, write_in_tenant=True),
        answer=Subscriber,
        codes=(MISSING, "CONFLICT", "TENANT_CONTEXT_REQUIRED"),
    )


ACTIVATE = _step("activate", "Activate a subscriber", "One that is suspended; the customer is told.")
SUSPEND = _step("suspend", "Suspend a subscriber", "One that is active; the customer is told.")


async def _stepped(call: Call[None, None], act: Act) -> Subscriber:
    """Carry one act out."""
    subscriber_id = call.id("subscriber_id", MISSING)
    return await subscribers.step(call.actor, tenant_id=call.standing.tenant_id, subscriber_id=subscriber_id, act=act)


@serves(ACTIVATE)
async def activate_subscriber(call: Call[None, None]) -> Subscriber:
    """Activate a subscriber."""
    return await _stepped(call, "activate")


@serves(SUSPEND)
async def suspend_subscriber(call: Call[None, None]) -> Subscriber:
    """Suspend a subscriber."""
    return await _stepped(call, "suspend")


ENDPOINTS: tuple[Endpoint, ...] = (list_subscribers, get_subscriber, activate_subscriber, suspend_subscriber)
