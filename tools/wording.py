"""Words in templates: the messages they ask for, and the visible ones that nobody can translate."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.extract import extract
from jinja2 import Environment, nodes

KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
READ_ALOUD = frozenset({"aria-label", "aria-description", "title", "placeholder", "alt"})
NOT_PROSE = frozenset({"script", "style", "code", "pre", "samp"})
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
WORD = re.compile(r"[^\W\d_]{2}")
CAPITALISED = re.compile(r"[^\W\d_a-zà-ÿ][a-zà-ÿ]")
ATTRIBUTE = re.compile(r"[\w-]+=\"[^\"]*\"")
_environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


def messages(template: Path) -> set[Any]:
    """Return the message ids that `template` asks for: a string, or singular and plural."""
    with template.open("rb") as file:
        options = {"silent": "false", "trimmed": "false"}
        found = extract("jinja2.ext:babel_extract", file, KEYWORDS, (), options)
        return {message for _, message, _, _ in found}


def unwrapped(template: Path) -> list[str]:
    """Return a line for each visible word of `template` that stands outside a translation.

    Text between tags, attributes that are shown or read aloud, and capitalised literals in expressions (the
    label of a button, the title of a header). Exempt: code, and elements with `translate="no"`.
    """
    source = template.read_text(encoding="utf-8")
    page = _Page()
    page.feed(_without_templating(source))
    page.close()
    found = [*page.found, *_literals(_environment.parse(source))]
    return [f"{template}:{line}: not translated: {' '.join(text.split())}" for line, text in sorted(found)]


def _literals(tree: nodes.Node) -> Iterator[tuple[int, str]]:
    """Yield string literals that begin like a word of prose, outside of translating calls."""
    for node in tree.iter_child_nodes():
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in KEYWORDS:
            continue
        if isinstance(node, nodes.Const) and isinstance(node.value, str) and CAPITALISED.match(node.value):
            yield node.lineno, node.value
        yield from _literals(node)


def _without_templating(source: str) -> str:
    """`source` with its text alone: expressions, blocks, comments and translated text are taken out.

    Lines keep their numbers.
    """
    text, translated, block = "", False, ""
    for line, kind, value in _environment.lex(source):
        text += "\n" * (line - 1 - text.count("\n"))
        if kind == "block_begin":
            block = "begun"
        elif block == "begun" and kind == "name":
            block, translated = value, value == "trans" or (translated and value != "endtrans")
        elif kind == "data" and not translated:
            text += value
    return text


class _Page(HTMLParser):
    """Collects (line, text) of what a reader would see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.exempt: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes; an exempt element's text is left alone up to its end."""
        spoken = [value for name, value in attrs if name in READ_ALOUD and value]
        self.found += [(self.getpos()[0], value) for value in spoken if WORD.search(value)]
        if tag not in VOID:
            self.exempt.append(tag in NOT_PROSE or ("translate", "no") in attrs)

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        if self.exempt and tag not in VOID:
            self.exempt.pop()

    def handle_data(self, data: str) -> None:
        """Look at text between tags; attributes that a macro makes on their own are none."""
        text = " ".join(ATTRIBUTE.sub("", data).split())
        if not any(self.exempt) and WORD.search(text):
            self.found.append((self.getpos()[0], text))
