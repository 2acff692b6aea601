"""Words for calls of the API and for how many are allowed, on pages of partners and of staff."""

from collections.abc import Mapping

from guildhall.surfaces.kit.formats import number
from guildhall.surfaces.kit.i18n import N_, gettext

_KINDS: Mapping[str, str] = {
    "list": N_("Lists"),
    "across": N_("Lists over several customers"),
    "detail": N_("Single objects"),
    "write": N_("Writes"),
    "export": N_("Exports"),
    "tenant": N_("All calls in one customer"),
    "platform": N_("Calls of the platform"),
}
_NEAR = 0.8
_HOUR = 3600


def call_label(kind: str) -> str:
    """Return the word for a kind of calls."""
    return gettext(_KINDS[kind])


def rate_label(calls: int, seconds: int) -> str:
    """Return how many calls are allowed in what time."""
    if seconds == _HOUR:
        return gettext("%(calls)s an hour", calls=number(calls))
    return gettext("%(calls)s a minute", calls=number(calls))


def use_label(used: int, quota: int, seconds: int) -> str:
    """Return how many of the allowed calls were made."""
    return gettext("%(used)s of %(rate)s", used=number(used), rate=rate_label(quota, seconds))


def use_tone(used: int, quota: int) -> str:
    """Return the tone of a meter: calm, near the quota, at it."""
    return "bad" if used >= quota else "warn" if used >= _NEAR * quota else "ok"


FUNCTIONS = (call_label, rate_label, use_label, use_tone)
