"""Writing the trail over a blocking connection: for imports, seeding and the command line, which have no event loop."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from guildhall.core.actor import Actor
from guildhall.domain.audit.trail import Action, Target, event_of

_APPEND = """
    SELECT portal.audit_append(%(event)s, %(kinds)s::text[], %(chains)s::uuid[], %(bodies)s::text[],
                               %(person_name)s, %(person_salt)s)
"""


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
    """Append one event as `trail.record` does, with the id `event` if given; return its id.

    Call it last in a transaction: it locks the heads of the chains until the commit.
    """
    values = event_of(
        actor,
        action=action,
        target=target,
        partner_id=partner_id,
        tenant_id=tenant_id,
        changes=changes or {},
        reason=reason,
        event=event,
    )
    connection.execute(_APPEND, values)
    made: UUID = values["event"]
    return made
