"""The address of an SMTP server as an operator writes it: `smtp://user:password@host:587?tls=starttls`."""

from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

Tls = Literal["starttls", "tls", "none"]
PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORM = "smtp://user:password@host:587?tls=starttls"


class SmtpServer(Struct, frozen=True, kw_only=True):
    """Where to hand letters over: with STARTTLS, with TLS from the first octet, or without any."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Tls = "starttls"

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the server that `url` names; raises ValueError with a sentence that repeats no password."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(f"write it as {_FORM}") from None
        query = parse_qs(parts.query, keep_blank_values=True)
        if parts.scheme != "smtp" or not host or parts.path not in {"", "/"} or set(query) - {"tls"}:
            raise ValueError(f"write it as {_FORM}")
        tls = _tls(query.get("tls", ["starttls"]))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if bool(user) != bool(password):
            raise ValueError("user and password belong together")
        if user and tls == "none" and host not in _LOOPBACK:
            raise ValueError("a password without TLS travels in the clear: use tls=starttls or tls=tls")
        return cls(host=host, port=port or PORTS[tls], user=user, password=password, tls=tls)


def _tls(said: list[str]) -> Tls:
    """Return how the connection is kept private."""
    match said:
        case ["starttls" | "tls" | "none" as tls]:
            return tls
    raise ValueError("tls is starttls, tls or none")
