"""People of the vendor, made at the command line by whoever owns the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from guildhall.core import crypto
from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.errors import Conflict, Invalid
from guildhall.core.ids import new_id
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.people.one_time import LIFE
from guildhall.domain.rbac.registry import STAFF_ROLES

_ADD = (
    "INSERT INTO portal.staff_user (id, email, name, roles) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (email) DO NOTHING RETURNING id"
)
_LINK = (
    "INSERT INTO portal.staff_one_time (id, user_id, purpose, token_hash, created_by, expires_at)"
    " VALUES (%s, %s, 'join', %s, %s, %s)"
)


class Invited(Struct, frozen=True, kw_only=True):
    """The one-time link of a new member of staff: shown once and kept only as a hash."""

    token: str
    expires_at: datetime


class StaffPerson(Struct, frozen=True, kw_only=True):
    """A member of staff as the command line lists them."""

    email: str
    name: str
    roles: list[str]
    status: str


def create_staff(url: str, *, prefix: str, email: str, name: str, roles: Sequence[str], now: datetime) -> Invited:
    """Make a member of staff and return a one-time link, valid for 7 days, that sets password and second factor.

    `url` is an address that may become the owner. Raises Invalid by field, Conflict for a known address.
    """
    address, called = email.strip().lower(), name.strip()
    _check(address, called, roles)
    new, held = new_id(), list(dict.fromkeys(roles))
    made = Invited(token=crypto.new_token(), expires_at=now + LIFE["join"])
    actor = Actor(kind=Kind.SYSTEM, surface=Surface.CLI, role=DbRole.STAFF, name="cli")
    with _owner(url, prefix) as connection:
        if connection.execute(_ADD, (new, address, called, held)).fetchone() is None:
            raise Conflict("Somebody with this address is staff already")
        link = (new_id(), new, crypto.token_hash(made.token), actor.name, made.expires_at)
        connection.execute(_LINK, link)
        target = Target("staff_user", new)
        append(connection, actor, action=Action.STAFF_CREATED, target=target, changes={"roles": held})
    return made


def list_staff(url: str, *, prefix: str) -> list[StaffPerson]:
    """Return every member of staff, by name."""
    with _owner(url, prefix) as connection:
        rows = connection.execute("SELECT email, name, roles, status FROM portal.staff_user ORDER BY lower(name), id")
        return [StaffPerson(email=row[0], name=row[1], roles=row[2], status=row[3]) for row in rows]


def _owner(url: str, prefix: str) -> psycopg.Connection[Any]:
    """Return a connection whose one transaction runs as the owner; leaving its block commits."""
    connection = psycopg.connect(url)
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"{prefix}owner")))
    return connection


def _check(address: str, name: str, roles: Sequence[str]) -> None:
    """Raise Invalid by field for what cannot be a member of staff."""
    errors = {}
    if "@" not in address[1:] or "\x00" in address:
        errors["email"] = "This is not an e-mail address"
    if not name or "\x00" in name:
        errors["name"] = "Fill this in"
    if not roles or set(roles) - set(STAFF_ROLES):
        errors["roles"] = "Choose one of the list"
    if errors:
        raise Invalid(errors=errors)
