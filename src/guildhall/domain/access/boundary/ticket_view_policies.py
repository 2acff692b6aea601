"""Which saved views of tickets each role may touch: a person of a partner the own ones (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import OWN, Rule, adds, changes, reads

TICKET_VIEWS: Mapping[str, tuple[Rule, ...]] = {
    "portal.ticket_view": (
        reads("partner", OWN),
        adds("partner", OWN),
        changes("partner", OWN, "filters", "is_default"),
        Rule("partner", "DELETE", OWN),
    ),
}
