"""Words in the reader's language as templates show them: escaped, with values filled in.

The catalogues and the language of a request are `guildhall.core.i18n`'s, since letters are written in them too.
"""

from functools import lru_cache

from markupsafe import Markup, escape

from guildhall.core.i18n import (
    LOCALE,
    N_,
    SOURCE,
    Speech,
    catalogue,
    gettext,
    languages,
    negotiate,
    ngettext,
    speak,
    speaking,
    speech,
    zone_of,
)
from guildhall.surfaces.kit.safe import markup, safe

__all__ = [
    "LOCALE",
    "N_",
    "SOURCE",
    "Speech",
    "catalogue",
    "gettext",
    "languages",
    "negotiate",
    "ngettext",
    "shown",
    "shown_block",
    "shown_plural",
    "speak",
    "speaking",
    "speech",
    "zone_of",
]


def shown(msgid: str, /, **values: object) -> Markup:
    """Return what templates show for `_(msgid, name=value)`: words and values escaped, `%%` a percent sign."""
    text, plain = _escaped(msgid, speech().language)
    return plain if plain is not None and not values else _filled(text, values)


def _filled(text: str, values: dict[str, object]) -> Markup:
    """`text` with `values` escaped into it; what `Markup % values` gives, in half the time."""
    ready = {name: value if isinstance(value, int) else safe(value) for name, value in values.items()}
    return markup(str(text) % ready)


def shown_block(msgid: str, /, **values: object) -> Markup:
    """Return what templates show for a `{% trans %}` block: its markup stands, values are escaped."""
    text, plain = _trusted(msgid, speech().language)
    return plain if plain is not None and not values else _filled(text, values)


def shown_plural(singular: str, plural: str, count: int, /, **values: object) -> Markup:
    """Return the form for `count` as templates show it: from `ngettext` or a `{% trans %}` block."""
    text = catalogue(speech().language).ungettext(singular, plural, count)
    return _filled(text, {"num": count, **values})


@lru_cache(maxsize=8192)
def _escaped(msgid: str, language: str) -> tuple[Markup, Markup | None]:
    text = catalogue(language).ugettext(msgid) if msgid else ""
    return _prepared(escape(str(text)))  # equal keys of the cache: a text handed in as markup is one more text


@lru_cache(maxsize=8192)
def _trusted(msgid: str, language: str) -> tuple[Markup, Markup | None]:
    return _prepared(Markup(catalogue(language).ugettext(msgid)))  # noqa: S704  (written in templates and catalogues)


def _prepared(text: Markup) -> tuple[Markup, Markup | None]:
    """`text` to fill in, and as it is when there is nothing to fill in."""
    return text, None if "%(" in text else text.replace("%%", "%")
