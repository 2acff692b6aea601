"""Approving an application: it makes the partner, and its first principal gets a one-time link (PRODUCT §4)."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.freshness import require_fresh
from guildhall.core.ids import new_id
from guildhall.core.text import storable
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.mail.outbox import post
from guildhall.domain.partners import application_letters as letters
from guildhall.domain.partners import limits, tiers
from guildhall.domain.partners.applications import Application, get, must
from guildhall.domain.partners.reviewing import DECIDE, as_seen, step
from guildhall.domain.partners.tables import COMMERCIAL_MODELS, TYPES, partner
from guildhall.domain.people import one_time
from guildhall.domain.people.tables import partner_user

_LONGEST_NAME = 200
_SLUG = 40
_READER = ("email", "contact_name", "language")
_PLAIN = re.compile(r"[^a-z0-9]+")


class Terms(Struct, frozen=True, kw_only=True):
    """What a new partner gets; a limit of None is none: how many links may stand at once, how many people there be."""

    name: str
    type: str
    tier: str
    commercial_model: str
    customer_limit: int | None = None
    people_limit: int | None = None


async def approve(actor: Actor, *, application_id: UUID, terms: Terms, seen: datetime | None, now: datetime) -> UUID:
    """Approve an application: make the partner with its first principal and post the one-time link; return its id.

    `seen` is the `state_since` of the application as it was shown. Needs a fresh second factor. Raises Invalid by
    field, Conflict where it is decided, has changed since it was seen, or the address has an account.
    """
    must(actor, DECIDE)
    async with db.transaction(actor) as connection:
        await _check(connection, actor, terms)
        require_fresh(actor, now=now)
        found = await as_seen(connection, actor, application_id=application_id, to="approved", seen=seen)
        partner_id, principal_id = new_id(), new_id()
        try:
            await _make_partner(connection, partner_id, found, terms)
            await _make_principal(connection, principal_id, partner_id, found)
        except IntegrityError as taken:
            raise _taken(taken) from None
        await step(
            connection,
            actor,
            application_id=application_id,
            to="approved",
            partner_id=partner_id,
            principal_id=principal_id,
            decided_at=func.now(),
            decided_by=actor.name,
        )
        to = {"principal_id": principal_id, **{name: getattr(found, name) for name in _READER}}
        await _welcome(connection, actor, to, organisation=terms.name.strip(), now=now)
        await record(
            connection,
            actor,
            action=Action.APPLICATION_APPROVED,
            target=Target("application", application_id),
            partner_id=partner_id,
            changes={name: value for name, value in _values(terms).items() if name != "name" and value is not None},
        )
    return partner_id


def _values(terms: Terms) -> dict[str, Any]:
    values = {name: getattr(terms, name) for name in Terms.__struct_fields__}
    return values | {"name": " ".join(terms.name.split())}


async def _check(connection: AsyncConnection, actor: Actor, terms: Terms) -> None:
    """Raise Invalid by field."""
    errors = {}
    if not terms.name.strip() or len(terms.name) > _LONGEST_NAME or not storable(terms.name):
        errors["name"] = "Fill this in"
    if terms.type not in TYPES:
        errors["type"] = "Choose one of the list"
    if terms.tier not in {tier.code for tier in await tiers.listed(connection, actor) if tier.closed_at is None}:
        errors["tier"] = "Choose one of the list"
    if terms.commercial_model not in COMMERCIAL_MODELS:
        errors["commercial_model"] = "Choose one of the list"
    errors |= limits.errors(customer_limit=terms.customer_limit, people_limit=terms.people_limit)
    if errors:
        raise Invalid(errors=errors)


async def _make_partner(connection: AsyncConnection, partner_id: UUID, found: Application, terms: Terms) -> None:
    """Write the partner."""
    slug = await _free_slug(connection, terms.name)
    await connection.execute(
        insert(partner).values(
            id=partner_id, slug=slug, country=found.country, website=found.website, status="active", **_values(terms)
        )
    )


async def _make_principal(connection: AsyncConnection, user_id: UUID, partner_id: UUID, found: Application) -> None:
    """Write the first person: the contact of the application."""
    await connection.execute(
        insert(partner_user).values(
            id=user_id,
            email=found.email,
            name=found.contact_name,
            language=found.language,
            partner_id=partner_id,
            roles=["principal"],
        )
    )


def _taken(error: IntegrityError) -> Conflict:
    """Return why the partner could not be made."""
    if "uq_partner_user_email" in str(error.orig):
        return Conflict("The applicant's address has an account at a partner already; decline, or ask for another one")
    return Conflict("Somebody made a partner of this name just now; try again")


def slug_of(name: str) -> str:
    """Return a name as it stands in addresses: lower case, letters and digits, hyphens between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _PLAIN.sub("-", plain)[:_SLUG].strip("-") or "partner"


async def _free_slug(connection: AsyncConnection, name: str) -> str:
    """Return a slug that no partner has yet."""
    base = slug_of(name)
    chosen = select(partner.c.slug).where(partner.c.slug.startswith(base, autoescape=True))
    taken = set((await connection.execute(chosen)).scalars())
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(slug for slug in numbered if slug not in taken)


async def _welcome(
    connection: AsyncConnection, actor: Actor, to: Mapping[str, Any], *, organisation: str, now: datetime
) -> None:
    """Issue the principal's one-time link and post the letter that carries it."""
    token = await one_time.issue(
        connection, actor, surface=Surface.CONSOLE, user_id=to["principal_id"], purpose="first", now=now
    )
    letter = letters.welcome(
        to=to["email"], name=to["contact_name"], language=to["language"], organisation=organisation, token=token
    )
    await post(connection, letter)


async def resend(actor: Actor, *, application_id: UUID, now: datetime) -> str:
    """Send the first principal a new one-time link, while nobody of the partner has signed in; return the address.

    The older link dies. Needs a fresh second factor. Raises Conflict once somebody has signed in, or where nothing was
    approved.
    """
    must(actor, DECIDE)
    require_fresh(actor, now=now)
    async with db.transaction(actor) as connection:
        found = await get(connection, actor, application_id)
        if not await waits_for_sign_in(connection, found):
            raise Conflict("Somebody of this partner has signed in already")
        name = await connection.scalar(select(partner.c.name).where(partner.c.id == found.partner_id))
        person = select(partner_user.c.email, partner_user.c.name, partner_user.c.language)
        who = (await connection.execute(person.where(partner_user.c.id == found.principal_id))).one()
        to = {
            "principal_id": found.principal_id,
            "email": who.email,
            "contact_name": who.name,
            "language": who.language,
        }
        await _welcome(connection, actor, to, organisation=name or "", now=now)
        await record(
            connection,
            actor,
            action=Action.PERSON_INVITED,
            target=Target("partner_user", found.principal_id or ""),
            partner_id=found.partner_id,
        )
    return str(who.email)


async def waits_for_sign_in(connection: AsyncConnection, found: Application) -> bool:
    """Return whether the application was approved and nobody of the partner has been seen since."""
    if found.status != "approved" or found.principal_id is None:
        return False
    seen = select(func.count()).where(
        partner_user.c.partner_id == found.partner_id, partner_user.c.last_active_at.is_not(None)
    )
    return not await connection.scalar(seen)
