"""Passwords: argon2id, refused when easy to guess, never waited for on the event loop (PRODUCT §3)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from guildhall.core.errors import Invalid

SHORTEST, LONGEST = 12, 200
DEMO = "guildhall-demo"  # public, so no process outside the demo takes it
_STRONG = 3  # of 4: more than 10^8 guesses, with lists of common passwords and names tried first
_LONGEST_JUDGED = 24  # characters; the time it takes grows steeply: a second for 24 chosen to be slow, eleven for 72
# One thread: zxcvbn holds the words of the person in a table of the module, and whoever signs in waits for no judge.
_judge = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
_demo = False
_hasher = PasswordHasher()


def allow_demo(*, allowed: bool) -> None:
    """Say whether this process runs the demo, the only place where the demo's password opens anything."""
    global _demo  # noqa: PLW0603 - one installation per process, set once at start
    _demo = allowed


def hashed(password: str) -> str:
    """Return the argon2id hash of `password` (RFC 9106)."""
    return _hasher.hash(password)


async def matches(kept: str | None, password: str) -> bool:
    """Return whether `password` is the one whose hash is `kept`; a missing hash costs the same time."""
    known = await asyncio.to_thread(_verify, kept or _nobody(), password)
    return known and kept is not None and (_demo or password != DEMO)


@cache
def _nobody() -> str:
    """Return what is checked in place of an unknown person's hash, so that the answer takes the same time."""
    return _hasher.hash("nobody's password, which nobody knows")


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password[:LONGEST])
    except (VerifyMismatchError, InvalidHashError):
        return False


def acceptable(password: str, *, personal: tuple[str, ...] = ()) -> str:
    """Return `password` if it may be chosen; raise Invalid where it is too short, too long or easy to guess.

    `personal` holds words that make a password guessable: the name, the address, the organisation. Takes up to a
    second of the processor, so `chosen` calls it off the event loop, one at a time.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(errors={"password": f"Use {SHORTEST} to {LONGEST} characters"})
    plain = password.casefold()
    if any(len(word) > 3 and word.casefold() in plain for word in personal):  # noqa: PLR2004
        raise Invalid(errors={"password": "Leave your name, address and organisation out of it"})
    if password == DEMO or _score(password, personal) < _STRONG:
        raise Invalid(
            errors={"password": "This password is easy to guess. Use several words that do not belong together."}
        )
    return password


def _score(password: str, personal: tuple[str, ...]) -> int:
    """Return how hard a password is to guess, from 0 to 4 (zxcvbn)."""
    judged: int = zxcvbn(password[:_LONGEST_JUDGED], user_inputs=list(personal))["score"]
    return judged


async def chosen(password: str, *, personal: tuple[str, ...] = ()) -> str:
    """Return the hash of a password that somebody chooses; raises Invalid as `acceptable` does."""
    judging = asyncio.get_running_loop().run_in_executor(_judge, lambda: acceptable(password, personal=personal))
    return await asyncio.to_thread(hashed, await judging)
