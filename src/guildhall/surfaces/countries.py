"""The countries in the reader's language."""

from functools import lru_cache
from unicodedata import normalize

from babel import Locale

from guildhall.domain.partners.countries import CODES
from guildhall.surfaces.kit.i18n import speech
from guildhall.surfaces.kit.tables import Option


def country_label(code: str) -> str:
    """Return the name of a country (ISO 3166-1 alpha-2), or the code where it is none."""
    return _names(speech().language).get(code, code)


def country_options() -> list[Option]:
    """Return every country as a choice, in the reader's alphabetical order."""
    return list(_options(speech().language))


@lru_cache(maxsize=16)
def _names(language: str) -> dict[str, str]:
    territories = Locale.parse(language).territories
    return {code: str(territories.get(code, code)) for code in CODES}


@lru_cache(maxsize=16)
def _options(language: str) -> tuple[Option, ...]:
    named = sorted(_names(language).items(), key=lambda pair: _plain(pair[1]))
    return tuple(Option(code, name) for code, name in named)


def _plain(name: str) -> str:
    """Return a name without marks, so that Å stands with A."""
    return normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
