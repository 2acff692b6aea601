"""The trail, written over a blocking connection: imports and seeding run without an event loop."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
import rfc8785

from guildhall.core.actor import Actor, Kind
from guildhall.core.ids import new_id
from guildhall.domain.audit.trail import Action, Target, _body, _chains


def append(
    connection: psycopg.Connection[Any],
    actor: Actor,
    *,
    action: Action,
    target: Target,
    partner_id: UUID | None = None,
    tenant_id: UUID | None = None,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
    event: UUID | None = None,
) -> UUID:
    """Append one event as `audit.trail.record` does, over psycopg; return the event's id.

    Call it last in a transaction: it locks the heads of the chains until the commit.
    """
    event, salt = event or new_id(), secrets.token_hex(16)
    chains = _chains(actor, action, partner_id, tenant_id)
    body = _body(actor, action, target, tenant_id, changes or {}, reason, salt)
    hidden = {key: value for key, value in body.items() if key not in {"ip", "user_agent"}}
    bodies = [
        rfc8785.dumps(hidden if kind == "tenant" and actor.kind is not Kind.CUSTOMER_USER else body).decode()
        for kind, _ in chains
    ]
    connection.execute(
        "SELECT portal.audit_append(%s, %s, %s, %s, %s, %s)",
        [event, [kind for kind, _ in chains], [chain for _, chain in chains], bodies, actor.name, salt],
    )
    return event
