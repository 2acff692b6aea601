"""Letters for whoever runs the installation: where there is no SMTP server, the first invitations are read here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from psycopg import sql
from psycopg.rows import class_row, dict_row

from guildhall.core.actor import Actor, DbRole, Kind, Surface
from guildhall.core.errors import Conflict, NotFound
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.mail.handling import live
from guildhall.domain.mail.letters import opened
from guildhall.domain.mail.office import Look
from guildhall.domain.mail.reading import Item
from guildhall.domain.mail.rendering import written
from guildhall.domain.mail.tables import SHOWN

_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, SHOWN))
_NEWEST = sql.SQL("SELECT {} FROM portal.mail ORDER BY created_at DESC, id DESC LIMIT %s").format(_COLUMNS)
_ONE = sql.SQL("SELECT {} FROM portal.mail WHERE id = %s").format(_COLUMNS)
_SEALED = "SELECT sealed FROM portal.mail WHERE id = %s"


def newest(url: str, *, owner: str, most: int) -> list[Item]:
    """Return the newest letters, at most `most`. `url` is the migrating log-in's, `owner` the owner's role."""
    with _as_owner(url, owner) as connection, connection.cursor(row_factory=class_row(Item)) as cursor:
        return cursor.execute(_NEWEST, [most]).fetchall()


def read(url: str, *, owner: str, mail_id: UUID, look: Look, by: str) -> str:
    """Return a letter as plain text and note in the vendor's chain that `by`, an operator, opened it.

    Link and code stand in it only where its reader never got them. Raises NotFound, and Conflict where it is erased
    or sealed under another secret.
    """
    with _as_owner(url, owner) as connection:
        with connection.cursor(row_factory=class_row(Item)) as cursor:
            item = cursor.execute(_ONE, [mail_id]).fetchone()
        if item is None:
            raise NotFound("There is no such letter")
        text = written(opened(_sealed(connection, mail_id)), look, live=live(item))
        actor = Actor(kind=Kind.SYSTEM, surface=Surface.CLI, role=DbRole.WORKER, name=by)
        target = Target("letter", mail_id)
        append(connection, actor, action=Action.MAIL_OPENED, target=target, changes={"kind": item.kind})
    return f"{text.subject}\n\n{text.text}"


def _sealed(connection: psycopg.Connection[Any], mail_id: UUID) -> bytes:
    """Return what a letter says, as it is kept."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SEALED, [mail_id]).fetchone()
    if row is None or row["sealed"] is None:
        raise Conflict("What this letter said has been erased")
    return bytes(row["sealed"])


@contextmanager
def _as_owner(url: str, owner: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction as the owner; a letter under another secret is a refusal."""
    try:
        with psycopg.connect(url) as connection:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
            yield connection
    except InvalidTag:
        raise Conflict("This letter was sealed under another GUILDHALL_SECRET") from None
