"""Numbers, money and moments read as Babel writes them, in each language and zone."""

import datetime as dt
from decimal import Decimal

import pytest
from babel import dates, numbers

from guildhall.surfaces.kit import formats
from guildhall.surfaces.kit.i18n import Speech, languages, negotiate, ngettext, speaking

MOMENT = dt.datetime(2026, 3, 29, 0, 59, 30, tzinfo=dt.UTC)
AMOUNTS = [Decimal(text) for text in ("0", "0.005", "-0.005", "1", "-1234.5", "999.995", "1234567.891", "-0.001")]


@pytest.fixture(params=["en", "en_GB", "en_IN", "es", "es_MX", "de_CH"])
def region(request):
    with speaking(Speech(request.param[:2], request.param, "Europe/Madrid")):
        yield request.param


@pytest.mark.parametrize("currency", ["EUR", "USD", "JPY", "KWD", "CHF"])
def test_money_is_what_babel_writes_rounded_half_up(region, currency):
    places = numbers.get_currency_precision(currency)
    for amount in AMOUNTS:
        rounded = amount.quantize(Decimal(1).scaleb(-places), "ROUND_HALF_UP")
        rounded = rounded or abs(rounded)
        assert formats.money(amount, currency) == numbers.format_currency(rounded, currency, locale=region)


def test_whole_money_leaves_the_decimals_out(region):
    for amount in (Decimal("1234.50"), Decimal("-1234.49"), Decimal(0)):
        shown = formats.money(amount, "EUR", places=0)
        digits = str(abs(amount).quantize(Decimal(1), "ROUND_HALF_UP"))
        assert "".join(mark for mark in shown if mark.isdigit()) == digits


def test_numbers_and_percents_are_what_babel_writes(region):
    for value in (0, 3, 1234567, Decimal("12.5"), -7):
        assert formats.number(value) == numbers.format_decimal(value, locale=region)
    assert formats.percent(Decimal("0.25")) == numbers.format_percent(0.25, locale=region)
    assert formats.percent(Decimal("0.99954"), 2).replace("\xa0", "").startswith(("99.95", "99,95"))


def test_days_and_moments_are_what_babel_writes_in_the_readers_zone(region):
    local = MOMENT.astimezone(dates.get_timezone("Europe/Madrid"))
    assert formats.date(MOMENT) == dates.format_date(local, "medium", locale=region)
    assert formats.date(dt.date(2026, 3, 29), "full") == dates.format_date(local, "full", locale=region)
    day, time = (
        dates.format_date(local, "medium", locale=region),
        dates.format_time(local.time(), "short", locale=region),
    )
    assert formats.datetime(MOMENT).startswith(day)
    # A narrow space is no glyph of the page's font; one that does not break stands in for it.
    assert formats.datetime(MOMENT).endswith(time.replace("\u202f", "\xa0"))


@pytest.mark.parametrize("shown", [formats.number, formats.percent, formats.date, formats.datetime, formats.relative])
def test_nothing_is_a_dash_and_never_a_zero(shown):
    assert shown(None) == "\N{EN DASH}"
    assert formats.money(None, "EUR") == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("distance", "english", "spanish"),
    [
        ({"seconds": 20}, "just now", "ahora mismo"),
        ({"minutes": -5}, "5 minutes ago", "hace 5 minutos"),
        ({"hours": 3}, "in 3 hours", "dentro de 3 horas"),
        ({"days": 41}, "in 41 days", "dentro de 41 días"),
        ({"days": -1}, "1 day ago", "hace 1 día"),
        ({"days": 400}, "in 1 year", "dentro de 1 año"),
    ],
)
def test_distances_are_told_in_words_and_carry_the_exact_moment(distance, english, spanish):
    for language, words in (("en", english), ("es", spanish)):
        with speaking(Speech(language)):
            shown = formats.relative(MOMENT + dt.timedelta(**distance), MOMENT)
        assert f">{words}</time>" in shown
        assert (MOMENT + dt.timedelta(**distance)).isoformat(timespec="seconds") in shown


@pytest.mark.parametrize(
    ("name", "letters"), [("Ana Ruiz", "AR"), ("northwind", "N"), ("Ana de la Cruz", "AC"), ("(x) Y", "Y"), ("", "?")]
)
def test_initials(name, letters):
    assert formats.initials(name) == letters


def test_the_language_is_the_chosen_one_else_the_browsers_best_else_english():
    assert list(languages()) == ["en", "es"]
    assert negotiate("de, es-MX;q=0.8, en;q=0.5") == "es"
    assert negotiate("es", "en") == "en"
    assert negotiate("fr", "xx") == "en"
    assert negotiate(None) == "en"


def test_plurals_follow_the_language():
    with speaking(Speech("es")):
        assert [ngettext("%(num)s entry", "%(num)s entries", count) for count in (1, 2)] == ["1 entrada", "2 entradas"]
