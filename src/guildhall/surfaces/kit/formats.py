"""Numbers, money and moments as the reader writes them.

Formats come from Babel and are kept, so a row costs microseconds.
"""

import datetime as dt
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta, get_datetime_format
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from markupsafe import Markup

from guildhall.surfaces.kit.i18n import gettext, speech, zone_of
from guildhall.surfaces.kit.safe import markup

ABSENT = Markup("–")  # noqa: RUF001  (an en dash stands for no value)


class Shape(NamedTuple):
    """How one locale writes amounts of one currency.

    `pattern` is for the few that do not group digits by threes; it is empty for the others.
    """

    before: str
    after: str
    negative_before: str
    negative_after: str
    marks: dict[int, str]
    places: int
    unit: Decimal
    pattern: str


@lru_cache(maxsize=512)
def _money_shape(locale: str, currency: str, wanted: int | None) -> Shape:
    known = Locale.parse(locale)
    places = get_currency_precision(currency) if wanted is None else wanted
    exact = get_currency_precision(currency)
    zero, one = (format_decimal(sample, "0." + "0" * exact if exact else "0", locale) for sample in (0, 1))
    before, after = format_currency(0, currency, locale=locale).split(zero)
    lower_before, lower_after = format_currency(-1, currency, locale=locale).split(one)
    marks = known.number_symbols["latn"]
    first, second = known.currency_formats["standard"].grouping
    pattern = "" if first == second else f"#,{'#' * second},{'#' * (first - 1)}0{('.' + '0' * places) * (places > 0)}"
    translated = {ord(","): str(marks["group"]), ord("."): str(marks["decimal"])}
    unit = Decimal(1).scaleb(-places)
    return Shape(before, after, lower_before, lower_after, translated, places, unit, pattern)


def money(amount: Decimal | None, currency: str, places: int | None = None) -> str:
    """`amount` of the ISO 4217 `currency` in the reader's format.

    At the currency's own number of decimals, or at `places`: 0 for tiles, where a glance is enough. None (an
    amount the reader may not see, or none yet) is shown as a dash.
    """
    if amount is None:
        return ABSENT
    locale = speech().locale
    shape = _money_shape(locale, currency, places)
    rounded = Decimal(amount).quantize(shape.unit, ROUND_HALF_UP)
    if shape.pattern:
        digits = str(format_decimal(abs(rounded), shape.pattern, locale))
    else:
        digits = f"{abs(rounded):,.{shape.places}f}".translate(shape.marks)
    if rounded < 0:
        return f"{shape.negative_before}{digits}{shape.negative_after}"
    return f"{shape.before}{digits}{shape.after}"


@lru_cache(maxsize=8192)
def _number(value: Decimal | float, locale: str) -> str:
    return str(format_decimal(value, locale=locale))


def number(value: Decimal | float | None) -> str:
    """`value` with the reader's separators; None is a dash."""
    return ABSENT if value is None else _number(value, speech().locale)


@lru_cache(maxsize=8192)
def _percent(value: Decimal | float, places: int, locale: str) -> str:
    pattern = Locale.parse(locale).percent_formats[None].pattern
    return str(format_percent(value, pattern.replace("0", "0." + "#" * places, 1) if places else None, locale=locale))


def percent(value: Decimal | float | None, places: int = 0) -> str:
    """Return the share `value` (0.25 for a quarter) in percent with at most `places` decimals.

    None is a dash.
    """
    return ABSENT if value is None else _percent(value, places, speech().locale)


@lru_cache(maxsize=8192)
def _date(day: dt.date, locale: str, style: str) -> str:
    return str(format_date(day, format=style, locale=locale))


@lru_cache(maxsize=4096)
def _time(hour: int, minute: int, locale: str) -> str:
    # The narrow space of the locale data is no glyph of the page's font and would nearly vanish.
    return str(format_time(dt.time(hour, minute), format="short", locale=locale)).replace("\u202f", "\xa0")


@lru_cache(maxsize=64)
def _glue(locale: str) -> str:
    """How day and time stand together, to be filled in with `%`."""
    pattern = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return pattern.replace("{0}", "%(time)s").replace("{1}", "%(day)s")


def _local(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(zone_of(speech().zone))


def date(value: dt.date | dt.datetime | None, style: str = "medium") -> str:
    """Return a day in the reader's format and, for a moment, in the reader's zone.

    `style` is short, medium, long or full.
    """
    if value is None:
        return ABSENT
    day = _local(value).date() if isinstance(value, dt.datetime) else value
    return _date(day, speech().locale, style)


@lru_cache(maxsize=512)
def _month(day: dt.date, locale: str) -> str:
    return str(format_skeleton("yMMMM", day, locale=locale))


def month(day: dt.date) -> str:
    """Return the month of `day` with its year, by name."""
    return _month(day.replace(day=1), speech().locale)


def datetime(value: dt.datetime | None) -> str:
    """Return a moment to the minute in the reader's zone and format; None is a dash."""
    if value is None:
        return ABSENT
    locale, local = speech().locale, _local(value)
    day, time = _date(local.date(), locale, "medium"), _time(local.hour, local.minute, locale)
    return _glue(locale) % {"day": day, "time": time}


_MINUTE, _HOUR, _DAY, _LONG = 60, 3600, 86400, 60 * 86400


@lru_cache(maxsize=8192)
def _distance(seconds: int, locale: str) -> str:
    """Minutes, hours, then days up to two months: "in 41 days" says more than "in 6 weeks"."""
    if _DAY <= abs(seconds) < _LONG:
        return str(format_timedelta(seconds, "day", threshold=60, add_direction=True, locale=locale))
    return str(format_timedelta(seconds, add_direction=True, locale=locale))


def relative(value: dt.datetime | None, now: dt.datetime | None = None) -> Markup:
    """Return the distance from now ("3 hours ago", "in 2 days") as a `<time>` that carries the exact moment.

    `now` is the moment to count from; left out, the present one.
    """
    if value is None:
        return ABSENT
    delta = round((value - (now or dt.datetime.now(dt.UTC))).total_seconds())
    step = _MINUTE if abs(delta) < _HOUR else _HOUR if abs(delta) < _DAY else _DAY
    text = gettext("just now") if abs(delta) < _MINUTE else _distance(round(delta / step) * step, speech().locale)
    exact = f'datetime="{value.isoformat(timespec="seconds")}" title="{datetime(value)}"'
    return markup(f'<time class="nowrap" {exact}>{text}</time>')


@lru_cache(maxsize=4096)
def _duration(seconds: int, locale: str) -> str:
    if abs(seconds) >= 2 * _DAY:
        return str(format_timedelta(seconds, "day", threshold=60, format="short", locale=locale))
    return str(format_timedelta(seconds, threshold=2, format="short", locale=locale))


def duration(span: dt.timedelta) -> str:
    """Return how long something takes, to the minute, from two hours on to the hour, from two days on to the day."""
    seconds = round(span.total_seconds())
    step = _MINUTE if abs(seconds) < 2 * _HOUR else _HOUR if abs(seconds) < 2 * _DAY else _DAY
    return _duration(round(seconds / step) * step, speech().locale)


_KILO, _MEGA = 1000, 1_000_000


def octets(count: int) -> str:
    """Return the size of a file in kB or MB, to one decimal above a megabyte."""
    if count < _MEGA:
        return f"{number(max(1, round(count / _KILO)))}\xa0kB"
    return f"{number(round(count / _MEGA, 1))}\xa0MB"


def initials(name: str) -> str:
    """Up to two capital letters that stand for `name`."""
    words = [word for word in name.split() if word[:1].isalnum()]
    picked = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(word[0] for word in picked).upper() or "?"


FILTERS: dict[str, Callable[..., str]] = {
    "money": money,
    "number": number,
    "percent": percent,
    "date": date,
    "datetime": datetime,
    "ago": relative,
    "until": relative,
    "initials": initials,
    "octets": octets,
}
