"""Inviting a customer's first people: a one-time link, made by staff or at the command line (BOUNDARY §2)."""

from datetime import datetime
from uuid import UUID, uuid4

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, Surface
from guildhall.core.errors import Forbidden, Invalid
from guildhall.core.freshness import require_fresh
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.people import one_time
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person
from guildhall.domain.rbac.registry import CUSTOMER_ROLES

DAYS = one_time.LIFE["join"].days
LONGEST_NAME, LONGEST_EMAIL = 120, 254


async def invite_customer(actor: Actor, *, tenant_id: UUID, email: str, name: str, role: str, now: datetime) -> str:
    """Return the token of a one-time link, valid for 7 days, for a person of a tenant; an older one dies.

    The person is made where the address is new. Needs a fresh second factor. Raises Invalid by field; the tenant's
    trail names the act.
    """
    if not actor.may("staff.people.manage"):
        raise Forbidden
    require_fresh(actor, now=now)
    address, called = email.strip().lower(), name.strip()
    check(address, called, role)
    async with db.transaction(actor) as connection:
        user_id = await _person(connection, address, called)
        await _belongs(connection, user_id, tenant_id, role, called)
        token = await one_time.issue(
            connection,
            actor,
            surface=Surface.CUSTOMER,
            user_id=user_id,
            purpose="join",
            now=now,
            tenant_id=tenant_id,
        )
        await record(
            connection,
            actor,
            action=Action.PERSON_INVITED,
            target=Target("customer_user", user_id),
            tenant_id=tenant_id,
            changes={"role": role},
        )
    return token


def check(address: str, name: str, role: str) -> None:
    """Raise Invalid by field for what cannot be a person of a tenant."""
    errors = person_errors(address, name)
    if role not in CUSTOMER_ROLES:
        errors["role"] = "Choose one of the list"
    if errors:
        raise Invalid(errors=errors)


def person_errors(address: str, name: str) -> dict[str, str]:
    """Return what is wrong with an address and a name, by field."""
    errors = {}
    if not _is_address(address):
        errors["email"] = "This is not an e-mail address"
    if not 1 <= len(name) <= LONGEST_NAME or "\x00" in name:
        errors["name"] = f"Use 1 to {LONGEST_NAME} characters"
    return errors


def _is_address(text: str) -> bool:
    """Return whether a letter can go to `text`; domains of an organisation's own network pass."""
    if len(text) > LONGEST_EMAIL or not text.isascii() or "." not in text.rpartition("@")[2]:
        return False
    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


async def _person(connection: AsyncConnection, address: str, name: str) -> UUID:
    """Return the person with this address, made where there is none; the name of a known one stays."""
    statement = upsert(person).values(id=uuid4(), email=address, name=name, language="en", timezone="UTC")
    await connection.execute(statement.on_conflict_do_nothing(index_elements=[person.c.email]))
    row = (await connection.execute(select(person.c.id, person.c.status).where(person.c.email == address))).one()
    if row.status != "active":
        raise Invalid(errors={"email": "This person is deactivated; reactivate first"})
    user_id: UUID = row.id
    return user_id


async def _belongs(connection: AsyncConnection, user_id: UUID, tenant_id: UUID, role: str, name: str) -> None:
    """Make the person a member of the tenant in this role, called `name` there until that person comes."""
    values = {"role": role, "status": "active", "invited_name": name}
    made = upsert(membership).values(user_id=user_id, tenant_id=tenant_id, **values)
    try:
        await connection.execute(made.on_conflict_do_update(index_elements=["user_id", "tenant_id"], set_=values))
    except IntegrityError:
        raise Invalid(errors={"tenant_id": "There is no such customer"}) from None
