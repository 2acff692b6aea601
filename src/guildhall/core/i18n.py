"""Words in the reader's language: gettext catalogues read at start, the language held per request.

A catalogue is `locale/<language>/LC_MESSAGES/messages.po`; a further language is a further folder. The
sources are written in English, so English has no catalogue.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LOCALE = Path(__file__).parents[1] / "locale"
SOURCE = "en"


class Speech(msgspec.Struct, frozen=True):
    """How one reader is spoken to.

    `language` picks the words (`en`, `es`), `region` the number and date formats (a Babel identifier such as
    `en_GB` or `es_MX`; empty follows the language), `zone` the IANA time zone in which moments are shown.
    """

    language: str = SOURCE
    region: str = ""
    zone: str = "UTC"

    @property
    def locale(self) -> str:
        """The Babel identifier that numbers and dates follow."""
        return self.region or self.language


_DEFAULT = Speech()
_speech: ContextVar[Speech] = ContextVar("speech", default=_DEFAULT)


def N_(msgid: str) -> str:  # noqa: N802  (the name every gettext tool knows)
    """Mark `msgid` for translation and return it unchanged; `gettext` translates it when it is shown."""
    return msgid


@cache
def languages() -> dict[str, str]:
    """Every language on offer: its code and its own name, English first."""
    codes = [SOURCE, *sorted(path.parts[-3] for path in LOCALE.glob("*/LC_MESSAGES/messages.po"))]
    return {code: (Locale.parse(code).get_language_name(code) or code).capitalize() for code in codes}


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the translations of `language`; those of an unknown language are the English sources."""
    path = LOCALE / language / "LC_MESSAGES" / "messages.po"
    if language not in languages() or not path.exists():
        return NullTranslations()
    with path.open("rb") as source:
        messages = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def speech() -> Speech:
    """How the current request speaks."""
    return _speech.get()


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone called `name`."""
    return ZoneInfo(name)


@contextmanager
def speaking(as_: Speech) -> Iterator[None]:
    """Speak `as_` inside the block: pages, mails and messages alike."""
    token = _speech.set(as_)
    try:
        yield
    finally:
        _speech.reset(token)


def speak(as_: Speech) -> None:
    """Speak `as_` for the rest of the current task.

    A surface calls it once per request, after sign-in is known.
    """
    _speech.set(as_)


def negotiate(accept_language: str | None, chosen: str | None = None) -> str:
    """Return the language to use.

    The one `chosen` before if on offer, else the best of the Accept-Language header.
    """
    offered = languages()
    if chosen in offered:
        return str(chosen)
    wanted = (part.split(";")[0].strip()[:2].lower() for part in (accept_language or "").split(","))
    return next((code for code in wanted if code in offered), SOURCE)


def gettext(msgid: str, /, **values: object) -> str:
    """`msgid` in the current language with `%(name)s` filled from `values`."""
    text = str(catalogue(_speech.get().language).ugettext(msgid)) if msgid else ""
    return text % values if values else text


def ngettext(singular: str, plural: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the current language.

    `%(num)s` is the count, other names come from `values`.
    """
    text = str(catalogue(_speech.get().language).ungettext(singular, plural, count))
    return text % {"num": count, **values}
