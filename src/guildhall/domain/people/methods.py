"""The ways in: which an installation offers, and which of them a partner's people may use (PRODUCT §3).

Staff tighten the installation's list for a partner and never widen it. Asked whenever a session opens. The vendor's own
people never come in by a letter alone: they stand over every partner, and whoever reads a mailbox would too.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from guildhall.core.actor import Surface
from guildhall.core.errors import Forbidden

Method = Literal["password", "passkey", "email_link"]
METHODS: tuple[Method, ...] = ("password", "passkey", "email_link")
EMAIL_LINK = "email_link"
PASSWORD = "password"  # noqa: S105 - the name of a way in, no secret
PASSKEY = "passkey"
_TWO_FACTORS: tuple[str, ...] = ("password", "passkey")
_installed = _TWO_FACTORS


def install(methods: Iterable[str]) -> None:
    """Take the installation's list, once for this process."""
    global _installed  # noqa: PLW0603 - one installation per process, set once at start
    _installed = tuple(method for method in METHODS if method in set(methods))


def installed() -> tuple[str, ...]:
    """Return the ways that this installation offers."""
    return _installed


def offered(surface: Surface) -> tuple[str, ...]:
    """Return the ways offered on a surface: for staff those with two factors, whatever the installation's list says."""
    if surface is not Surface.STAFF:
        return _installed
    return tuple(method for method in _installed if method in _TWO_FACTORS) or _TWO_FACTORS


def allowed(narrowed: Sequence[str] | None, *, surface: Surface) -> tuple[str, ...]:
    """Return the ways open to people whose partner narrowed the list to `narrowed` (None or empty: not at all)."""
    return tuple(method for method in offered(surface) if not narrowed or method in narrowed)


def require(session_method: str, narrowed: Sequence[str] | None, *, surface: Surface) -> None:
    """Raise Forbidden where a session of this method (`password+totp`, `passkey`, …) may not open on a surface.

    A session of any other name is none of a way in: the first one, after a one-time link.
    """
    method = session_method.partition("+")[0]
    if method in METHODS and method not in allowed(narrowed, surface=surface):
        raise Forbidden("Your organisation does not allow this way to sign in. Use another one.")
