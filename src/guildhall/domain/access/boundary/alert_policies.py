"""Which alerts each role may see and act on, and how people chose to be told (see `policies.py`)."""

from collections.abc import Mapping

from guildhall.domain.access.boundary.rules import (
    ANY_ROW,
    OWN,
    PARTNER_ID,
    WITHIN_LIMITS,
    Rule,
    adds,
    changes,
    data_of,
    everything,
    reads,
)

# By area, as the data that an alert is about; one about the link itself within the person's limits.
_OWN_ALERT = (
    f"partner_id = {PARTNER_ID} AND ("
    f"(kind IN ('sla.ticket', 'sla.uptime', 'usage.capacity') AND {data_of('reports')}"
    f" AND (kind <> 'sla.ticket' OR {data_of('support')}))"
    f" OR (kind = 'billing.threshold' AND {data_of('billing')})"
    f" OR (kind = 'link.expiring' AND {WITHIN_LIMITS}))"
)
# What an alert says in `values` may be an amount, which staff do not need to see.
_WITHOUT_AMOUNTS = (
    *("id", "partner_id", "tenant_id", "link_id", "kind", "cause", "severity", "weight", "status"),
    *("raised_at", "snoozed_until", "acknowledged_at", "acknowledged_by", "resolved_at"),
    "settled_at",
)
_ACTED_ON = (
    "status",
    "snoozed_until",
    "acknowledged_at",
    "acknowledged_by",
    "version",
    "updated_at",
)

ALERTS: Mapping[str, tuple[Rule, ...]] = {
    "portal.alert": (
        reads("partner", _OWN_ALERT),
        changes("partner", f"{_OWN_ALERT} AND status <> 'resolved'", *_ACTED_ON),
        reads("staff", ANY_ROW, *_WITHOUT_AMOUNTS),
        *everything("worker"),
        Rule("worker", "DELETE", "resolved_at < now() - interval '180 days'"),
    ),
    "portal.delivery_choice": (
        *(
            rule
            for role in ("partner", "customer", "staff")
            for rule in (reads(role, OWN), adds(role, OWN), changes(role, OWN, "in_app", "email", "digest"))
        ),
        reads("worker", ANY_ROW),
    ),
    "portal.digest": everything("worker"),
}
