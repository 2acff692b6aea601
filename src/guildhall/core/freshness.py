"""How fresh a second factor is: what some acts ask before they are carried out (PRODUCT §3)."""

from datetime import datetime, timedelta

from guildhall.core.actor import Actor
from guildhall.core.errors import StepUpRequired

FRESH = timedelta(minutes=10)


def require_fresh(actor: Actor, *, now: datetime) -> None:
    """Raise StepUpRequired unless a second factor was shown within the last 10 minutes (PRODUCT §3)."""
    if actor.factor_at is None or now - actor.factor_at > FRESH:
        raise StepUpRequired
