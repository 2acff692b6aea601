"""Applications of the demo, in every state, and how staff came to decide on them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from guildhall.core import crypto
from guildhall.core.actor import Actor, DbRole, Kind, Surface, anonymous
from guildhall.domain.audit.blocking import append
from guildhall.domain.audit.trail import Action, Target
from guildhall.domain.partners.applying import link_token
from guildhall.worlds.demo_names import full_name
from guildhall.worlds.demo_partners import BY_SLUG
from guildhall.worlds.ground import Connection, copy, made_id, midnight


class Application(Struct, frozen=True, kw_only=True):
    """One application; `waited` is how long ago it came to its state, `partner` the slug of what was made of it."""

    slug: str
    name: str
    contact: str
    country: str
    type: str
    customers: int
    status: str
    days: float
    waited: float
    note: str = ""
    language: str = "en"
    domain: str = ""
    mx: str = "found"
    listed: str = ""
    keeper: str = ""
    asked: str = ""
    answer: str = ""
    reason: str | None = None
    reply: str = ""
    partner: str = ""

    @property
    def id(self) -> UUID:
        """Return the application's id, the same in every demo."""
        return made_id("application", self.slug)

    @property
    def email_domain(self) -> str:
        """Return the domain of the contact's address."""
        return self.domain or f"{self.slug}.example"

    @property
    def email(self) -> str:
        """Return the contact's address."""
        return f"{self.contact.split()[0].lower().replace('í', 'i')}@{self.email_domain}"


_BUSY = "We run networks for eleven regional providers and want to manage their accounts in one place."
APPLICATIONS = (
    Application(
        slug="orchard-it",
        name="Orchard IT Services Ltd",
        contact="Priya Nair",
        country="GB",
        type="mssp",
        customers=18,
        status="submitted",
        days=0.2,
        waited=0.2,
        note=_BUSY,
    ),
    Application(
        slug="redes-sol",
        name="Redes del Sol S.A. de C.V.",
        contact="Mariana Robles",
        country="MX",
        type="reseller",
        customers=40,
        status="submitted",
        days=1.6,
        waited=1.6,
        language="es",
        note="Atendemos a proveedores de internet en Jalisco y Colima desde 2011.",
    ),
    Application(
        slug="northwind-labs",
        name="Northwind Labs Inc.",
        contact="Dale Whitaker",
        country="US",
        type="mssp",
        customers=5,
        status="submitted",
        days=0.8,
        waited=0.8,
        domain="labs.northwind.example",
        mx="missing",
    ),
    Application(
        slug="fjordnett",
        name="Fjordnett Drift AS",
        contact="Ingrid Solberg",
        country="NO",
        type="mssp",
        customers=22,
        status="in_review",
        days=2.4,
        waited=1.1,
        keeper="partner_manager@halcyon.example",
    ),
    Application(
        slug="cardinal-audit",
        name="Cardinal Audit Partners LLP",
        contact="Thomas Adeyemi",
        country="IE",
        type="auditor",
        customers=12,
        status="in_review",
        days=9.0,
        waited=4.2,
        keeper="lead@halcyon.example",
        asked="Which certification body are you accredited with?",
        answer="With the Irish National Accreditation Board, number 412. The certificate is on our website.",
    ),
    Application(
        slug="comarca",
        name="Comarca Digital S.L.",
        contact="Lucía Ferrer",
        country="ES",
        type="reseller",
        customers=9,
        status="needs_info",
        days=6.0,
        waited=3.0,
        language="es",
        keeper="partner_manager@halcyon.example",
        asked="¿En qué provincias trabajan, y cuántos de esos clientes ya usan nuestro producto?",
    ),
    Application(
        slug="granite-group",
        name="Granite Holdings Group",
        contact="Helen Marsh",
        country="US",
        type="enterprise_hq",
        customers=7,
        status="declined",
        days=40.0,
        waited=35.0,
        keeper="lead@halcyon.example",
        reason="no_fit",
        reply="Your subsidiaries are not on the platform yet. Come back once the first of them is.",
    ),
    Application(
        slug="veritas-audit",
        name="Veritas Audit",
        contact="Niamh Byrne",
        country="IE",
        type="auditor",
        customers=6,
        status="approved",
        days=610.0,
        waited=600.0,
        domain="veritas.example",
        keeper="lead@halcyon.example",
        partner="veritas",
    ),
)
_ALLOWED = (("helvetia-mail.example", "Company of our longest customer; its mail is its own"),)
_PATHS = {
    "submitted": (),
    "in_review": (Action.APPLICATION_TAKEN,),
    "needs_info": (Action.APPLICATION_TAKEN, Action.APPLICATION_ASKED),
    "declined": (Action.APPLICATION_TAKEN, Action.APPLICATION_DECLINED),
    "approved": (Action.APPLICATION_TAKEN, Action.APPLICATION_APPROVED),
}


def seed_applications(connection: Connection, today: date) -> None:
    """Write the applications with their notes, their allow-list and their trail."""
    now = midnight(today)
    copy(
        connection,
        "portal.application",
        "id link_hash status legal_name website website_domain country type contact_name email email_domain"
        " expected_customers note language mx listed asked answer decline_reason decline_note assigned_to partner_id"
        " principal_id consented_at state_since decided_at decided_by created_at updated_at",
        (_row(one, now) for one in APPLICATIONS),
    )
    copy(
        connection,
        "portal.application_note",
        "id application_id author_id author_name text created_at",
        (
            (made_id("note", one.slug), one.id, _staff_id(one.keeper), full_name(one.keeper), text, now)
            for one in APPLICATIONS
            if (text := _NOTES.get(one.slug))
        ),
    )
    copy(
        connection,
        "portal.email_domain_allowed",
        "domain reason added_by created_at",
        ((domain, reason, full_name("lead@halcyon.example"), now - timedelta(days=90)) for domain, reason in _ALLOWED),
    )
    for number, (actor, action, one) in enumerate(_acts()):
        partner = BY_SLUG[one.partner].id if one.partner and action is Action.APPLICATION_APPROVED else None
        append(
            connection,
            actor,
            action=action,
            target=Target("application", one.id),
            partner_id=partner,
            changes={"type": one.type, "country": one.country},
            event=made_id("application event", number),
        )


_NOTES = {
    "fjordnett": "Spoke on the phone: two engineers on call at night, ISO 27001 since last year.",
    "cardinal-audit": "Asked for the accreditation; the register confirms it.",
    "comarca": "Their website lists only four towns. Waiting for the answer before we look at the region.",
}


def _staff_id(email: str) -> UUID:
    return made_id("staff_user", email)


def _row(one: Application, now: datetime) -> tuple[object, ...]:
    made, since = now - timedelta(days=one.days), now - timedelta(days=one.waited)
    decided = since if one.status in {"approved", "declined"} else None
    partner = BY_SLUG[one.partner].id if one.partner else None
    return (
        one.id,
        crypto.token_hash(link_token(one.id)),
        one.status,
        one.name,
        f"https://www.{one.slug}.example",
        f"{one.slug}.example",
        one.country,
        one.type,
        one.contact,
        one.email,
        one.email_domain,
        one.customers,
        one.note,
        one.language,
        one.mx,
        one.listed,
        one.asked,
        one.answer,
        one.reason,
        one.reply,
        _staff_id(one.keeper) if one.keeper else None,
        partner,
        made_id("partner_user", f"principal@{one.partner}.example") if one.partner else None,
        made,
        since,
        decided,
        full_name(one.keeper) if decided else "",
        made,
        since,
    )


def _acts() -> Iterator[tuple[Actor, Action, Application]]:
    """Yield who did what to each application."""
    for one in APPLICATIONS:
        yield _applicant(), Action.APPLICATION_SUBMITTED, one
        for action in _PATHS[one.status]:
            yield _keeper(one.keeper), action, one
        if one.answer:
            yield _keeper(one.keeper), Action.APPLICATION_ASKED, one
            yield _applicant(), Action.APPLICATION_ANSWERED, one


def _applicant() -> Actor:
    return anonymous(Surface.CONSOLE, DbRole.PARTNER, ip="198.51.100.20")


def _keeper(email: str) -> Actor:
    return Actor(
        kind=Kind.STAFF_USER,
        surface=Surface.STAFF,
        role=DbRole.STAFF,
        name=full_name(email),
        user_id=_staff_id(email),
        ip="203.0.113.5",
        user_agent="Demo",
    )
