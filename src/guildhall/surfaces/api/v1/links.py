"""Links: the leave that customers give the partner, in every state, and what the partner does about them."""

from typing import Any, Literal

from guildhall.core import db
from guildhall.core.errors import Invalid
from guildhall.domain.access import asking, links
from guildhall.domain.access.links import Link
from guildhall.domain.access.states import STANDING
from guildhall.domain.access.terms import Terms, later
from guildhall.surfaces.api.operations import Answer, Call, Endpoint, Operation, serves
from guildhall.surfaces.api.v1.link_shapes import (
    Changed,
    Ended,
    Extension,
    LinkChange,
    LinkDetail,
    LinkPage,
    LinksQuery,
    NewLink,
    Requested,
    changed,
    detailed,
    listed_as,
)
from guildhall.surfaces.entry import needs

GROUP = "Links"
PATH = "/partner/links"
ONE = PATH + "/{link_id}"
READ = "partner.links.read"
REQUEST = "partner.links.request"
MISSING = "LINK_NOT_FOUND"

LIST = Operation(
    id="listLinks",
    method="GET",
    path=PATH,
    group=GROUP,
    summary="List links",
    description="Links in every state, the customer's name once it is known to you. Live ones are in "
    "`/partner/customers` with their figures.",
    mark=needs(READ),
    query=LinksQuery,
    answer=LinkPage,
)


@serves(LIST)
async def list_links(call: Call[LinksQuery, None]) -> LinkPage:
    """Return one page of the partner's links."""
    asked = call.query
    wanted = links.Filter(
        statuses=asked.status,
        search=asked.search,
        tenant_id=call.tenant.tenant_id if call.tenant else None,
        sort_by=asked.sort_by,
        sort_order=asked.sort_order,
        limit=asked.limit,
        offset=asked.offset,
        cursor=asked.cursor,
    )
    async with db.transaction(call.actor) as connection:
        page = await links.paged(connection, call.actor, wanted)
    return LinkPage(
        items=[listed_as(link) for link in page.items],
        total=page.total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


GET = Operation(
    id="getLink",
    method="GET",
    path=ONE,
    group=GROUP,
    summary="Read one link",
    description="The link with what was offered on it. Send its ETag with a PATCH.",
    mark=needs(READ),
    answer=LinkDetail,
    codes=(MISSING,),
    versioned=True,
)


@serves(GET)
async def get_link(call: Call[None, None]) -> Answer:
    """Return one link."""
    made = await read_link(call)
    return Answer(made, made.version)


async def found_link(call: Call[Any, Any]) -> Link:
    """Return the link that the path names, unless the context is another tenant's."""
    async with db.transaction(call.actor) as connection:
        found = await links.get(connection, call.actor, call.id("link_id", MISSING))
    call.within(found.tenant_id, MISSING)
    return found


async def read_link(call: Call[Any, Any]) -> LinkDetail:
    """Return the link that the path names as callers get it."""
    found = await found_link(call)
    async with db.transaction(call.actor) as connection:
        return detailed(found, await links.offers(connection, found.id))


CREATE = Operation(
    id="requestLink",
    method="POST",
    path=PATH,
    group=GROUP,
    summary="Ask a customer for a link",
    description="By the customer's domain and an approver's address, or by a code that the customer shows you. By "
    "domain the answer tells nothing of who exists: 202, or 409 beside a link or request of your own; by code it names "
    "the customer. The customer decides.",
    mark=needs(REQUEST),
    status=202,
    body=NewLink,
    answer=Requested,
    codes=("CONFLICT",),
    sent={
        "domain": "acme-fiber.example",
        "approver_email": "admin@acme-fiber.example",
        "access_role": "msp_support",
        "operating_model": "co_managed",
        "ends_at": "2027-11-22T00:00:00Z",
        "reason": "Second-line support as agreed",
    },
)


@serves(CREATE)
async def request_link(call: Call[None, NewLink]) -> Requested:
    """Ask for a link."""
    asked = call.body
    by_code = _by_code(asked)
    terms = _terms(asked)
    if by_code:
        link = await asking.request_by_code(call.actor, code=str(asked.code), terms=terms, now=call.now)
        return Requested(message="The customer has been asked.", link=listed_as(link))
    try:
        await asking.request_by_domain(
            call.actor, domain=str(asked.domain), approver=str(asked.approver_email), terms=terms, now=call.now
        )
    except Invalid as wrong:
        raise Invalid(errors={_ours(name): said for name, said in wrong.errors.items()}) from None
    return Requested(message="If this customer is known here, its approver has been asked.", link=None)


def _terms(asked: NewLink) -> Terms:
    """Return the terms that are asked for."""
    return Terms(
        access_role=asked.access_role,
        operating_model=asked.operating_model,
        ends_at=asked.ends_at,
        starts_at=asked.starts_at,
        custom_permissions=asked.custom_permissions,
        relationship_type=asked.relationship_type,
        reason=asked.reason,
    )


def _by_code(asked: NewLink) -> bool:
    """Return whether a request names its customer by code; raise Invalid for neither way, or both."""
    if asked.code and not (asked.domain or asked.approver_email):
        return True
    if asked.code:
        raise Invalid(errors={"code": "Give a code, or a domain with an approver's address, not both"})
    missing = [name for name in ("domain", "approver_email") if not getattr(asked, name)]
    if missing:
        raise Invalid(errors=dict.fromkeys(missing, "This is missing: give both, or a code"))
    return False


def _ours(name: str) -> str:
    """Return the name that callers use for a field of the domain."""
    return {"approver": "approver_email"}.get(name, name)


CHANGE = Operation(
    id="changeLink",
    method="PATCH",
    path=ONE,
    group=GROUP,
    summary="Change a link's terms",
    description="Giving something back holds at once (`narrowed`). Anything more is asked of the customer "
    "(`asked`); until it answers, and if it never does, the old terms hold.",
    mark=needs(REQUEST),
    body=LinkChange,
    answer=Changed,
    codes=(MISSING, "CONFLICT"),
    versioned=True,
    sent={"operating_model": "customer_managed", "reason": "Posture is no longer ours to watch"},
)


@serves(CHANGE)
async def change_link(call: Call[None, LinkChange]) -> Answer:
    """Narrow a link, or ask the tenant for more."""
    found = await found_link(call)
    outcome = await _ask(call, found, changed(found, call.body))
    made = await read_link(call)
    return Answer(Changed(outcome=outcome, link=made), made.version)


async def _ask(call: Call[Any, Any], found: Link, terms: Terms) -> Literal["narrowed", "asked"]:
    """Change the link's terms as it stood when it was read."""
    outcome = await asking.ask_change(
        call.actor, link_id=found.id, terms=terms, if_version=call.expects(found.version), now=call.now
    )
    return "narrowed" if outcome == "narrowed" else "asked"


EXTEND = Operation(
    id="extendLink",
    method="POST",
    path=ONE + "/extend",
    group=GROUP,
    summary="Ask for a later end",
    description="The customer decides; no answer is no extension.",
    mark=needs(REQUEST),
    body=Extension,
    answer=LinkDetail,
    codes=(MISSING, "CONFLICT"),
    sent={"ends_at": "2027-11-22T00:00:00Z", "reason": "Contract renewed"},
)


@serves(EXTEND)
async def extend_link(call: Call[None, Extension]) -> LinkDetail:
    """Ask the tenant for a later end."""
    found = await found_link(call)
    if not later(call.body.ends_at, found.ends_at):
        raise Invalid(errors={"ends_at": "This is not later than the end that the link has"})
    await _ask(call, found, changed(found, LinkChange(ends_at=call.body.ends_at, reason=call.body.reason)))
    return await read_link(call)


def _step(name: str, summary: str, description: str, permission: str, body: type[Ended] | None = None) -> Operation:
    """Return the operation of one step of a link."""
    return Operation(
        id=f"{name}Link",
        method="POST",
        path=f"{ONE}/{name}",
        group=GROUP,
        summary=summary,
        description=description,
        mark=needs(permission),
        body=body,
        answer=LinkDetail,
        codes=(MISSING, "CONFLICT"),
    )


WITHDRAW = _step(
    "withdraw", "Take a request back", "A request, or a change that the customer has not answered.", REQUEST
)
ACCEPT = _step("accept", "Accept a counter-offer", "Exactly as the customer made it.", REQUEST)
END = _step("end", "Give a link back", "Ends the link for good, at once.", "partner.links.end", Ended)


@serves(WITHDRAW)
async def withdraw_link(call: Call[None, None]) -> LinkDetail:
    """Take back a request, or the wish for a change."""
    found = await found_link(call)
    act = asking.withdraw_change if found.status in STANDING else asking.withdraw
    await act(call.actor, link_id=found.id)
    return await read_link(call)


@serves(ACCEPT)
async def accept_link(call: Call[None, None]) -> LinkDetail:
    """Accept the tenant's counter-offer."""
    found = await found_link(call)
    await asking.accept(call.actor, link_id=found.id, now=call.now)
    return await read_link(call)


@serves(END)
async def end_link(call: Call[None, Ended]) -> LinkDetail:
    """Give a link back."""
    found = await found_link(call)
    await asking.end(call.actor, link_id=found.id, reason=call.body.reason)
    return await read_link(call)


ENDPOINTS: tuple[Endpoint, ...] = (
    list_links,
    get_link,
    request_link,
    change_link,
    extend_link,
    withdraw_link,
    accept_link,
    end_link,
)
