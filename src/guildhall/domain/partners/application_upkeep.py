"""What the clock and the queue do for applications: look a domain up, forget counted attempts, erase (PRODUCT §4)."""

from datetime import timedelta
from uuid import UUID

import dns.asyncresolver
import dns.exception
import dns.resolver
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import db
from guildhall.core.actor import Actor, DbRole
from guildhall.core.jobs import periodic, task
from guildhall.domain.audit.trail import Action, Target, hold, record
from guildhall.domain.mail.tables import mail
from guildhall.domain.partners.application_tables import application, application_attempt, application_note

_PATIENCE = 5.0  # seconds that a look-up may take
_BATCH = 200
ERASED = "-"
_rules = {"mx": True, "days": 180}


def configure(*, mx_check: bool, keep_days: int) -> None:
    """Say whether domains are looked up at all, and for how many days a declined application is kept."""
    _rules.update(mx=mx_check, days=keep_days)


@task("applications.look_up", roles=(DbRole.PARTNER,))
async def look_up(actor: Actor, application_id: UUID) -> str:
    """Note whether the applicant's domain takes mail; return what was found. A silent name service is no finding."""
    if not _rules["mx"]:
        return "off"
    async with db.transaction(actor) as connection:
        domain = await connection.scalar(
            select(application.c.email_domain).where(
                application.c.id == application_id, application.c.erased_at.is_(None)
            )
        )
    found = await takes_mail(domain) if domain else None
    if domain is None or found is None:
        return "unknown"
    async with db.transaction(actor) as connection:
        await connection.execute(
            update(application)
            .where(application.c.id == application_id, application.c.email_domain == domain)
            .values(mx="found" if found else "missing", updated_at=func.now())
        )
    return "found" if found else "missing"


async def takes_mail(domain: str) -> bool | None:
    """Return whether the name service knows where mail of `domain` goes; None where it does not answer.

    A domain with one MX record “.” takes none (RFC 7505); one without MX but with an address does (RFC 5321 §5.1).
    """
    resolver = dns.asyncresolver.Resolver()
    resolver.lifetime = _PATIENCE
    for kind in ("MX", "A", "AAAA"):
        try:
            answers = await resolver.resolve(domain, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException:
            return None
        return kind != "MX" or any(str(answer.exchange) != "." for answer in answers)
    return False


@periodic("41 3 * * *", "applications.tidy")
async def tidy(actor: Actor) -> dict[str, int]:
    """Forget yesterday's attempts and erase declined applications whose time is over; return how many of each."""
    async with db.transaction(actor) as connection:
        old = application_attempt.c.at < func.now() - timedelta(days=1)
        attempts = (await connection.execute(delete(application_attempt).where(old))).rowcount
    return {"attempts": attempts, "erased": await _erase(actor)}


async def _erase(actor: Actor) -> int:
    """Blank everything personal of declined applications; type, country, dates and the reason stay for the figures."""
    due = (
        select(application.c.id)
        .where(
            application.c.status == "declined",
            application.c.erased_at.is_(None),
            application.c.decided_at < func.now() - timedelta(days=_rules["days"]),
        )
        .order_by(application.c.decided_at)
        .limit(_BATCH)
    )
    async with db.transaction(actor) as connection:
        ids = list(await connection.scalars(due))
        if not ids:
            return 0
        await _erase_letters(connection, ids)
        blank = dict.fromkeys(("legal_name", "website", "contact_name", "email"), ERASED)
        empty = dict.fromkeys(
            ("website_domain", "email_domain", "note", "asked", "answer", "email_before", "decline_note"), ""
        )
        await connection.execute(
            update(application)
            .where(application.c.id.in_(ids))
            .values(**blank, **empty, mx="unknown", erased_at=func.now(), updated_at=func.now())
        )
        await connection.execute(delete(application_note).where(application_note.c.application_id.in_(ids)))
        await hold(connection, partners=[], tenants=[], vendor=True)
        for each in ids:
            await record(connection, actor, action=Action.APPLICATION_ERASED, target=Target("application", each))
    return len(ids)


async def _erase_letters(connection: AsyncConnection, ids: list[UUID]) -> None:
    """Erase the letters of applications, while these still say to whom; those of a newer one stay."""
    own = (
        select(1)
        .where(
            application.c.id.in_(ids),
            mail.c.recipient.in_([application.c.email, application.c.email_before]),
            mail.c.created_at.between(application.c.created_at, application.c.decided_at),
        )
        .exists()
    )
    await connection.execute(
        update(mail)
        .where(own, mail.c.kind.startswith("application."), mail.c.status != "queued")
        .values(recipient=ERASED, sealed=None, erased_at=func.coalesce(mail.c.erased_at, func.now()))
    )
