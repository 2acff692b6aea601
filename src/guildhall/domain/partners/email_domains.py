"""The allow-list of the policy of addresses: domains that pass although a list calls them public or disposable."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.core.text import storable
from guildhall.domain.audit.trail import Action, Target, record
from guildhall.domain.partners import email_policy
from guildhall.domain.partners.application_tables import email_domain_allowed as table
from guildhall.domain.partners.applications import must
from guildhall.domain.partners.reviewing import DECIDE

_LONGEST_REASON = 500


class Allowed(Struct, frozen=True, kw_only=True):
    """One domain that passes."""

    domain: str
    reason: str
    added_by: str
    created_at: datetime


async def listed(connection: AsyncConnection, actor: Actor, *, search: str = "") -> list[Allowed]:
    """Return the domains that pass, by name."""
    must(actor, "staff.applications.read")
    columns = [table.c[name] for name in Allowed.__struct_fields__]
    chosen = select(*columns).order_by(table.c.domain).limit(500)
    if search:
        chosen = chosen.where(table.c.domain.icontains(search, autoescape=True))
    return [Allowed(**row) for row in (await connection.execute(chosen)).mappings()]


async def get(connection: AsyncConnection, actor: Actor, domain: str) -> Allowed:
    """Return one domain; raises NotFound where it is not on the list."""
    must(actor, "staff.applications.read")
    columns = [table.c[name] for name in Allowed.__struct_fields__]
    row = (await connection.execute(select(*columns).where(table.c.domain == domain))).mappings().first()
    if row is None:
        raise NotFound
    return Allowed(**row)


async def add(actor: Actor, *, domain: str, reason: str) -> str:
    """Let a domain pass, its subdomains too; return it as it is kept. Raises Invalid by field."""
    must(actor, DECIDE)
    name, errors = _domain(domain), {}
    if not name:
        errors["domain"] = "This is not a domain. Write it as company.example."
    elif not email_policy.kind_of(name):
        errors["domain"] = "No list has anything against this domain: it passes already"
    if not reason.strip() or len(reason) > _LONGEST_REASON or not storable(reason):
        errors["reason"] = "Say why, in at most 500 characters"
    if errors:
        raise Invalid(errors=errors)
    async with db.transaction(actor) as connection:
        try:
            await connection.execute(insert(table).values(domain=name, reason=reason.strip(), added_by=actor.name))
        except IntegrityError:
            raise Invalid(errors={"domain": "This domain passes already"}) from None
        target = Target("email_domain", name)
        await record(connection, actor, action=Action.EMAIL_DOMAIN_ALLOWED, target=target, reason=reason.strip())
    return name


def _domain(typed: str) -> str:
    """Return a domain as addresses have it, or nothing."""
    try:
        return email_policy.parse(f"somebody@{typed.strip().removeprefix('@')}").domain
    except Invalid:
        return ""


async def remove(actor: Actor, *, domain: str) -> None:
    """Take a domain off the allow-list; raises NotFound where it is not on it."""
    must(actor, DECIDE)
    async with db.transaction(actor) as connection:
        done = await connection.execute(delete(table).where(table.c.domain == domain).returning(table.c.domain))
        if done.first() is None:
            raise NotFound
        target = Target("email_domain", domain)
        await record(connection, actor, action=Action.EMAIL_DOMAIN_REMOVED, target=target)
