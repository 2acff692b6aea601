"""Fields that every form about software has, a partner's or the platform's: its end, its networks, older secrets."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from guildhall.core.errors import Invalid
from guildhall.domain.people.client_rules import OVERLAPS
from guildhall.surfaces import asked
from guildhall.surfaces.kit.i18n import N_, gettext, speech, zone_of
from guildhall.surfaces.kit.tables import Option

DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_OVERLAP_WORDS = {
    0: N_("At once"),
    1: N_("In an hour"),
    24: N_("In a day"),
    72: N_("In three days"),
    168: N_("In seven days"),
}
_BY_HOURS = {str(each // _HOUR): each for each in OVERLAPS}


def overlaps() -> list[Option]:
    """Return when older secrets may stop, as choices."""
    return [Option(str(each // _HOUR), gettext(_OVERLAP_WORDS[each // _HOUR])) for each in OVERLAPS]


def overlap_of(values: Mapping[str, str]) -> timedelta:
    """Return when older secrets are to stop; what is no choice is longer than any."""
    return _BY_HOURS.get(values.get("overlap", ""), timedelta.max)


def end_of(text: str) -> datetime | None:
    """Return the end that a last day means, None without one; raise Invalid for a day that is none."""
    try:
        day = asked.day_in(text)
    except Invalid as wrong:
        raise Invalid(errors={"expires_at": wrong.sentence}) from None
    return asked.start_of(day + DAY) if day else None


def networks_in(text: str) -> tuple[str, ...]:
    """Return the networks that were typed."""
    return tuple(text.split())


def day_of(moment: datetime) -> str:
    """Return the reader's day of a moment, as a date field takes it."""
    return moment.astimezone(zone_of(speech().zone)).date().isoformat()
