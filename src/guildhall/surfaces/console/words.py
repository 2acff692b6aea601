"""The console's own words for the codes of the domain: cycles, models, amounts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from guildhall.core.money import Money
from guildhall.surfaces import call_words
from guildhall.surfaces.kit import formats
from guildhall.surfaces.kit.i18n import N_
from guildhall.surfaces.kit.states import badge
from guildhall.surfaces.ticket_words import clock_formula
from guildhall.surfaces.webhooks.pages import event_label, is_due
from guildhall.surfaces.words import (
    area_label,
    category_label,
    category_options,
    language_name,
    metric_label,
    permission_label,
    person_role_label,
    proof_facts,
    role_label,
    role_options,
    said,
    scope_label,
    service_level,
    state_options,
)

MODELS: Mapping[str, str] = {
    "customer_managed": N_("Plan, usage and billing only. Security stays with the customer."),
    "co_managed": N_("Security posture and findings are shared as well."),
    "fully_managed": N_("You run it; the customer's own people may be read-only or off."),
}
CYCLES: Mapping[str, str] = {"monthly": N_("Monthly"), "annual": N_("Annual")}


def cycle_label(code: str) -> str:
    """Return the word for a billing cycle."""
    return said(CYCLES, code)


_CLOCKS = {"running": "ok", "due_soon": "soon", "met": "met", "breached": "breached"}


def clock_badge(state: str) -> Markup:
    """Return what a ticket's clock shows; nothing where it has none."""
    return badge("sla", _CLOCKS.get(state))


def sum_of(amount: Money | None) -> str:
    """Return an amount in the reader's format; a dash for one that is not there."""
    return formats.ABSENT if amount is None else formats.money(amount.amount, amount.currency)


def sums_of(amounts: Iterable[Money] | None) -> str:
    """Return amounts in several currencies, which are never added up."""
    return ", ".join(sum_of(amount) for amount in amounts or ()) or formats.ABSENT


def largest(amounts: Sequence[Money]) -> Money:
    """Return the largest of amounts in several currencies by its figure, which a tile shows first."""
    return max(amounts, key=lambda each: each.amount)


def further(amounts: Sequence[Money]) -> str | None:
    """Return the amounts that a tile shows beside the largest, or None."""
    first = largest(amounts)
    return sums_of(each for each in amounts if each is not first) if len(amounts) > 1 else None


FUNCTIONS: Mapping[str, Any] = {
    function.__name__: function
    for function in (
        *call_words.FUNCTIONS,
        role_label,
        area_label,
        permission_label,
        category_label,
        person_role_label,
        clock_badge,
        clock_formula,
        event_label,
        is_due,
        cycle_label,
        scope_label,
        service_level,
        language_name,
        proof_facts,
        metric_label,
        state_options,
        role_options,
        category_options,
    )
}


def teach(environment: Environment) -> Environment:
    """Give the console's templates these words; return the environment."""
    environment.globals.update(FUNCTIONS)
    environment.filters["area_label"] = area_label
    environment.filters.update({"sum_of": sum_of, "sums_of": sums_of, "largest": largest, "further": further})
    return environment
