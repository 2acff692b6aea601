"""A real SMTP server on loopback, and a way to run the delivery of a world's letters as its worker would."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from guildhall import worker
from guildhall.adapters.mail.keeping import Keeping
from guildhall.adapters.mail.smtp import Smtp
from guildhall.core.smtp import SmtpServer
from guildhall.domain.mail.office import Carrier, Look, Office, open_office
from support_world import World


class Inbox:
    """What a server took; `answers` maps an address to what the server says to it instead."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take or refuse an address."""
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take a message."""
        made = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.messages.append(made)
        return "250 taken"

    @property
    def server(self) -> SmtpServer:
        """Return the address of this server."""
        return SmtpServer(host="127.0.0.1", port=self.port, tls="none")


@contextmanager
def smtp(port: int = 0, **options: Any) -> Iterator[Inbox]:
    """Run a server; `port` 0 takes a free one, `options` are the library's."""
    inbox = Inbox()
    controller = _Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    inbox.port = controller.server.sockets[0].getsockname()[1]
    yield inbox
    controller.stop()


class _Controller(Controller):
    """The library's, which learns its own port instead of trying the one it was given."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def deliver_over(world: World, carrier: Carrier | Inbox | None, sender: str = "mail@halcyon.example") -> None:
    """Open the office of this process: over a server, by a carrier of the test's own, or by keeping."""
    taken = Smtp(carrier.server) if isinstance(carrier, Inbox) else carrier or Keeping()
    look = Look(world.settings.brand, world.settings.brand_colour, world.settings.origin)
    open_office(Office(look=look, sender=sender, carrier=taken))


async def work_off(world: World) -> None:
    """Run every due job of the world, as a worker does, but nothing by the clock: no hour adds letters of its own."""
    url = world.cluster.login_url("login_worker", world.database)
    made = worker.application(url, world.cluster.prefix)
    made.periodic_registry.periodic_tasks.clear()
    async with made.open_async() as app:
        await app.run_worker_async(**worker.OPTIONS, wait=False, listen_notify=False)
