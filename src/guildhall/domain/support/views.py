"""Saved views: what one person calls some filters of the tickets, and which of them comes first (PRODUCT §8).

They are a person's own settings, like language and zone: nobody else sees them, and the trail says nothing of them.
"""

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.core.ids import new_id
from guildhall.core.text import storable
from guildhall.domain.support.tickets import leave
from guildhall.domain.support.view_tables import ticket_view

FIELDS = ("view", "q", "status", "priority", "category", "to", "clock", "since", "until", "sort")
LONGEST_NAME = 60
LONGEST_VALUE = 200
MOST = 20


class View(Struct, frozen=True, kw_only=True):
    """One saved view; `filters` are the names and values of the list's address."""

    id: UUID
    name: str
    filters: dict[str, str]
    is_default: bool


async def listed(connection: AsyncConnection, actor: Actor) -> list[View]:
    """Return the person's own views, by name."""
    leave(actor, "list")
    columns = [ticket_view.c[name] for name in View.__struct_fields__]
    own = select(*columns).where(ticket_view.c.user_id == actor.user_id)
    rows = await connection.execute(own.order_by(func.lower(ticket_view.c.name)))
    return [View(**row) for row in rows.mappings()]


async def get(connection: AsyncConnection, actor: Actor, *, view_id: UUID) -> View:
    """Return one of the person's own views; raises NotFound for any other."""
    found = [view for view in await listed(connection, actor) if view.id == view_id]
    if not found:
        raise NotFound
    return found[0]


async def save(actor: Actor, *, name: str, filters: Mapping[str, str], is_default: bool) -> UUID:
    """Save filters under a name, in the place of an own view of that name; raises Invalid by field.

    Names and values that are no filter of the list are left out.
    """
    leave(actor, "list")
    called, kept = _name(name), _filters(filters)
    async with db.transaction(actor) as connection:
        own = await listed(connection, actor)
        same = next((view for view in own if view.name.lower() == called.lower()), None)
        if same is None and len(own) >= MOST:
            raise Invalid(errors={"name": "Keep at most 20 views; remove one first"})
        view_id = same.id if same else new_id()
        if is_default:
            await _no_default(connection, actor)
        values = {"filters": kept, "is_default": is_default}
        if same:
            await connection.execute(update(ticket_view).where(ticket_view.c.id == view_id).values(**values))
            return view_id
        made = insert(ticket_view).values(id=view_id, user_id=actor.user_id, name=called, **values)
        try:
            await connection.execute(made)
        except IntegrityError:
            raise Invalid(errors={"name": "There is a view of this name already"}) from None
    return view_id


async def make_default(actor: Actor, *, view_id: UUID | None) -> None:
    """Let a view come first when the tickets are opened, or none; raises NotFound for one that is not the person's."""
    leave(actor, "list")
    async with db.transaction(actor) as connection:
        await _no_default(connection, actor)
        if view_id is not None:
            await get(connection, actor, view_id=view_id)
            await connection.execute(update(ticket_view).where(ticket_view.c.id == view_id).values(is_default=True))


async def remove(actor: Actor, *, view_id: UUID) -> str:
    """Remove a view, and return its name; raises NotFound for one that is not the person's."""
    leave(actor, "list")
    async with db.transaction(actor) as connection:
        view = await get(connection, actor, view_id=view_id)
        await connection.execute(delete(ticket_view).where(ticket_view.c.id == view_id))
    return view.name


async def _no_default(connection: AsyncConnection, actor: Actor) -> None:
    first = update(ticket_view).where(ticket_view.c.user_id == actor.user_id, ticket_view.c.is_default)
    await connection.execute(first.values(is_default=False))


def _name(text: str) -> str:
    """Return the name as it is kept; raises Invalid beside the field."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or not storable(name):
        raise Invalid(errors={"name": "Use 1 to 60 characters"})
    return name


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    """Return what of an address a view keeps."""
    kept = {name: given[name] for name in FIELDS if given.get(name)}
    if any(len(value) > LONGEST_VALUE or not storable(value) for value in kept.values()):
        raise Invalid("These filters cannot be kept")
    return kept
