"""Back-off: tries that failed make the next ones wait, longer each time, and every wait ends by itself.

A try is counted before it is judged, so a thousand at once are a thousand. Three counts hold together
(docs/decisions/0015-slow-guessing.md): one address from one network, one network whatever the address, and one
address whatever the network. The third waits half a minute at most: it costs somebody with many networks hours, and
the owner never more than that. A browser in which the owner has signed in before is counted by itself.
"""

import ipaddress
from datetime import datetime

from msgspec import Struct
from sqlalchemy import text

from guildhall.core import crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import TooManyRequests
from guildhall.domain.people.doors import DOORS

_TRY = text("SELECT * FROM portal.sign_in_try(:door, :subjects, :free, :first, :longest, :leak, :moment)")
_FORGIVE = text("SELECT * FROM portal.sign_in_forgive(:door, :forget, :subjects, :moment)")
_SIX_OF_SITE = 64  # bits of an IPv6 address that one site shares


class Measure(Struct, frozen=True):
    """How one count behaves: `free` tries without a wait, then one of `first`, doubled up to `longest` (seconds).

    It loses one try each `leak` seconds.
    """

    free: int
    longest: int
    leak: int
    first: int = 2


PAIR = Measure(free=4, longest=900, leak=900)
NETWORK = Measure(free=30, longest=300, leak=60)
PERSON = Measure(free=50, longest=30, leak=300)
LETTERS = Measure(free=4, longest=720, leak=720, first=720)  # the fifth to one address, whoever asked, makes it wait
# Codes of letters: the link of the same letter waits for nobody, so these waits may be long.
CODES_OF_PERSON = Measure(free=10, longest=3600, leak=3600)
CODES_OF_NETWORK = Measure(free=20, longest=3600, leak=900)
SOFTWARE = Measure(free=50, longest=300, leak=10)
SITE = Measure(free=300, longest=60, leak=1)  # much software may stand behind one address


class Try(Struct, frozen=True):
    """One counted try: what is forgotten, and what is given back, when it turns out right."""

    forget: tuple[bytes, ...]
    lessen: tuple[bytes, ...]


async def begin(origin: Actor, *, subject: str, now: datetime, known: bool = False, purpose: str = "sign-in") -> Try:
    """Count a try at `subject` (an address, or a person's id) from the origin's network.

    `known` is that the browser has shown to belong to the subject before. Raises TooManyRequests, and counts
    nothing, while one of the counts makes it wait.
    """
    return await _counted(origin, _counts(origin, subject, known=known, purpose=purpose), now)


async def letter(origin: Actor, *, address: str, now: datetime) -> None:
    """Count a letter that somebody asks to be sent to `address`; raises TooManyRequests when there were enough."""
    network = (_key("letter", "network", network_of(origin.ip)), NETWORK)
    await _counted(origin, [(_key("letter", "person", address), LETTERS), network], now)


async def begin_code(origin: Actor, *, subject: str, now: datetime) -> Try:
    """Count a try at the code of a letter to `subject`, a keyed mark of an address; raises TooManyRequests."""
    person = (_key("code", "person", subject), CODES_OF_PERSON)
    network = (_key("code", "network", network_of(origin.ip)), CODES_OF_NETWORK)
    tried = await _counted(origin, [person, network], now)
    return Try((), tried.forget + tried.lessen)


async def _counted(origin: Actor, counts: list[tuple[bytes, Measure]], now: datetime) -> Try:
    """Count one try in each of `counts`, or raise TooManyRequests and count nothing."""
    values = {
        "door": DOORS[origin.surface].kind,  # console and API are two doors to one kind of people
        "subjects": [key for key, _ in counts],
        "free": [measure.free for _, measure in counts],
        "first": [measure.first for _, measure in counts],
        "longest": [measure.longest for _, measure in counts],
        "leak": [measure.leak for _, measure in counts],
        "moment": now,
    }
    row = await db.door(origin.surface, _TRY, values)
    if row and row["seconds"] > 0:
        raise TooManyRequests("Too many tries. Wait a little and try again.", retry_after=row["seconds"])
    return Try((counts[0][0],), tuple(key for key, _ in counts[1:]))


async def begin_client(origin: Actor, *, client_id: str, now: datetime) -> Try:
    """Count a try at an API client from the origin's address, and, generously, at any client from its network.

    A secret is 256 random bits, so this saves work and rows, and not secrets: whoever guesses elsewhere makes no
    partner's software wait, and software that asks for many tokens at once is not taken for somebody who guesses.
    """
    pair = _key("client", "pair", f"{client_id} {origin.ip}")
    network = _key("client", "network", network_of(origin.ip))
    return await _counted(origin, [(pair, SOFTWARE), (network, SITE)], now)


async def forgive(origin: Actor, tried: Try, *, now: datetime) -> None:
    """Note that a try was right: its own count starts anew, the wider ones get it back."""
    values = {
        "door": DOORS[origin.surface].kind,
        "forget": list(tried.forget),
        "subjects": list(tried.lessen),
        "moment": now,
    }
    await db.door(origin.surface, _FORGIVE, values)


def _counts(origin: Actor, subject: str, *, known: bool, purpose: str) -> list[tuple[bytes, Measure]]:
    """Return the counts of a try, the narrowest first, by keyed hashes: no address is kept."""
    if known:
        return [(_key(purpose, "known", subject), PAIR)]
    network = network_of(origin.ip)
    return [
        (_key(purpose, "pair", f"{subject} {network}"), PAIR),
        (_key(purpose, "network", network), NETWORK),
        (_key(purpose, "person", subject), PERSON),
    ]


def _key(purpose: str, count: str, value: str) -> bytes:
    return bytes.fromhex(crypto.mac("back-off", f"{purpose} {count} {value}"))


def network_of(ip: str) -> str:
    """Return the network that one caller can choose addresses of: an IPv4 address, an IPv6 site of 64 bits."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if address.version == 4:  # noqa: PLR2004
        return ip
    return str(ipaddress.ip_network((address, _SIX_OF_SITE), strict=False))


def browser_mark(subject: str, secret: str) -> str:
    """Return the proof, for a cookie, that this browser has signed `subject` in before."""
    return f"{secret}.{crypto.mac('known-browser', f'{subject} {secret}')}"


def knows(mark: str, subject: str) -> bool:
    """Return whether `mark` was made by `browser_mark` for this subject."""
    secret, _, _ = mark.partition(".")
    return bool(secret) and crypto.same(mark, browser_mark(subject, secret))
