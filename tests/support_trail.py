"""Writing into the trail, walking it, and doing to it what nobody may."""

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.audit.verifying import Verdict, verify
from support_world import World

AWAY = "SET LOCAL session_replication_role = replica; "  # what somebody with full power over the server can do


async def act(actor: Actor, world: World, *, times: int = 1, slug: str = "acme-fiber") -> None:
    """Append `times` events to the chains of the actor's partner and of the tenant."""
    tenant = world.tenant(slug)
    for number in range(times):
        async with db.transaction(actor) as connection:
            await record(
                connection,
                actor,
                action=Action.TICKET_CHANGED,
                target=Target("ticket", str(number)),
                partner_id=actor.partner_id,
                tenant_id=tenant,
                changes={"status": ["open", "pending"], "number": number, "share": 0.25, "reason": "Größe ≤ 3 €"},
                reason="asked on the phone",
            )


def walked(world: World) -> Verdict:
    """Return what a walk over every chain finds, as the worker."""
    url = world.cluster.login_url("login_worker", world.database)
    return verify(url, role=world.cluster.prefix + "worker")
