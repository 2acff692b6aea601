"""Posting a letter: it exists, and its delivery is queued, exactly when its cause was committed."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core.ids import new_id
from guildhall.core.jobs import enqueue
from guildhall.domain.mail.letters import Letter, sealed
from guildhall.domain.mail.tables import mail

DELIVER = "mail.deliver"


async def post(connection: AsyncConnection, letter: Letter) -> UUID:
    """Keep a letter and queue its delivery inside the transaction of its cause; return its id.

    Raises KeyError where one of its sentences asks for a value that it does not bring.
    """
    letter.check()
    mail_id = new_id()
    await connection.execute(
        insert(mail).values(id=mail_id, kind=letter.kind, recipient=letter.to, sealed=sealed(letter))
    )
    await enqueue(connection, DELIVER, mail_id=mail_id)
    return mail_id
