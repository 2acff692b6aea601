"""What a partner promises a customer on a link, and from when on it wants to be warned."""

from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from guildhall.core.money import Money
from guildhall.domain.access import link_settings
from guildhall.domain.access.link_settings import Settings
from guildhall.surfaces.api.operations import Answer, Call, Endpoint, Operation, serves
from guildhall.surfaces.api.v1.link_shapes import LinkDetail
from guildhall.surfaces.api.v1.links import GROUP, MISSING, ONE, found_link, read_link
from guildhall.surfaces.entry import needs

Hours = Annotated[
    int, Meta(ge=1, le=link_settings.LONGEST_RESPONSE, description="Hours within which a ticket gets its first answer.")
]
Percent = Annotated[
    float, Meta(gt=0, le=100, description="Uptime in percent of a month, to a thousandth; reports and alerts go by it.")
]


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be set; what is left out stays, and null takes it away."""

    response_hours: Hours | UnsetType | None = UNSET
    uptime_target: Percent | UnsetType | None = UNSET
    sla_breach: Annotated[bool, Meta(description="Whether you want alerts about breaches.")] | UnsetType = UNSET
    billing_threshold: (
        Annotated[Money, Meta(description="What must be owed for an alert about it.")] | UnsetType | None
    ) = UNSET


CHANGE = Operation(
    id="changeLinkSettings",
    method="PATCH",
    path=ONE + "/settings",
    group=GROUP,
    summary="Set service level and alerts of a link",
    description="Holds at once, since nothing is opened by it. What you promise (`response_hours`, `uptime_target`) "
    "the customer reads, and is told when it changes; open tickets keep their clocks unless their priority "
    "changes. `sla_breach` and `billing_threshold` say from when on alerts warn you. Send the link's ETag.",
    mark=needs(link_settings.CHANGE),
    body=LinkSettings,
    answer=LinkDetail,
    codes=(MISSING, "CONFLICT"),
    versioned=True,
    sent={"response_hours": 4, "uptime_target": 99.95, "billing_threshold": {"amount": "5000.00", "currency": "USD"}},
)


@serves(CHANGE)
async def change_link_settings(call: Call[None, LinkSettings]) -> Answer:
    """Set what is promised and watched."""
    found, body = await found_link(call), call.body
    target = Decimal(str(body.uptime_target)) if isinstance(body.uptime_target, float) else body.uptime_target
    wanted = Settings(
        response_hours=body.response_hours,
        uptime_target=target,
        sla_breach=body.sla_breach,
        billing_threshold=body.billing_threshold,
    )
    await link_settings.change(call.actor, link_id=found.id, wanted=wanted, if_version=call.expects(found.version))
    made = await read_link(call)
    return Answer(made, made.version)


ENDPOINTS: tuple[Endpoint, ...] = (change_link_settings,)
