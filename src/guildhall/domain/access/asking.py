"""What a partner does with links: ask, accept a counter-offer, ask for more, give some back, pause, end."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import LargeBinary, Uuid

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import new_id
from guildhall.domain.access import links
from guildhall.domain.access.links import Link, must
from guildhall.domain.access.states import OPEN, STANDING
from guildhall.domain.access.tables import link_change
from guildhall.domain.access.tables import partner_tenant_link as link
from guildhall.domain.access.terms import Terms, exact, is_wider
from guildhall.domain.access.writes import (
    broken_rule,
    close_offers,
    expire_if_overdue,
    note_step,
    note_terms,
    standing_link,
    step,
    write_terms,
)
from guildhall.domain.audit.trail import Action, Target, record

_LONGEST_DOMAIN = 253
_REQUEST = text("SELECT link_id FROM portal.request_link(:id, :domain, :approver, :code, :wish)").bindparams(
    bindparam("id", type_=Uuid), bindparam("code", type_=LargeBinary), bindparam("wish", type_=JSONB)
)


class Request(Struct, frozen=True, kw_only=True):
    """A request that is stored and not in the trail yet; `known` where the partner knows whom it asked."""

    link_id: UUID
    tenant_id: UUID | None
    known: bool
    domain: str
    terms: Terms


async def request_by_domain(actor: Actor, *, domain: str, approver: str, terms: Terms, now: datetime) -> None:
    """Ask the tenant with this domain, through one of its approvers. The answer never tells whether it exists.

    Raises Invalid for malformed values and Conflict where the partner itself holds or awaits such a link.
    """
    async with db.transaction(actor) as connection:
        made = await by_domain(connection, actor, domain=domain, approver=approver, terms=terms, now=now)
        await note(connection, actor, made)


async def by_domain(
    connection: AsyncConnection, actor: Actor, *, domain: str, approver: str, terms: Terms, now: datetime
) -> Request | None:
    """Store what `request_by_domain` asks, for the caller to `note` last; None where another one came first."""
    must(actor, "partner.links.request")
    name, address = domain.strip().lower().rstrip("."), approver.strip().lower()
    _well_formed(name, address)
    columns = exact(terms, now=now)
    await _not_twice(connection, name)
    return await _ask(connection, actor, columns, terms, now=now, domain=name, approver=address)


async def request_by_code(actor: Actor, *, code: str, terms: Terms, now: datetime) -> Link:
    """Ask the tenant that shows this code; the partner learns its name.

    Raises Invalid for an unknown code, and for a tenant beyond the limits of whoever asks.
    """
    async with db.transaction(actor) as connection:
        made = await by_code(connection, actor, code=code, terms=terms, now=now)
        await note(connection, actor, made)
        return await links.get(connection, actor, made.link_id)


async def by_code(connection: AsyncConnection, actor: Actor, *, code: str, terms: Terms, now: datetime) -> Request:
    """Store what `request_by_code` asks, for the caller to `note` last."""
    must(actor, "partner.links.request")
    columns = exact(terms, now=now)
    made = await _ask(connection, actor, columns, terms, now=now, code=crypto.token_hash(tidy(code)))
    if made is None:
        raise Invalid(errors={"code": "This code is not valid. Ask the customer for a new one."})
    return made


def tidy(code: str) -> str:
    """Return a typed code as it was made: capitals, no spaces or dashes."""
    return code.upper().replace("-", "").replace(" ", "")


def _well_formed(domain: str, address: str) -> None:
    """Raise Invalid where domain or address cannot be one."""
    errors = {}
    if (
        not 0 < len(domain) <= _LONGEST_DOMAIN
        or "." not in domain
        or not domain.replace(".", "").replace("-", "").isalnum()
    ):
        errors["domain"] = "Write the customer's domain, such as acme.example"
    if len(address) > _LONGEST_DOMAIN or address.count("@") != 1 or not all(address.split("@")) or " " in address:
        errors["approver"] = "Write the e-mail address of somebody who may approve"
    if errors:
        raise Invalid(errors=errors)


async def _not_twice(connection: AsyncConnection, domain: str) -> None:
    """Raise Conflict where the partner already holds or awaits a link that it knows under this domain."""
    standing = await connection.scalar(
        select(func.count()).select_from(link).where(link.c.tenant_domain == domain, link.c.status.in_(STANDING + OPEN))
    )
    if standing:
        raise Conflict("You have a link or an open request for this domain already")


async def _ask(
    connection: AsyncConnection,
    actor: Actor,
    columns: dict[str, Any],
    terms: Terms,
    *,
    now: datetime,
    domain: str = "",
    approver: str = "",
    code: bytes | None = None,
) -> Request | None:
    """Store the request through the database's own function; return it, or None for an unknown code."""
    wish = columns | {
        "relationship_type": terms.relationship_type,
        "reason": terms.reason,
        "by": actor.name,
        "starts_at": max(terms.starts_at or now, now).isoformat(),
        "ends_at": terms.ends_at.isoformat() if terms.ends_at else None,
    }
    new = new_id()
    values = {"id": new, "domain": domain, "approver": approver, "code": code, "wish": wish}
    try:
        asked: UUID | None = await connection.scalar(_REQUEST, values)
    except IntegrityError as error:
        raise broken_rule(error) from None
    if asked is None:
        return None
    row = (await connection.execute(select(link.c.tenant_id, link.c.tenant_name).where(link.c.id == new))).first()
    if row is None:  # named by its code, and beyond the limits of whoever asks; one asked for by domain has no name
        raise Invalid(errors={"code": "You work for some customers only; ask a colleague who sees every customer"})
    known = row.tenant_name is not None
    return Request(link_id=new, tenant_id=row.tenant_id, known=known, domain=domain, terms=terms)


async def note(connection: AsyncConnection, actor: Actor, made: Request | None) -> None:
    """Write a request into both sides' trails; nothing where there is none."""
    if made is None:
        return
    terms = made.terms
    await record(
        connection,
        actor,
        action=Action.LINK_REQUESTED,
        target=Target("link", made.link_id),
        partner_id=actor.partner_id,
        tenant_id=made.tenant_id,
        changes={
            "access_role": terms.access_role,
            "operating_model": terms.operating_model,
            "domain": made.domain,
        },
        reason=terms.reason,
        tenant_hidden=not made.known,
    )


async def withdraw(actor: Actor, *, link_id: UUID) -> None:
    """Take back a request, or turn down a counter-offer."""
    must(actor, "partner.links.request")
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="withdrawn")
        await close_offers(connection, actor, link_id, "declined")
        await note_step(connection, actor, row, Action.LINK_WITHDRAWN)


async def accept(actor: Actor, *, link_id: UUID, now: datetime) -> None:
    """Accept the tenant's counter-offer exactly as it was made."""
    must(actor, "partner.links.request")
    async with db.transaction(actor) as connection:
        current = await links.get(connection, actor, link_id)
        offer = await links.open_offer(connection, link_id, "counter")
        values = {
            "access_role": offer.access_role,
            "custom_permissions": offer.custom_permissions,
            "permissions": offer.permissions,
            "areas": offer.areas,
            "operating_model": offer.operating_model,
            "ends_at": offer.ends_at,
            "starts_at": max(current.starts_at, now),
            "decided_at": now,
        }
        to = "scheduled" if current.starts_at > now else "active"
        row = await step(connection, actor, link_id=link_id, to=to, values=values)
        await close_offers(connection, actor, link_id, "accepted")
        await note_step(connection, actor, row, Action.LINK_ACCEPTED)


async def end(actor: Actor, *, link_id: UUID, reason: str = "") -> None:
    """Give a link back for good."""
    must(actor, "partner.links.end")
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        row = await step(connection, actor, link_id=link_id, to="ended")
        await close_offers(connection, actor, link_id, "withdrawn")
        await note_step(connection, actor, row, Action.LINK_ENDED, reason=reason)


async def ask_change(actor: Actor, *, link_id: UUID, terms: Terms, now: datetime, if_version: int | None = None) -> str:
    """Change the terms of a standing link: `narrowed` at once, or `asked` of the tenant when anything widens.

    While the tenant has not answered, the old set stays in force; no answer is no change. Raises
    PreconditionFailed where `if_version` is given and not the link's version.
    """
    must(actor, "partner.links.request")
    await expire_if_overdue(actor, link_id)
    async with db.transaction(actor) as connection:
        current = await standing_link(connection, actor, link_id, if_version)
        columns = exact(msgspec.structs.replace(terms, starts_at=current.starts_at), now=now)
        if is_wider(columns, msgspec.structs.asdict(current)):
            await _offer(connection, actor, link_id, columns, terms.reason)
            await note_terms(connection, actor, current, Action.LINK_CHANGE_ASKED, columns, terms.reason)
            return "asked"
        await write_terms(connection, actor, current, columns)
        await note_terms(connection, actor, current, Action.LINK_NARROWED, columns, terms.reason)
        return "narrowed"


async def withdraw_change(actor: Actor, *, link_id: UUID) -> None:
    """Take back the wish for more."""
    must(actor, "partner.links.request")
    async with db.transaction(actor) as connection:
        current = await links.get(connection, actor, link_id)
        await links.open_offer(connection, link_id, "change")
        await close_offers(connection, actor, link_id, "withdrawn")
        await note_terms(connection, actor, current, Action.LINK_CHANGE_WITHDRAWN, {}, "")


async def _offer(
    connection: AsyncConnection, actor: Actor, link_id: UUID, columns: dict[str, Any], reason: str
) -> None:
    """Store what is asked of the tenant; raises Conflict while another wish waits."""
    try:
        await connection.execute(
            insert(link_change).values(
                id=new_id(), link_id=link_id, kind="change", reason=reason, proposed_by=actor.name, **columns
            )
        )
    except IntegrityError as error:
        raise broken_rule(error) from None
