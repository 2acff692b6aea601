"""A receiver of webhooks on loopback, which answers what a test tells it to and keeps what came."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from guildhall.adapters.webhooks.posting import Posting
from guildhall.domain.webhooks import addresses
from guildhall.domain.webhooks.carrier import open_carrier


@dataclass
class Receiver:
    """What came, in order, as headers and body; `answers` are the statuses to come, then 204.

    Nothing is answered while `may_answer` is not set, and nothing at all where it hangs up.
    """

    port: int = 0
    secure: bool = False
    answers: list[int] = field(default_factory=list)
    body: bytes = b""
    location: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hangs_up: bool = False
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Return the address to which webhooks go."""
        return f"https://localhost:{self.port}/hook" if self.secure else f"http://127.0.0.1:{self.port}/hook"

    def said(self) -> list[dict[str, Any]]:
        """Return what came, read as JSON."""
        return [json.loads(body) for _, body in self.came]


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver, by TLS where it has a certificate, and let webhooks of this process reach it."""
    made = Receiver(secure=tls is not None)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep what came and answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if made.hangs_up:
                return
            made.may_answer.wait(60)
            self.send_response(made.answers.pop(0) if made.answers else 204)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a sender may break off
    made.may_answer.set()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    addresses.configure(addresses.Reach(loopback=True))
    open_carrier(Posting())
    try:
        yield made
    finally:
        made.may_answer.set()
        addresses.configure(addresses.Reach())
        server.shutdown()
        thread.join()
        server.server_close()
