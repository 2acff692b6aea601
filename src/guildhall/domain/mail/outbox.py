"""Posting a letter: it exists exactly when its cause was committed."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.ids import new_id
from guildhall.domain.mail.letters import Letter, sealed
from guildhall.domain.mail.tables import mail


async def post(connection: AsyncConnection, letter: Letter) -> UUID:
    """Keep a letter for delivery inside the transaction of its cause; return its id."""
    mail_id = new_id()
    await connection.execute(
        insert(mail).values(id=mail_id, kind=letter.kind, recipient=letter.to, sealed=sealed(letter))
    )
    return mail_id
