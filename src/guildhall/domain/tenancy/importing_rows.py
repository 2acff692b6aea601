"""What one row of an import may hold, kind by kind (PRODUCT §6).

A field without a default is needed. UNSET means “not given”: a new row takes the database's default, an existing
one keeps what it has. None means “there is none”, and overwrites. Amounts are text, so that they never pass
through a float; the description of each type is what an error asks for.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import available_timezones

from msgspec import UNSET, Meta, Struct, UnsetType

_NO_NUL = r"\A[^\x00]*\Z"  # PostgreSQL's text holds every character but this one

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NO_NUL, description="text of at most 200 characters")]
Text = Annotated[str, Meta(max_length=20_000, pattern=_NO_NUL, description="text of at most 20,000 characters")]
Tag = Annotated[str, Meta(min_length=1, max_length=40, pattern=_NO_NUL)]
Tags = Annotated[list[Tag], Meta(max_length=20, description="at most 20 tags of 40 characters, separated by |")]
Slug = Annotated[
    str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\Z", description="small letters, digits and dashes, as in acme-fiber")
]
Domain = Annotated[
    str,
    Meta(
        max_length=253,
        pattern=r"\A[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+\Z",
        description="a domain such as acme.example",
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254, pattern=r"\A[^@\s\x00]+@[^@\s\x00]+\Z", description="an e-mail address such as ana@acme.example"
    ),
]
Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z", description="a currency of ISO 4217 such as USD")]
Amount = Annotated[
    str,
    Meta(
        pattern=r"\A-?[0-9]{1,14}(\.[0-9]{1,4})?\Z",
        description="a decimal number such as 12.50 (text in JSON), at most four places",
    ),
]
Quantity = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9]{1,14}(\.[0-9]{1,4})?\Z",
        description="a decimal number such as 12.5 (text in JSON), not negative, at most four places",
    ),
]
Count = Annotated[int, Meta(ge=0, le=1_000_000, description="a whole number from 0 to 1,000,000")]
Position = Annotated[int, Meta(ge=1, le=10_000, description="a whole number from 1 to 10,000")]
Score = Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100")]
Day = Annotated[date, Meta(description="a date such as 2026-01-31")]
Moment = Annotated[datetime, Meta(tz=True, description="a time with its zone such as 2026-01-31T09:30:00Z")]
Language = Annotated[str, Meta(pattern=r"\A[a-z]{2}\Z", description="a language of two letters such as en")]

TenantStatus = Annotated[Literal["active", "trial", "suspended"], Meta(description="active, trial or suspended")]
PersonStatus = Annotated[Literal["active", "deactivated"], Meta(description="active or deactivated")]
Role = Annotated[Literal["approver", "viewer"], Meta(description="approver or viewer")]
SubscriberStatus = Annotated[
    Literal["active", "suspended", "cancelled"], Meta(description="active, suspended or cancelled")
]
InvoiceStatus = Annotated[
    Literal["draft", "finalized", "paid", "overdue", "cancelled"],
    Meta(description="draft, finalized, paid, overdue or cancelled"),
]
TicketStatus = Annotated[
    Literal["open", "pending", "resolved", "closed"], Meta(description="open, pending, resolved or closed")
]
Priority = Annotated[Literal["low", "normal", "high", "urgent"], Meta(description="low, normal, high or urgent")]
Severity = Annotated[Literal["critical", "high", "medium", "low"], Meta(description="critical, high, medium or low")]


class Row(Struct, forbid_unknown_fields=True, kw_only=True):
    """A row of any kind."""


class Address(Row):
    """A postal address; in CSV the columns are `address_street` and so on."""

    street: Name = ""
    city: Name = ""
    postal_code: Name = ""
    country: Name = ""


PostalAddress = Annotated[Address, Meta(description="an address of street, city, postal_code and country, each short")]


class TenantRow(Row):
    """A tenant, known by `external_id`."""

    external_id: Name
    name: Name
    slug: Slug
    domain: Domain
    status: TenantStatus | UnsetType = UNSET
    plan_type: Name | UnsetType = UNSET
    contact_name: Name | UnsetType = UNSET
    contact_email: Email | UnsetType = UNSET
    contact_phone: Name | UnsetType = UNSET
    address: PostalAddress | UnsetType = UNSET
    region: Name | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    users_max: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Write the domain in small letters."""
        self.domain = self.domain.lower()


class UserRow(Row):
    """A person of a tenant, known by `email`; `tenant` is the tenant's external id."""

    tenant: Name
    email: Email
    name: Name
    role: Role
    status: PersonStatus = "active"
    language: Language = "en"
    timezone: Name = "UTC"

    def __post_init__(self) -> None:
        """Write the address in small letters; refuse a zone that nobody knows."""
        self.email = self.email.lower()
        if self.timezone not in available_timezones():
            raise ValueError("timezone: write a zone such as Europe/London")


class SubscriberRow(Row):
    """An individual customer of a tenant."""

    tenant: Name
    external_id: Name
    name: Name
    email: Email | UnsetType = UNSET
    status: SubscriberStatus | UnsetType = UNSET
    plan: Name | UnsetType = UNSET


class InvoiceRow(Row, kw_only=True):
    """A tenant's invoice to a subscriber; its lines are a kind of their own."""

    tenant: Name
    external_id: Name
    number: Name
    status: InvoiceStatus
    currency: Currency
    amount: Amount
    amount_paid: Amount = "0"
    issued_on: Day
    due_on: Day
    paid_on: Day | None = None
    subscriber: Name | None = None

    def __post_init__(self) -> None:
        """Refuse dates that contradict each other or the status."""
        if self.due_on < self.issued_on:
            raise ValueError("due_on: lies before issued_on")
        if self.paid_on is not None and self.status != "paid":
            raise ValueError("paid_on: only a paid invoice has it")


class InvoiceLineRow(Row):
    """A line of an invoice, known by its position; `invoice` is the invoice's external id."""

    tenant: Name
    invoice: Name
    position: Position
    description: Text
    quantity: Amount
    unit_price: Amount
    amount: Amount


class PaymentRow(Row):
    """A payment of an invoice, in the invoice's currency."""

    tenant: Name
    external_id: Name
    invoice: Name
    currency: Currency
    amount: Amount
    paid_on: Day


class TicketRow(Row, kw_only=True):
    """A ticket as the platform knows it."""

    tenant: Name
    external_id: Name
    subject: Name
    description: Text | UnsetType = UNSET
    status: TicketStatus
    priority: Priority
    category: Name | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    subscriber: Name | None = None
    created_by_name: Name | UnsetType = UNSET
    created_at: Moment | UnsetType = UNSET
    sla_breach_at: Moment | UnsetType = UNSET
    sla_breached_at: Moment | UnsetType = UNSET
    resolved_at: Moment | None = None

    def __post_init__(self) -> None:
        """Refuse a solution of a ticket that is not solved."""
        if self.resolved_at is not None and self.status in {"open", "pending"}:
            raise ValueError("resolved_at: only a resolved or closed ticket has it")


class UsageRow(Row):
    """What a tenant used of one metric on one day."""

    tenant: Name
    metric: Name
    day: Day
    quantity: Quantity


class OutageRow(Row, kw_only=True):
    """An outage; without `ended_at` it still lasts."""

    tenant: Name
    external_id: Name
    started_at: Moment
    ended_at: Moment | None = None
    cause: Text | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse an end before the start."""
        if self.ended_at is not None and self.ended_at < self.started_at:
            raise ValueError("ended_at: lies before started_at")


class Finding(Row):
    """One finding of a posture snapshot."""

    id: Name
    title: Name
    severity: Severity
    asset: Name = ""
    status: Name = "open"


Findings = Annotated[
    list[Finding], Meta(max_length=1000, description="a JSON list of findings with id, title and severity")
]


class PostureRow(Row):
    """A snapshot of a tenant's security posture, known by the moment it was taken."""

    tenant: Name
    taken_at: Moment
    score: Score
    critical: Count = 0
    high: Count = 0
    medium: Count = 0
    low: Count = 0
    findings: Findings | UnsetType = UNSET
