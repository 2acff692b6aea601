"""Recording that a clock ran out: once for each ticket, by the worker (PRODUCT §8)."""

from guildhall.core.actor import Actor
from guildhall.core.jobs import periodic


@periodic("* * * * *", "support.mark_breaches")
async def mark_breaches(actor: Actor) -> int:
    """Record every breach that is not recorded yet; return how many. Safe to run at any time, and again."""
    raise NotImplementedError
