"""Asking many customers for links in one call."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.access.asking_many import MOST, Wish, ask_many
from guildhall.domain.access.tables import OperatingModel, RelationshipType
from guildhall.domain.access.terms import Terms
from guildhall.domain.rbac.registry import AccessRole
from guildhall.surfaces.api.operations import Call, Endpoint, Operation, serves
from guildhall.surfaces.api.problems import FieldError
from guildhall.surfaces.api.v1.link_shapes import Custom, Ending, Reason
from guildhall.surfaces.entry import needs

_OURS = {"approver": "approver_email"}


class LinkWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which customer to ask: by `domain` and `approver_email`, or by a `code` that the customer shows you."""

    domain: Annotated[str, Meta(max_length=253, description="The customer's domain.")] = ""
    approver_email: Annotated[str, Meta(max_length=254, description="Somebody there who may approve.")] = ""
    code: Annotated[str, Meta(max_length=40, description="A code that the customer gave you.")] = ""


class NewLinks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask, and for what: the same of all of them."""

    customers: Annotated[tuple[LinkWish, ...], Meta(min_length=1, max_length=MOST, description="At most 200.")]
    access_role: Annotated[AccessRole, Meta(description="What each link opens.")]
    operating_model: Annotated[OperatingModel, Meta(description="How deep you may look.")]
    relationship_type: Annotated[RelationshipType, Meta(description="How you stand to the customers.")] = "msp_managed"
    custom_permissions: Custom = {}
    ends_at: Ending | None = None
    reason: Reason = ""


class WishResult(Struct, frozen=True, kw_only=True):
    """What became of one wish. `index` counts from 0. `asked` by domain does not say that the customer exists."""

    index: int
    status: Literal["asked", "refused"]
    code: str | None
    detail: str | None
    errors: list[FieldError]


class LinksRequested(Struct, frozen=True, kw_only=True):
    """What became of each wish, in their order."""

    results: list[WishResult]


BATCH = Operation(
    id="requestLinks",
    method="POST",
    path="/partner/links:batch",
    group="Links",
    summary="Ask many customers for links",
    description="The same of up to 200 customers; each still decides by itself. One that is refused keeps no other "
    "from being asked.",
    mark=needs("partner.links.request"),
    status=202,
    body=NewLinks,
    answer=LinksRequested,
    sent={
        "customers": [
            {"domain": "acme-fiber.example", "approver_email": "admin@acme-fiber.example"},
            {"domain": "delta-isp.example", "approver_email": "admin@delta-isp.example"},
        ],
        "access_role": "msp_support",
        "operating_model": "co_managed",
        "ends_at": "2027-11-22T00:00:00Z",
        "reason": "Second-line support as agreed",
    },
)


@serves(BATCH)
async def request_links(call: Call[None, NewLinks]) -> LinksRequested:
    """Ask for many links."""
    asked = call.body
    terms = Terms(
        access_role=asked.access_role,
        operating_model=asked.operating_model,
        ends_at=asked.ends_at,
        custom_permissions=asked.custom_permissions,
        relationship_type=asked.relationship_type,
        reason=asked.reason,
    )
    _named_in_one_way(asked.customers)
    wishes = [
        Wish(terms=terms, domain=each.domain, approver=each.approver_email, code=each.code) for each in asked.customers
    ]
    found = await ask_many(call.actor, wishes=wishes, now=call.now)
    return LinksRequested(results=[_result(index, refusal) for index, refusal in enumerate(found)])


def _named_in_one_way(customers: tuple[LinkWish, ...]) -> None:
    """Raise Invalid for each customer that is named both by code and by domain."""
    both = [index for index, each in enumerate(customers) if each.code and (each.domain or each.approver_email)]
    if both:
        said = "Give a code, or a domain with an approver's address, not both"
        raise Invalid(errors={f"/customers/{index}/code": said for index in both})


def _result(index: int, refusal: Refusal | None) -> WishResult:
    """Return what became of one wish as callers get it."""
    if refusal is None:
        return WishResult(index=index, status="asked", code=None, detail=None, errors=[])
    errors = [FieldError("/" + _OURS.get(name, name), str(said)) for name, said in refusal.errors.items()]
    return WishResult(index=index, status="refused", code=refusal.exact_code, detail=refusal.detail, errors=errors)


ENDPOINTS: tuple[Endpoint, ...] = (request_links,)
