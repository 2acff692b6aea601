"""Which permission opens each kind of alert, to read it and to act on it (BOUNDARY §1).

An alert about usage needs what those about service levels need: its link must open reports. An alert about a link that
ends needs no area, and whoever may ask for more time may act on it.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from guildhall.core.actor import Actor

Family = Literal["sla", "billing", "links"]
State = Literal["active", "acknowledged", "resolved"]
Severity = Literal["critical", "warning", "info"]
Name = Literal["sla.ticket", "sla.uptime", "usage.capacity", "billing.threshold", "link.expiring"]


class Needs(Struct, frozen=True):
    """What a family of kinds needs: to read, to act, and, with `link`, that the customer's link holds `read`."""

    kinds: tuple[Name, ...]
    read: str
    act: str
    link: bool = True


FAMILIES: Mapping[Family, Needs] = {
    "sla": Needs(
        ("sla.ticket", "sla.uptime", "usage.capacity"), "partner.alerts.sla.read", "partner.alerts.sla.acknowledge"
    ),
    "billing": Needs(("billing.threshold",), "partner.alerts.billing.read", "partner.alerts.billing.acknowledge"),
    "links": Needs(("link.expiring",), "partner.links.read", "partner.links.request", link=False),
}
ACTS = tuple(needs.act for needs in FAMILIES.values())


def needs_of(kind: str) -> Needs:
    """Return what `kind` needs."""
    return next(needs for needs in FAMILIES.values() if kind in needs.kinds)


def readable(actor: Actor) -> dict[Family, Needs]:
    """Return the families that the person may read anywhere: gate 2."""
    return {family: needs for family, needs in FAMILIES.items() if actor.may(needs.read)}
