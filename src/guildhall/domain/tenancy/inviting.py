"""The first approver of a tenant from the command line: a one-time link, by whoever owns the database (BOUNDARY §2)."""

from datetime import datetime

from sqlalchemy import select

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.people.invites import invite_customer
from guildhall.domain.people.tables import customer_membership as membership
from guildhall.domain.people.tables import customer_user as person
from guildhall.domain.tenancy.tables import tenant

CLI = Actor(
    kind=Kind.SYSTEM,
    surface=Surface.CLI,
    role=DbRole.STAFF,
    name="cli",
    permissions=frozenset({"staff.people.manage"}),
)


async def invite_by_slug(actor: Actor, *, slug: str, email: str, name: str, role: str, now: datetime) -> str:
    """Return the token of a one-time link for a new member of the tenant called `slug`, as staff make it.

    Raises Invalid by field, also for an unknown tenant, and Conflict where the person is a member already.
    """
    async with db.joining(actor) as connection:
        tenant_id = await connection.scalar(select(tenant.c.id).where(tenant.c.slug == slug))
        if tenant_id is None:
            raise Invalid(errors={"tenant": "There is no such customer"})
        known = select(membership.c.user_id).join(person, person.c.id == membership.c.user_id)
        belongs = known.where(membership.c.tenant_id == tenant_id, person.c.email == email.strip().lower())
        if (await connection.execute(belongs)).first() is not None:
            raise Conflict("This person is a member already; staff can send a new link")
        return await invite_customer(actor, tenant_id=tenant_id, email=email, name=name, role=role, now=now)
