"""A legal erasure: the name of one person leaves the trail, the acts stay, and every chain still verifies."""

from uuid import UUID

import psycopg
from psycopg import sql

from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target


def erase_name(url: str, *, owner: str, person_id: UUID, reason: str, by: str) -> int:
    """Blank the name of a person in every entry, and note it in the vendor's chain; return how many entries had it.

    `url` is the migrating log-in's, `owner` the owner's role; no surface can do this. `by` is the operator's name.
    Raises Invalid without a reason, NotFound where no entry holds a name of this person; nothing is written then.
    """
    if not reason.strip():
        raise Invalid(errors={"reason": "Say why"})
    actor = Actor(kind=Kind.SYSTEM, surface=Surface.CLI, role=DbRole.WORKER, name=by)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
        row = connection.execute("SELECT portal.audit_erase(%s)", [person_id]).fetchone()
        erased = int(row[0]) if row else 0
        if not erased:
            raise NotFound("No entry of the trail holds a name of this person")
        target = Target("person", person_id)
        append(connection, actor, action=Action.NAME_ERASED, target=target, changes={"entries": erased}, reason=reason)
    return erased
