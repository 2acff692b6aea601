"""From a letter to what its reader sees: subject, plain text and HTML, in the reader's language and the vendor's look.

One layout serves every letter. It loads nothing from elsewhere, so opening it tells nobody.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import mrml
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from guildhall.core import colours
from guildhall.core.i18n import N_, Speech, gettext, negotiate, speaking
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.office import Look

HIDDEN = "••••••"  # in the place of a link or a code that whoever looks should not have
_OWN_FONTS = mrml.RenderOptions(fonts={})  # else it fetches those that it knows from another company
_LONGEST = 2000  # characters of one value: a note may be long, a letter stays a letter
_HELLO, _HELLO_YOU = N_("Hello %(name)s,"), N_("Hello,")
_BY_HAND = N_("If the button does not work, open this address:")
_WHY = N_("You get this letter because this address was used at %(brand)s. If you did not expect it, ignore it.")
_SENDER = N_("%(brand)s sent it automatically to %(to)s. Nobody reads answers to it.")


class Written(Struct, frozen=True, kw_only=True):
    """A letter in its reader's language: one line of `subject`, the plain text, the HTML document."""

    subject: str
    language: str
    text: str
    html: str


def written(letter: Letter, look: Look, *, live: bool = True) -> Written:
    """Return `letter` as its reader sees it; without `live` its link and its code are left out."""
    language = negotiate(None, letter.language)
    with speaking(Speech(language)):
        said = _said(letter, look, live=live) | {"language": language}
    text = _plain(said)
    html = mrml.to_html(_layout().render(said, colours=colours.palette(look.colour)), None, _OWN_FONTS).content
    return Written(subject=said["subject"], language=language, text=text, html=html)


def one_line(text: str) -> str:
    """Return `text` without line breaks and other control characters, so that it stays inside its header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _said(letter: Letter, look: Look, *, live: bool) -> dict[str, Any]:
    """Return the parts of a letter in the language of the moment."""

    def filled(text: str) -> str:
        return _filled(text, letter.values)

    paragraphs = [filled(text) for text in letter.paragraphs]
    paragraphs += ["\n".join(f"• {one_line(_filled(*line))}" for line in _pairs(letter))] if letter.lines else []
    address = "".join((look.origin(letter.link[0]), letter.link[1])) if letter.link else ""
    name = one_line(letter.name)
    return {
        "subject": one_line(filled(letter.subject)),
        "preview": one_line(paragraphs[0]) if paragraphs else "",
        "greeting": gettext(_HELLO, name=name) if name else gettext(_HELLO_YOU),
        "paragraphs": paragraphs,
        "code": letter.code if live or not letter.code else HIDDEN,
        "address": address if live or not address else f"{look.origin(letter.link[0]) if letter.link else ''}/{HIDDEN}",
        "button": gettext(letter.button) if letter.button else look.brand,
        "by_hand": gettext(_BY_HAND),
        "why": filled(letter.why) if letter.why else gettext(_WHY, brand=look.brand),
        "sender": gettext(_SENDER, brand=look.brand, to=letter.to),
        "brand": look.brand,
    }


def _pairs(letter: Letter) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the lines of a letter, each with its values."""
    return ((line.text, line.values) for line in letter.lines)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a sentence in the language of the moment, with what was typed cleaned."""
    return gettext(text) % {name: _cleaned(value) for name, value in values.items()}


def _cleaned(value: str) -> str:
    """Return what somebody typed, cut to a sensible length, its lines kept and other control characters left out."""
    lines = (one_line(line) for line in value[:_LONGEST].splitlines())
    return "\n".join(line for line in lines if line)


def _plain(said: dict[str, Any]) -> str:
    """Return the plain text."""
    parts = [said["greeting"], *said["paragraphs"]]
    parts += [f"    {said['code']}"] if said["code"] else []
    parts += [f"{said['button']}:\n{said['address']}"] if said["address"] else []
    return "\n\n".join([*parts, f"-- \n{said['why']}\n{said['sender']}"]) + "\n"


def _lines(text: str) -> Markup:
    """Return `text` with its line breaks as HTML's."""
    return Markup("<br />").join(escape(line) for line in text.splitlines())


@cache
def _layout() -> Any:
    """Return the one layout, compiled."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["lines"] = _lines
    return environment.from_string(files(__package__).joinpath("layout.mjml").read_text(encoding="utf-8"))
