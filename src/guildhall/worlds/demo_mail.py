"""Letters of the demo: it has no SMTP server, so most were kept; a few are from a week when one was being tried out."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec

from guildhall.core.i18n import N_
from guildhall.domain.mail.letters import Letter, sealed
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.ground import Connection, copy, made_id, midnight

_COLUMNS = "id kind recipient sealed status attempts error queued_at sent_at erased_at created_at"
_UNKNOWN = "550 5.1.1 <p.ortega@kestrel.example>: Recipient address rejected: User unknown"
# Days ago, hour, address, kind, language, status, what the server said.
_SENT = (
    (1, 16, "m.salas@northwind.example", "person.invited", "es", "kept", ""),
    (1, 9, "d.keller@bluepeak.example", "person.invited", "en", "kept", ""),
    (2, 11, "admin@acme-fiber.example", "link.news", "en", "kept", ""),
    (3, 15, "j.brandt@veritas.example", "person.invited", "en", "kept", ""),
    (6, 10, "p.ortega@kestrel.example", "person.invited", "es", "failed", _UNKNOWN),
    (6, 9, "principal@northwind.example", "link.news", "en", "sent", ""),
    (7, 14, "lead@halcyon.example", "mail.test", "en", "sent", ""),
    (41, 8, "it@alpenglow.example", "link.news", "es", "sent", ""),
)
_ERASED = timedelta(days=30)


def seed_mail(connection: Connection, today: date) -> None:
    """Write the letters. `guildhall.core.crypto.set_master` must have been called."""
    copy(connection, "portal.mail", _COLUMNS, _rows(midnight(today)))


def _rows(now: datetime) -> Iterator[tuple[object, ...]]:
    for days, hour, to, kind, language, status, error in _SENT:
        at = now - timedelta(days=days) + timedelta(hours=hour)
        erased = at + _ERASED if now - at > _ERASED else None
        content = None if erased else sealed(_letter(kind, to, language))
        sent = at + timedelta(seconds=3) if status == "sent" else None
        yield made_id("mail", to, kind), kind, to, content, status, 1, error, at, sent, erased, at


_INVITATION = Letter(
    kind="person.invited",
    to="",
    subject=N_("Your invitation to %(vendor)s"),
    paragraphs=(N_("You are invited to work with %(vendor)s. The link is yours alone and works for 7 days."),),
    link=("partners", "/welcome/a-link-of-the-demo"),
    button=N_("Accept the invitation"),
)
_NEWS = Letter(
    kind="link.news",
    to="",
    subject=N_("News about access at %(vendor)s"),
    paragraphs=(N_("Something changed in who may act for whom. You see what and since when in the portal."),),
    link=("partners", "/links"),
    button=N_("Look at it"),
)


def _letter(kind: str, to: str, language: str) -> Letter:
    """Return a letter of the demo; links in it were never valid."""
    base = _INVITATION if kind == "person.invited" else _NEWS
    values = {"vendor": "Halcyon Cloud"}
    return msgspec.structs.replace(base, kind=kind, to=to, name=full_name(to), language=language, values=values)
