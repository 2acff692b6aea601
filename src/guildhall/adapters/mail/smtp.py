"""Letters over SMTP. The server's certificate is verified, and where TLS is asked for nothing goes without it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import errors

from guildhall.core.smtp import SmtpServer
from guildhall.domain.mail.office import Carried, Refused, Undelivered

_SECONDS = 15.0  # for connecting, and for each answer
_FOR_GOOD = range(500, 600)


class Smtp:
    """Hands each letter to one server over a connection of its own."""

    def __init__(self, server: SmtpServer) -> None:
        """Take the server's address."""
        self._server = server

    async def carry(self, message: EmailMessage) -> Carried:
        """Hand `message` over; raise Refused for what the server will never take, Undelivered for anything else.

        A refusal of the log-in or of the sender is the operator's to mend and no letter's fault.
        """
        async with _connected(self._server) as client:
            try:
                await client.send_message(message)
            except errors.SMTPRecipientsRefused as refused:
                raise _of(refused.recipients[0]) from None
            except errors.SMTPDataError as refused:
                raise _of(refused) from None
            except errors.SMTPNotSupported:
                raise Refused("The mail server takes no address with such letters (SMTPUTF8)") from None
        return "sent"


async def check(server: SmtpServer) -> None:
    """Connect, take TLS up and sign in as for a letter, and send none; raises Undelivered with what was wrong."""
    async with _connected(server) as client:
        await client.noop()


@asynccontextmanager
async def _connected(server: SmtpServer) -> AsyncIterator[aiosmtplib.SMTP]:
    """Open a connection, signed in where there is a user; every fault of it becomes Undelivered."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        tls_context=ssl.create_default_context() if server.tls != "none" else None,
        timeout=_SECONDS,
    )
    try:
        async with client:
            yield client
    except errors.SMTPResponseException as fault:
        raise Undelivered(f"{fault.code} {fault.message}") from None
    except (errors.SMTPException, OSError) as fault:
        raise Undelivered(str(fault) or type(fault).__name__) from None


def _of(refused: errors.SMTPResponseException) -> Exception:
    """Return what a refusal of a letter means: for good (5xx), or for now."""
    words = f"{refused.code} {refused.message}"
    return Refused(words) if refused.code in _FOR_GOOD else Undelivered(words)
