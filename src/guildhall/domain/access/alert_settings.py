"""What a link says of alerts, as somebody may see it: a threshold is an amount, so the money-blind do not get it."""

from collections.abc import Mapping
from typing import Any

from guildhall.core.actor import Actor, DbRole


def seen(actor: Actor, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alert settings of a link: the partner's own affair, without amounts for whoever reads no money."""
    if actor.role is DbRole.CUSTOMER:
        return {}
    blind = actor.role is DbRole.PARTNER and not actor.may("partner.money.read")
    return {name: value for name, value in config.items() if not (blind and "billing" in name)}
