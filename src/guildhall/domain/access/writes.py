"""The writes that every step of a link goes through: conditional, with the database's rules as sentences."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, RowMapping, func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, PreconditionFailed
from guildhall.domain.access.links import Link, get, overdue, side
from guildhall.domain.access.states import STANDING, sources
from guildhall.domain.access.tables import link_change
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.audit.trail import Action, Target, record


async def expire_if_overdue(actor: Actor, link_id: UUID) -> None:
    """Store the expiry of a link that has passed its end, in a transaction of its own (BOUNDARY §2)."""
    async with db.transaction(actor) as connection:
        row = (
            await connection.execute(
                update(link)
                .where(link.c.id == link_id, overdue)
                .values(status="expired", paused_by=None, version=link.c.version + 1, updated_at=func.now())
                .returning(link.c.id, link.c.partner_id, link.c.tenant_id)
            )
        ).first()
        if row is not None:
            await record(
                connection,
                actor,
                action=Action.LINK_EXPIRED,
                target=Target("link", row.id),
                partner_id=row.partner_id,
                tenant_id=row.tenant_id,
            )


async def step(
    connection: AsyncConnection,
    actor: Actor,
    *,
    link_id: UUID,
    to: str,
    values: Mapping[str, Any] | None = None,
    only_if: ColumnElement[bool] | None = None,
) -> RowMapping:
    """Bring a link to state `to` if the actor's side may from where it stands; return the row written.

    Raises NotFound for a link that is not the actor's, Conflict where its state no longer allows the step.
    """
    condition = [link.c.id == link_id, link.c.status.in_(sources(to, side(actor)))]
    if only_if is not None:
        condition.append(only_if)
    statement = (
        update(link)
        .where(*condition)
        .values(
            status=to,
            version=link.c.version + 1,
            updated_by=actor.name,
            updated_at=func.now(),
            **{"paused_by": None, **(values or {})},
        )
        .returning(link)
    )
    row = (await guarded(connection, statement)).mappings().first()
    if row is None:
        current = await get(connection, actor, link_id)
        raise Conflict(
            "The link is %(link_state)s and cannot become %(link_target)s",
            values={"link_state": current.shown_status, "link_target": to},
        )
    return row


async def guarded(connection: AsyncConnection, statement: ReturningUpdate[Any]) -> CursorResult[Any]:
    """Run a write on a link; a rule that the database keeps becomes a sentence."""
    try:
        result: CursorResult[Any] = await connection.execute(statement)
    except IntegrityError as error:
        raise broken_rule(error) from None
    return result


_RULES = {
    "uq_link_standing": "A link between this partner and this tenant stands already",
    "uq_link_open": "A request for this domain is waiting already",
    "uq_link_full_control": "Another partner already has full control of this tenant",
    "uq_link_change_open": "An offer on this link is waiting already",
    "longest_term": "Full control needs an end within two years",
    "ck_partner_tenant_link_dates": "The end lies before the start",
    "ck_partner_tenant_link_home": "A partner's home tenant cannot be linked to it",
    "only the side that paused": "Only the side that paused the link resumes it",
    "only the tenant widens": "Only the tenant widens a link",
    "as it was made": "A counter-offer is accepted as it was made",
    "the link has expired": "The link has expired",
    "as many customers as": "The partner has as many customers as the vendor allowed it",
}


def broken_rule(error: IntegrityError) -> Conflict:
    """Return the sentence for a rule that the database refused to break."""
    text = str(error.orig)
    return Conflict(next((said for rule, said in _RULES.items() if rule in text), "A rule of links forbids this"))


async def standing_link(connection: AsyncConnection, actor: Actor, link_id: UUID, if_version: int | None) -> Link:
    """Return a link that stands, to be changed as it is.

    Raises NotFound for one that is not the actor's, PreconditionFailed where `if_version` is given and not the link's
    version, Conflict for a link that does not stand.
    """
    current = await get(connection, actor, link_id)
    if if_version not in {None, current.version}:
        raise PreconditionFailed
    if current.status not in STANDING:
        raise Conflict("The link is %(link_state)s; ask for a new one", values={"link_state": current.shown_status})
    return current


async def write_terms(connection: AsyncConnection, actor: Actor, current: Link, columns: dict[str, Any]) -> None:
    """Write new terms, unless somebody else changed the link meanwhile."""
    written = await connection.execute(
        update(link)
        .where(link.c.id == current.id, link.c.version == current.version)
        .values(**columns, version=link.c.version + 1, updated_by=actor.name, updated_at=func.now())
        .returning(link.c.id)
    )
    if written.first() is None:
        raise Conflict("Somebody changed this link meanwhile; look at it again")


async def close_offers(connection: AsyncConnection, actor: Actor, link_id: UUID, status: str) -> None:
    """Close whatever is offered on a link."""
    await connection.execute(
        update(link_change)
        .where(link_change.c.link_id == link_id, link_change.c.status == "open")
        .values(status=status, decided_by=actor.name, decided_at=func.now())
    )


async def note_step(connection: AsyncConnection, actor: Actor, row: Any, action: Action, *, reason: str = "") -> None:
    """Write a step of a link into both sides' trails."""
    await record(
        connection,
        actor,
        action=action,
        target=Target("link", row["id"]),
        partner_id=row["partner_id"],
        tenant_id=row["tenant_id"],
        changes={"status": row["status"]},
        reason=reason,
        tenant_hidden=row["tenant_name"] is None,
    )


async def note_terms(
    connection: AsyncConnection,
    actor: Actor,
    current: Link,
    action: Action,
    columns: dict[str, Any],
    reason: str,
) -> None:
    """Write an act on a link's terms into both sides' trails."""
    changes: dict[str, Any] = {
        name: [getattr(current, name), columns[name]]
        for name in ("access_role", "permissions", "operating_model")
        if name in columns and getattr(current, name) != columns[name]
    }
    if "ends_at" in columns and columns["ends_at"] != current.ends_at:
        changes["ends_at"] = [str(current.ends_at), str(columns["ends_at"])]
    await record(
        connection,
        actor,
        action=action,
        target=Target("link", current.id),
        partner_id=current.partner_id,
        tenant_id=current.tenant_id,
        changes=changes,
        reason=reason,
    )
