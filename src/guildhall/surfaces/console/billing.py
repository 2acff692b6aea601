"""Billing over every customer: what was billed, what is owed and for how long, each figure leading to its invoices."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from litestar import get
from msgspec import Struct

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.money import Money
from guildhall.domain.billing import exports, invoices, summary
from guildhall.domain.billing.invoices import Filter
from guildhall.domain.billing.summary import AGES, Age, Summary, TenantFigures
from guildhall.domain.reports.report_scope import DEFAULT_DAYS
from guildhall.surfaces import asked
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page
from guildhall.surfaces.kit.charts import Chart, Series
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.kit.tables import Pages

RANKED = "billed"
AGE_NAMES = {
    "current": N_("Not yet due"),
    "days_1_30": N_("1 to 30 days late"),
    "days_31_60": N_("31 to 60 days late"),
    "days_61_90": N_("61 to 90 days late"),
    "days_over_90": N_("More than 90 days late"),
}
_TABS = (
    ("/billing", N_("Summary"), summary.SUMMARY),
    ("/billing/invoices", N_("Invoices"), invoices.READ),
    ("/billing/exports", N_("Exports"), exports.EXPORT),
)


class Part(Struct, frozen=True, kw_only=True):
    """One part of what is owed, with the address of its invoices."""

    label: str
    count: int
    amount: Money | None
    href: str


def tabs(actor: Actor, current: str) -> list[tuple[str, str, bool, None]]:
    """Return the tabs of the pages of billing that this person may open."""
    return [(gettext(label), href, href == current, None) for href, label, needed in _TABS if actor.may(needed)]


@get("/billing", **needs(summary.SUMMARY))
async def billing_summary(request: Web, actor: Who) -> Page:
    """Return the figures over a period in one currency, and what is owed now by age."""
    today = clock.now().date()
    since, until = asked.shown_days(request, today=today)
    last = until or today
    first = since or last - timedelta(days=DEFAULT_DAYS - 1)
    wanted, number = Filter(from_date=first, to_date=last, currency=currency_asked(request)), asked.page_number(request)
    shows_money = actor.may(invoices.MONEY)
    ranked = shows_money and asked.choice(request, "order", (RANKED,)) == RANKED
    async with framed(request, actor) as connection:
        found = await summary.summary(
            connection,
            actor,
            wanted,
            today=today,
            limit=asked.PAGE_SIZE,
            offset=(number - 1) * asked.PAGE_SIZE,
            largest=True,
            ranked=ranked,
        )
    lists = actor.may(invoices.READ)
    return await page(
        request,
        "billing/summary.html",
        found=found,
        pages=Pages(
            shown=len(found.by_tenant),
            page=number,
            size=asked.PAGE_SIZE,
            total=found.tenants,
            next=str(number + 1) if found.more else None,
        ),
        ranked=ranked,
        tabs=tabs(actor, "/billing"),
        currencies=[(code, code == found.currency) for code in _codes(found)],
        period=(first, last),
        ages=[_part(each, found.currency) for each in found.ageing],
        owed=_sum(found.ageing),
        late=_sum([each for each in found.ageing if each.age != "current"]),
        charts=_charts(found),
        lists=lists,
        shows_money=shows_money,
        link=lambda **query: _address(found.currency, **query) if lists else None,
        in_period={"since": first.isoformat(), "until": last.isoformat()},
    )


def currency_asked(request: Web) -> str:
    """Return the currency that the address names, or nothing for anything that cannot be one."""
    text: str = request.query_params.get("currency", "")
    return text if is_currency(text) else ""


def is_currency(text: str) -> bool:
    """Return whether `text` can be the code of a currency."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()  # noqa: PLR2004 - ISO 4217


def _codes(found: Summary) -> list[str]:
    """Return every currency of the period."""
    return sorted({*found.other_currencies, *([found.currency] if found.currency else [])})


def _address(currency: str | None, **query: str) -> str:
    """Return the address of the invoices behind a figure."""
    return "/billing/invoices?" + urlencode({**query, **({"currency": currency} if currency else {})})


def _part(each: Age, currency: str | None) -> Part:
    return Part(
        label=gettext(AGE_NAMES[each.age]),
        count=each.invoice_count,
        amount=each.amount,
        href=_address(currency, age=each.age),
    )


def _sum(ages: Sequence[Age]) -> Money | None:
    """Return what some parts are together, in their one currency; None for whoever sees no amount."""
    amounts = [each.amount for each in ages if each.amount is not None]
    return Money(sum((each.amount for each in amounts), Decimal()), amounts[0].currency) if amounts else None


def _charts(found: Summary) -> list[tuple[str, str, Chart]]:
    """Return what is owed by age, and by customer, as charts; none without an amount."""
    drawn = []
    if found.currency and any(each.amount and each.amount.amount for each in found.ageing):
        drawn.append(("ageing", gettext("What is owed, by age"), _ageing(found.ageing, found.currency)))
    billed = [each for each in found.largest if each.revenue and each.revenue.amount]
    if found.currency and billed:
        drawn.append(("billed", gettext("Billed in the period"), _billed(billed, found.currency)))
    return drawn


def _ageing(ages: Sequence[Age], currency: str) -> Chart:
    return Chart(
        kind="bars",
        labels=[gettext(AGE_NAMES[each.age]) for each in ages],
        series=[Series(gettext("Outstanding"), [each.amount.amount if each.amount else None for each in ages])],
        summary=gettext("What is owed now, by how many days it is late."),
        currency=currency,
    )


def _billed(largest: list[TenantFigures], currency: str) -> Chart:
    return Chart(
        kind="bars-flat",
        labels=[each.tenant_name or gettext("Your own organisation") for each in largest],
        series=[Series(gettext("Billed"), [each.revenue.amount if each.revenue else None for each in largest])],
        summary=gettext("The customers with the largest sums billed in the period."),
        currency=currency,
    )


def due_between(age: str, today: date) -> tuple[date | None, date | None]:
    """Return the days between which an invoice of an age was due."""
    _, first, last = next(each for each in AGES if each[0] == age)
    return (
        None if last is None else today - timedelta(days=last),
        None if first is None else today - timedelta(days=first),
    )


ROUTES = [billing_summary]
