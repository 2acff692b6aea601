"""First people of tenants get a one-time link from whoever owns the database: by import or command (BOUNDARY §2)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.core import crypto
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import new_id
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.people.invites import DAYS, check
from guildhall.domain.tenancy.importing_writes import Connection, Invite

CLI = Actor(kind=Kind.SYSTEM, surface=Surface.CLI, role=DbRole.STAFF, name="cli")

_PERSON = (
    "INSERT INTO tenancy.customer_user (id, email, name, language, timezone) VALUES (%s, %s, %s, 'en', 'UTC')"
    " ON CONFLICT (email) DO NOTHING"
)
_MEMBERSHIP = (
    "INSERT INTO tenancy.customer_membership (user_id, tenant_id, role, status, invited_name)"
    " VALUES (%s, %s, %s, 'active', %s)"
    " ON CONFLICT (user_id, tenant_id) DO NOTHING RETURNING user_id"
)
_INVITE = (
    "INSERT INTO tenancy.customer_one_time (id, tenant_id, user_id, token_hash, created_by, expires_at)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)


class Newcomer(Struct, frozen=True):
    """Somebody who was made a member of a tenant and has no link yet."""

    user_id: UUID
    email: str
    tenant_id: UUID


def invite_newcomers(
    connection: Connection, newcomers: Iterable[Newcomer], *, by: str, now: datetime
) -> tuple[Invite, ...]:
    """Write a one-time link for each of `newcomers`; return the links, whose tokens are kept only as hashes."""
    until = now + timedelta(days=DAYS)
    made = [(one.user_id, Invite(one.email, one.tenant_id, crypto.new_token(), until)) for one in newcomers]
    with connection.cursor() as cursor:
        cursor.executemany(
            _INVITE,
            [
                (new_id(), one.tenant_id, user_id, crypto.token_hash(one.token), by, one.expires_at)
                for user_id, one in made
            ],
        )
    return tuple(one for _, one in made)


def invite_by_slug(url: str, *, prefix: str, slug: str, email: str, name: str, role: str, now: datetime) -> Invite:
    """Make a person a member of the tenant called `slug` and return the one-time link; both trails name the act.

    `url` is an address that may become the owner. Raises Invalid by field, also for an unknown tenant, and Conflict
    where the person is a member already: then nothing is written, and a link that waits for them stays good.
    """
    address, called = email.strip().lower(), name.strip()
    check(address, called, role)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{prefix}owner")))
        tenant = connection.execute("SELECT id FROM tenancy.tenant WHERE slug = %s", [slug]).fetchone()
        if tenant is None:
            raise Invalid(errors={"tenant": "There is no such customer"})
        newcomer = Newcomer(_person(connection, address, called), address, tenant[0])
        # The answer to this one statement decides, so that of two commands at once only one invites.
        if connection.execute(_MEMBERSHIP, (newcomer.user_id, newcomer.tenant_id, role, called)).fetchone() is None:
            raise Conflict("This person is a member already; staff can send a new link")
        (invite,) = invite_newcomers(connection, [newcomer], by=CLI.name, now=now)
        append(
            connection,
            CLI,
            action=Action.PERSON_INVITED,
            target=Target("customer_user", newcomer.user_id),
            tenant_id=newcomer.tenant_id,
            changes={"role": role},
        )
    return invite


def _person(connection: Connection, address: str, name: str) -> UUID:
    """Return the person with this address, made where there is none; the name of a known one stays."""
    connection.execute(_PERSON, (uuid4(), address, name))
    found = "SELECT id, status FROM tenancy.customer_user WHERE email = %s"
    user_id, status = connection.execute(found, [address]).fetchall()[0]
    if status != "active":
        raise Invalid(errors={"email": "This person is deactivated; reactivate first"})
    person: UUID = user_id
    return person
