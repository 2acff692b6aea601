"""What every process does before its work: the database's addresses, the secret, the pools."""

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from guildhall.adapters.mail.keeping import Keeping
from guildhall.adapters.mail.smtp import Smtp
from guildhall.adapters.storage import objects
from guildhall.adapters.webhooks.posting import Posting
from guildhall.core import crypto, db, embedded
from guildhall.core.actor import Surface
from guildhall.domain.access.boundary.roles import LOGINS
from guildhall.domain.files import room
from guildhall.domain.files.store import Store, open_store
from guildhall.domain.mail.office import Look, Office, open_office
from guildhall.domain.migrations.run import migrate
from guildhall.domain.partners import application_upkeep
from guildhall.domain.people import methods, passwords
from guildhall.domain.quotas import kinds
from guildhall.domain.webhooks import addresses
from guildhall.domain.webhooks.carrier import open_carrier
from guildhall.settings import Settings, SettingsError

LOGIN_OF = {
    Surface.CONSOLE: "login_partners",
    Surface.CUSTOMER: "login_customers",
    Surface.STAFF: "login_staff",
    Surface.API: "login_api",
    Surface.WORKER: "login_worker",
}
_VARIABLE_OF = {
    Surface.CONSOLE: "DATABASE_URL_PARTNERS",
    Surface.CUSTOMER: "DATABASE_URL_CUSTOMERS",
    Surface.STAFF: "DATABASE_URL_STAFF",
    Surface.API: "DATABASE_URL_API",
    Surface.WORKER: "DATABASE_URL_WORKER",
}


_NOBODY = "nobody@localhost"  # the sender of letters that are kept


def configure_logs(settings: Settings) -> None:
    """Write structured logs to standard error: JSON lines, or colours for a person."""
    renderer = structlog.processors.JSONRenderer() if settings.log == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def secret_of(settings: Settings) -> str:
    """Return the installation's secret: set by the operator, or made and kept beside embedded data."""
    return settings.secret or embedded.secret(settings.home)


def surface_url(settings: Settings, surface: Surface, socket: Path | None) -> str:
    """Return the database address of one surface's log-in, for any driver.

    Raises LookupError where neither the surface's own variable nor DATABASE_URL is set.
    """
    if socket is not None:
        return f"postgresql://{settings.role_prefix}{LOGIN_OF[surface]}@/{embedded.DATABASE}?host={socket}"
    urls = settings.database_urls
    url = urls.get(_VARIABLE_OF[surface]) or urls.get("DATABASE_URL")
    if url is None:
        raise LookupError(f"{_VARIABLE_OF[surface]} is not set, nor is DATABASE_URL")
    return url


def admin_url(settings: Settings, socket: Path | None) -> str:
    """Return the address with which migrations run."""
    if socket is not None:
        return embedded.admin_url(socket)
    return settings.migrate_url or settings.database_urls.get("DATABASE_URL", "")


def own_logins(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return the log-ins to be granted roles: the standard ones, and those named in the operator's URLs."""
    named = dict(LOGINS)
    for surface, variable in _VARIABLE_OF.items():
        user = urlsplit(settings.database_urls.get(variable, "")).username
        if user and user != settings.role_prefix + LOGIN_OF[surface]:
            named[user] = (*named.get(user, ()), *LOGINS[LOGIN_OF[surface]])
    single = urlsplit(settings.database_urls.get("DATABASE_URL", "")).username
    if single:
        named[single] = ("partner", "customer", "staff", "platform", "worker")
    return named


def open_database(settings: Settings) -> Path | None:
    """Start the embedded server where this installation has one; return its socket folder, else None."""
    if not settings.embedded:
        return None
    socket = embedded.start(settings.home)
    embedded.ensure_database(socket)
    return socket


def prepare(settings: Settings, socket: Path | None) -> list[str]:
    """Bring the database to what this version needs; return what was done."""
    return migrate(admin_url(settings, socket), prefix=settings.role_prefix, logins=own_logins(settings))


def open_pools(settings: Settings, socket: Path | None, surfaces: Iterable[Surface]) -> None:
    """Set the secret, open a pool for each of `surfaces` in this process, and the store of files."""
    crypto.set_master(secret_of(settings).encode())
    passwords.allow_demo(allowed=settings.demo)
    methods.install(settings.ways_in)
    kinds.install(settings.api_limits)
    room.install(settings.tenant_file_bytes)
    application_upkeep.configure(mx_check=settings.mx_check and not settings.demo, keep_days=settings.application_days)
    addresses.configure(addresses.Reach(settings.webhook_least_port, settings.webhook_loopback))
    urls = {
        surface: surface_url(settings, surface, socket).replace("postgresql://", "postgresql+asyncpg://", 1)
        for surface in surfaces
    }
    db.open_pools(urls, prefix=settings.role_prefix, size=settings.pool)
    open_store(store_of(settings))


def store_of(settings: Settings) -> Store:
    """Return the store of files: the bucket, or a folder of this machine."""
    return objects.in_bucket(settings.bucket) if settings.bucket else objects.in_folder(settings.home / "files")


def open_mail(settings: Settings) -> None:
    """Let this process deliver letters: over SMTP, or by keeping them where staff can read them."""
    carrier = Smtp(settings.smtp) if settings.smtp else Keeping()
    look = Look(settings.brand, settings.brand_colour, settings.origin)
    open_office(Office(look=look, sender=settings.mail_from or _NOBODY, carrier=carrier))


def open_webhooks(settings: Settings) -> None:
    """Let this process deliver webhooks; raises SettingsError where the file of authorities holds none."""
    authorities = Path(settings.webhook_ca_file) if settings.webhook_ca_file else None
    try:
        open_carrier(Posting(authorities=authorities))
    except OSError:
        raise SettingsError("GUILDHALL_WEBHOOK_CA_FILE names a file of certificates (PEM) that can be read") from None
