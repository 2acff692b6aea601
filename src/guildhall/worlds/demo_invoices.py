"""Eighteen months of invoices: one each quarter for each subscriber, with lines and payments, in every status."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from msgspec import Struct

from guildhall.worlds.demo_subscribers import Subscriber
from guildhall.worlds.ground import Connection, cents, chance, copy, made_id, midnight

_MONTHS = 18
_TERM = timedelta(days=30)
_EXTRAS = (("Router rental", "6.50"), ("Static address", "5.00"), ("Second line", "24.00"))


class Invoice(Struct, frozen=True):
    """One invoice with its lines (text, quantity, unit price) and payments (day, amount)."""

    id: UUID
    subscriber: Subscriber
    number: str
    status: str
    currency: str
    issued: date
    lines: tuple[tuple[str, int, Decimal], ...]
    payments: tuple[tuple[date, Decimal], ...]

    @property
    def amount(self) -> Decimal:
        """Return the sum of the lines."""
        return sum((quantity * price for _, quantity, price in self.lines), Decimal())

    @property
    def paid(self) -> Decimal:
        """Return the sum of the payments."""
        return sum((amount for _, amount in self.payments), Decimal())


def invoices(made: list[Subscriber], today: date) -> list[Invoice]:
    """Return every invoice issued up to `today`."""
    return [invoice for one in made for invoice in _of(one, today)]


def _of(one: Subscriber, today: date) -> Iterator[Invoice]:
    luck = chance("invoices", one.tenant.slug, one.number)
    for back in range(_MONTHS - 1, -1, -1):
        issued = _month(today, back) + timedelta(days=one.number % 27)
        if (back + one.number) % 3 == 0 and one.tenant.since <= issued <= today:
            yield _invoice(one, issued, luck, today)


def _month(today: date, back: int) -> date:
    """Return the first day of the month `back` months before `today`'s."""
    months = today.year * 12 + today.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _invoice(one: Subscriber, issued: date, luck: Random, today: date) -> Invoice:
    lines = [(f"{one.plan}, three months", 3, Decimal(one.price))]
    if luck.random() < 0.6:  # noqa: PLR2004
        text, price = luck.choice(_EXTRAS)
        lines.append((text, 3, Decimal(price)))
    amount = sum((quantity * price for _, quantity, price in lines), Decimal())
    status = _status(issued, luck, today)
    second = one.tenant.second_currency if one.number % 5 == 0 else ""
    return Invoice(
        made_id("invoice", one.tenant.slug, one.number, issued),
        one,
        f"{issued:%Y%m}-{one.number:03}",
        status,
        second or one.tenant.currency,
        issued,
        tuple(lines),
        tuple(_payments(status, amount, issued, luck, today)),
    )


def _status(issued: date, luck: Random, today: date) -> str:
    """Return a status that fits the invoice's age: nothing is overdue before it is due."""
    draw, late = luck.random(), (today - issued - _TERM).days
    if draw < 0.02:  # noqa: PLR2004
        return "cancelled"
    if late <= 0:
        fresh = (today - issued).days < 8  # noqa: PLR2004
        return "draft" if fresh and draw < 0.3 else "paid" if draw < 0.5 else "finalized"  # noqa: PLR2004
    return "overdue" if draw < (0.16 if late < 75 else 0.03) else "paid"  # noqa: PLR2004


def _payments(status: str, amount: Decimal, issued: date, luck: Random, today: date) -> Iterator[tuple[date, Decimal]]:
    """Yield the payments: all of it where paid, sometimes in two parts; sometimes a part where it is owed."""
    draw = luck.random()
    first = min(issued + timedelta(days=luck.randint(1, 38)), today)
    part = cents(amount * Decimal("0.4"))
    if status == "paid" and draw < 0.1:  # noqa: PLR2004
        yield first, part
        yield min(first + timedelta(days=9), today), amount - part
    elif status == "paid":
        yield first, amount
    elif status in {"finalized", "overdue"} and draw < 0.15:  # noqa: PLR2004
        yield first, part


def seed_invoices(connection: Connection, made: list[Invoice]) -> None:
    """Write invoices, lines and payments."""
    copy(
        connection,
        "tenancy.invoice",
        "id tenant_id subscriber_id external_id number status currency amount amount_paid issued_on due_on paid_on"
        " created_at updated_at",
        (_row(one) for one in made),
    )
    copy(
        connection,
        "tenancy.invoice_line",
        "id tenant_id invoice_id position description quantity unit_price amount",
        (
            (made_id(one.id, place), one.subscriber.tenant.id, one.id, place, text, count, price, count * price)
            for one in made
            for place, (text, count, price) in enumerate(one.lines, 1)
        ),
    )
    copy(
        connection,
        "tenancy.payment",
        "id tenant_id invoice_id external_id currency amount paid_on created_at",
        (
            (
                made_id(one.id, "payment", place),
                one.subscriber.tenant.id,
                one.id,
                f"P-{one.number}-{place}",
                one.currency,
                amount,
                day,
                midnight(day),
            )
            for one in made
            for place, (day, amount) in enumerate(one.payments, 1)
        ),
    )


def _row(one: Invoice) -> tuple[object, ...]:
    return (
        one.id,
        one.subscriber.tenant.id,
        one.subscriber.id,
        f"I-{one.number}",
        f"INV-{one.number}",
        one.status,
        one.currency,
        one.amount,
        one.paid,
        one.issued,
        one.issued + _TERM,
        one.payments[-1][0] if one.status == "paid" else None,
        midnight(one.issued),
        midnight(one.payments[-1][0] if one.payments else one.issued),
    )
