"""Writing the trail of many tenants at once, each with an event of its own: for acts over thousands of customers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text, Uuid

from guildhall.core.actor import Actor
from guildhall.domain.audit.trail import Action, Target, event_of

_APPEND_EACH = text(
    "SELECT portal.audit_append_each(:events, :kinds, :chains, :bodies, :person_name, :person_salts)"
).bindparams(
    bindparam("events", type_=ARRAY(Uuid)),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("chains", type_=ARRAY(Uuid)),
    bindparam("bodies", type_=ARRAY(Text)),
    bindparam("person_salts", type_=ARRAY(Text)),
)


async def record_for_each(
    connection: AsyncConnection,
    actor: Actor,
    *,
    action: Action,
    target: Target,
    tenants: Sequence[UUID],
    changes: Mapping[str, Any],
) -> None:
    """Append one event to the chain of each of `tenants`, as `record` with each of them would; for jobs alone.

    Call it last in a transaction: it locks the heads of all these chains until the commit.
    """
    if not connection.in_transaction():
        raise RuntimeError("The trail is written inside the transaction of the act")
    if tenants:  # in a thread: thousands of bodies take a while, and the worker has other jobs
        values = await asyncio.to_thread(_events_of, actor, action, target, tenants, changes)
        await connection.execute(_APPEND_EACH, values)


def _events_of(
    actor: Actor, action: Action, target: Target, tenants: Sequence[UUID], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of portal.audit_append_each, by their names."""
    made = [
        event_of(actor, action=action, target=target, tenant_id=tenant_id, changes=changes, reason="")
        for tenant_id in tenants
    ]
    return {
        "events": [act["event"] for act in made for _ in act["kinds"]],
        "kinds": [kind for act in made for kind in act["kinds"]],
        "chains": [chain for act in made for chain in act["chains"]],
        "bodies": [body for act in made for body in act["bodies"]],
        "person_name": actor.name,
        "person_salts": [act["person_salt"] for act in made for _ in act["kinds"]],
    }
