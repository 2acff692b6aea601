"""What a surface keeps in a browser: its session, the browser's own mark, and whom it has signed in before."""

from datetime import timedelta
from typing import Any, Protocol

from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from guildhall.core import crypto
from guildhall.domain.people import backoff
from guildhall.domain.people.opening import SignedIn, with_binding
from guildhall.domain.people.sessions import LONGEST
from guildhall.surfaces.kit.origins import family

LONG = 31_536_000  # seconds: a year
_DAYS_BOUND = timedelta(days=30)
Connection = ASGIConnection[Any, Any, Any, Any]


class _Site(Protocol):
    """What is asked of a surface here."""

    @property
    def cookie(self) -> str: ...


def site_cookie(connection: Connection) -> str:
    """Return the name of the session cookie, which the other names begin with."""
    site: _Site = connection.app.state.site
    return site.cookie


def kept(connection: Connection, name: str) -> str:
    """Return what this surface keeps in the browser under `name`, else an empty text."""
    return connection.cookies.get(f"{site_cookie(connection)}_{name}", "")


def keeps(connection: Connection, name: str, value: str, max_age: int, *, strict: bool = False) -> Cookie:
    """Return the cookie that keeps `value` under `name` for `max_age` seconds; `strict`: not even along a link."""
    return Cookie(
        f"{site_cookie(connection)}{f'_{name}' if name else ''}",
        value=value,
        path="/",
        max_age=max_age,
        httponly=True,
        secure=connection.app.state.site.settings.https,
        samesite="strict" if strict else "lax",
    )


def token_of(connection: Connection) -> str:
    """Return the session's token as it was kept: a bound one together with this browser."""
    token = connection.cookies.get(site_cookie(connection), "")
    return with_binding(token, binding(connection, kept(connection, "browser")))


def binding(connection: Connection, mark: str) -> str:
    """Return what a bound session is tied to: the browser's mark, which browser it is and on which system."""
    return f"{mark} {family(connection.headers.get('user-agent', ''))}"


def mark_of(connection: Connection) -> str:
    """Return the browser's own mark; a fresh one where it has none yet."""
    return kept(connection, "browser") or crypto.new_token()


def knows(connection: Connection, email: str) -> bool:
    """Return whether somebody with this address has signed in here before."""
    return backoff.knows(kept(connection, "known"), email.strip().lower())


def signed_in(connection: Connection, answer: Response[Any], opened: SignedIn, *, email: str, mark: str = "") -> None:
    """Leave a fresh session in the browser, and that its person was here; `mark` where it is bound to that mark."""
    life = _DAYS_BOUND if mark else LONGEST
    answer.set_cookie(keeps(connection, "", opened.token, int(life.total_seconds())))
    known = backoff.browser_mark(email.strip().lower(), crypto.new_token(12))
    answer.set_cookie(keeps(connection, "known", known, LONG))
    if mark:
        answer.set_cookie(keeps(connection, "browser", mark, LONG))


def signed_out(connection: Connection, answer: Response[Any]) -> None:
    """Take the session out of the browser."""
    answer.set_cookie(keeps(connection, "", "", 0))
