"""One typed table of settings, read from the environment; unknown and half-set values are refused."""

import os
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from email_validator import EmailNotValidError, validate_email
from msgspec import Meta, Struct
from platformdirs import user_data_path

from guildhall.core.actor import Surface
from guildhall.core.buckets import Bucket
from guildhall.core.smtp import SmtpServer

WEB_SURFACES = (Surface.CONSOLE, Surface.STAFF, Surface.CUSTOMER, Surface.API)
# The name that GUILDHALL_SURFACES and DATABASE_URL_… use for each surface, which is also its host's first label.
LABELS = {
    "partners": Surface.CONSOLE,
    "staff": Surface.STAFF,
    "customers": Surface.CUSTOMER,
    "api": Surface.API,
}
_URLS = ("DATABASE_URL", *(f"DATABASE_URL_{label.upper()}" for label in (*LABELS, "worker")))

Counted = Annotated[str, Meta(pattern="^(list|detail|write|export|tenant|platform)$")]
Calls = Annotated[int, Meta(ge=1, le=1_000_000)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator may set. Environment names are GUILDHALL_ + the field's name, but for PORT and the URLs.

    `mx_check` has applicants' domains looked up; `application_days` is how long a declined application is kept.
    `api_limits` are calls of the API by kind (`list=200,write=100`), where they are not the standard ones.
    `tenant_file_bytes` is how much room the files of one customer's tickets may take up, where that
    is not the standard.
    `webhook_least_port` is the lowest port beside 443 that webhooks go to; `webhook_loopback` lets them reach this
    machine itself, in development and the demo only; `webhook_ca_file` names authorities (PEM) that are trusted there
    beside the public ones.
    `home` holds embedded data, the generated secret and, unless `s3_…` name a bucket, files; `base` is the host under
    which the four surfaces live; `database_urls` maps DATABASE_URL… names to what was set (empty: PostgreSQL is
    embedded).
    """

    home: Path
    port: Annotated[int, Meta(ge=1, le=65535)] = 8000
    host: Text = "127.0.0.1"
    base: str = ""
    https: bool = False
    surfaces: tuple[Surface, ...] = WEB_SURFACES
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    pool: Annotated[int, Meta(ge=1, le=200)] = 10
    secret: str = ""
    role_prefix: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,30}_$")] = "guildhall_"
    brand: Text = "Guildhall"
    brand_colour: Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}$")] = "#1f4fd8"
    demo: bool = False
    development: bool = False
    log: Annotated[str, Meta(pattern="^(json|console)$")] = "json"
    smtp_url: str = ""
    mail_from: str = ""
    trusted_proxies: tuple[str, ...] = ()
    sign_in_methods: tuple[Literal["password", "passkey", "email_link"], ...] = ()
    mx_check: bool = True
    api_limits: dict[Counted, Calls] = {}
    application_days: Annotated[int, Meta(ge=1, le=3650)] = 180
    s3_bucket: str = ""
    s3_region: str = ""
    s3_key: str = ""
    s3_secret: str = ""
    s3_endpoint: str = ""
    tenant_file_bytes: Annotated[int, Meta(ge=10_000_000, le=10**15)] | None = None
    webhook_least_port: Annotated[int, Meta(ge=1, le=65535)] = 1024
    webhook_loopback: bool = False
    webhook_ca_file: str = ""
    migrate_url: str = ""
    database_urls: dict[str, str] = {}

    @property
    def base_host(self) -> str:
        """Return the base host with its port, as browsers send it: `localhost:8000` in development."""
        return self.base or f"localhost:{self.port}"

    @property
    def ways_in(self) -> tuple[str, ...]:
        """Return the ways to sign in: those that were set, else password and passkey; in the demo all three."""
        usual = ("password", "passkey", "email_link") if self.demo else ("password", "passkey")
        return self.sign_in_methods or usual

    @property
    def embedded(self) -> bool:
        """Return whether this installation runs its own PostgreSQL."""
        return not self.database_urls

    @property
    def smtp(self) -> SmtpServer | None:
        """Return the server that takes letters, or None where they are kept for staff to read."""
        return SmtpServer.of(self.smtp_url) if self.smtp_url else None

    @property
    def bucket(self) -> Bucket | None:
        """Return the bucket that files are kept in, or None where they lie in a folder of this machine."""
        if not self.s3_bucket:
            return None
        return Bucket(
            name=self.s3_bucket,
            region=self.s3_region,
            key=self.s3_key,
            secret=self.s3_secret,
            endpoint=self.s3_endpoint,
        )

    def origin(self, label: str) -> str:
        """Return the origin of one surface, for example `http://partners.localhost:8000`."""
        return f"{'https' if self.https else 'http'}://{label}.{self.base_host}"


def default_home() -> Path:
    """Return where embedded data lives: under /var/lib for root, else the user's data folder."""
    return Path("/var/lib/guildhall") if os.geteuid() == 0 else user_data_path("guildhall")


class SettingsError(Exception):
    """A setting is unknown, malformed or half set; the text names it."""


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in `environment`; raise SettingsError for anything that is not understood."""
    values: dict[str, Any] = {"home": default_home()}
    known = {
        f"GUILDHALL_{name.upper()}": name
        for name in Settings.__struct_fields__
        if name not in {"port", "database_urls"}
    }
    for name, text in environment.items():
        if name in known:
            values[known[name]] = text
        elif name.startswith("GUILDHALL_"):
            raise SettingsError(f"{name} is not a setting. Known: {', '.join(sorted(known))}")
    if "PORT" in environment:
        values["port"] = environment["PORT"]
    values["database_urls"] = {name: environment[name] for name in _URLS if environment.get(name)}
    return _checked(values)


def _checked(values: dict[str, Any]) -> Settings:
    """Return `values` as settings, lists split at commas and surfaces by their labels."""
    if isinstance(text := values.get("surfaces"), str):
        unknown = [label for label in text.split(",") if label.strip() not in LABELS]
        if unknown:
            raise SettingsError(f"GUILDHALL_SURFACES: unknown {', '.join(unknown)}; known: {', '.join(LABELS)}")
        values["surfaces"] = [LABELS[label.strip()] for label in text.split(",")]
    for name in ("trusted_proxies", "sign_in_methods"):
        if isinstance(text := values.get(name), str):
            values[name] = [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(text := values.get("api_limits"), str):
        values["api_limits"] = {
            name.strip(): calls for name, _, calls in (each.partition("=") for each in text.split(","))
        }
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=lambda kind, text: kind(text))
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is malformed: {error}") from None
    _half_set(settings)
    return settings


def _half_set(settings: Settings) -> None:
    """Raise SettingsError where one setting needs another that is missing."""
    urls = settings.database_urls
    if settings.secret and len(settings.secret) < 32:  # noqa: PLR2004
        raise SettingsError("GUILDHALL_SECRET needs at least 32 characters")
    if urls and not settings.secret:
        raise SettingsError("With DATABASE_URL set, GUILDHALL_SECRET is needed too")
    if settings.webhook_loopback and not (settings.demo or settings.development):
        raise SettingsError("GUILDHALL_WEBHOOK_LOOPBACK is for development and the demo only")
    if settings.demo and urls and not settings.migrate_url:
        raise SettingsError("The demo on a database of your own needs GUILDHALL_MIGRATE_URL")
    _files(settings)
    _mail(settings)


def _files(settings: Settings) -> None:
    """Raise SettingsError where files could not be kept in the bucket that was named."""
    needed = (settings.s3_bucket, settings.s3_region, settings.s3_key, settings.s3_secret)
    if any((*needed, settings.s3_endpoint)) and not all(needed):
        raise SettingsError(
            "GUILDHALL_S3_BUCKET, GUILDHALL_S3_REGION, GUILDHALL_S3_KEY and GUILDHALL_S3_SECRET are set together,"
            " or none of them"
        )
    if settings.s3_endpoint and not settings.s3_endpoint.startswith(("https://", "http://")):
        raise SettingsError("GUILDHALL_S3_ENDPOINT is an address: https://files.example.com")


def _mail(settings: Settings) -> None:
    """Raise SettingsError where letters could not be sent, or not be from anybody."""
    if bool(settings.smtp_url) != bool(settings.mail_from):
        raise SettingsError("GUILDHALL_SMTP_URL and GUILDHALL_MAIL_FROM are set together, or neither")
    if not settings.smtp_url:
        return
    try:
        SmtpServer.of(settings.smtp_url)
    except ValueError as wrong:
        raise SettingsError(f"GUILDHALL_SMTP_URL: {wrong}") from None
    if not settings.mail_from.isprintable():
        raise SettingsError("GUILDHALL_MAIL_FROM is one line: Name <mail@example.com>")
    try:
        validate_email(parseaddr(settings.mail_from)[1], check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as wrong:
        raise SettingsError(f"GUILDHALL_MAIL_FROM: {wrong} Write it as Name <mail@example.com>") from None
