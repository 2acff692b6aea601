"""Words of every surface in every language: `python tools/translations.py --extract` or `--check`.

`--extract` brings each `src/guildhall/locale/<language>/LC_MESSAGES/messages.po` in step with the sources:
new messages come without a translation, those that nobody asks for any more leave, the others stay as they
are. Entries are sorted and carry no places, so that two branches rarely touch the same line. `--check`
changes nothing and names what is missing, doubtful, or not translatable at all.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po, write_po

import literals
import wording
from literals import Message

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "guildhall"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
HEADER = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""


class Asked(NamedTuple):
    """The messages that the sources ask for; sentences no catalogue can hold; words outside any translation."""

    messages: set[Message]
    warnings: list[str]
    unwrapped: list[str]


def collect(source: Path) -> Asked:
    """Return what the Python files and templates below `source` say."""
    code = literals.read({path: path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.py"))})
    templates = sorted(path for path in source.rglob("*.html") if "templates" in path.parts)
    asked = set[Message]().union(code.messages, *(wording.messages(template) for template in templates))
    return Asked(asked, code.warnings, [line for template in templates for line in wording.unwrapped(template)])


def catalogues(source: Path) -> list[Path]:
    """Return the catalogue of each language."""
    return sorted(source.glob("locale/*/LC_MESSAGES/messages.po"))


def language_of(catalogue: Path) -> str:
    """Return the language that the folder of `catalogue` names."""
    return catalogue.parts[-3]


def read_catalogue(path: Path) -> Catalog:
    """Return the catalogue at `path`; an empty file is an empty catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=language_of(path))


def updated(known: Catalog, asked: set[Message]) -> bytes:
    """Return the text of a catalogue of just the messages `asked`, with the translations that are `known`."""
    catalogue = Catalog(locale=known.locale)
    for message in sorted(asked, key=str):
        entry = known.get(message)
        kept = entry if entry is not None and _key(entry) == message else Entry(message)
        catalogue.add(message, kept.string, flags=kept.flags & {"fuzzy"}, user_comments=kept.user_comments)
    body = BytesIO()
    write_po(body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True)
    header = HEADER.format(language=known.locale_identifier, plural=catalogue.plural_forms)
    return header.encode() + body.getvalue().rstrip() + b"\n"


def problems(catalogue: Catalog, asked: set[Message]) -> Iterator[str]:
    """Yield a line for each message that a reader of this language would miss or misread."""
    entries: dict[Message, Entry] = {_key(entry): entry for entry in catalogue if entry.id}
    yield from (f"not in the catalogue: {_first(message)}" for message in sorted(asked - entries.keys(), key=str))
    stale = [*(entries.keys() - asked), *(_key(entry) for entry in catalogue.obsolete.values())]
    yield from (f"obsolete: {_first(message)}" for message in sorted(stale, key=str))
    for message in sorted(asked & entries.keys(), key=str):
        yield from _faults(message, entries[message])


def _key(entry: Entry) -> Message:
    return entry.id if isinstance(entry.id, str) else (entry.id[0], entry.id[1])


def _faults(message: Message, entry: Entry) -> Iterator[str]:
    forms = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
    if not forms or not all(forms):
        yield f"without a translation: {_first(message)}"
    elif entry.fuzzy:
        yield f"fuzzy: {_first(message)}"
    elif not all(_fits(message, form, first=form is forms[0]) for form in forms):
        yield f"placeholders differ: {_first(message)}"


def _fits(message: Message, form: str, *, first: bool) -> bool:
    """Whether `form` can be filled in wherever `message` is; the first form of a plural may do without its number."""
    sources = [message] if isinstance(message, str) else message if first else message[1:]
    return any(_names(form) == _names(source) and _fillable(form) == _fillable(source) for source in sources)


def _names(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def _fillable(text: str) -> bool:
    """Whether `%` formatting accepts `text`: a lone percent sign breaks it."""
    try:
        text % defaultdict(int)
    except (TypeError, ValueError):
        return False
    return True


def _first(message: Message) -> str:
    return repr(message if isinstance(message, str) else message[0])


def extract(source: Path) -> int:
    """Bring the catalogues in step with the sources; return 0."""
    asked = collect(source)
    for path in catalogues(source):
        text = updated(read_catalogue(path), asked.messages)
        path.write_bytes(text)
        print(f"{language_of(path)}: {len(asked.messages)} messages")
    return 0


def check(source: Path) -> int:
    """Print what is wrong; return the exit status."""
    asked = collect(source)
    for warning in asked.warnings:
        print(f"warning: {warning}".replace(f"{ROOT}/", ""))
    wrong = list(asked.unwrapped)
    for path in catalogues(source):
        wrong += [f"{language_of(path)}: {line}" for line in problems(read_catalogue(path), asked.messages)]
    sys.stderr.writelines(f"{line}\n".replace(f"{ROOT}/", "") for line in wrong)
    return 1 if wrong else 0


def main(arguments: list[str], source: Path = SOURCE) -> int:
    """Do what the one option asks for; return the exit status."""
    parser = argparse.ArgumentParser(description="Keep translations in step with the sources.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--extract", dest="act", action="store_const", const=extract, help="update the catalogues")
    what.add_argument("--check", dest="act", action="store_const", const=check, help="name what is not right")
    act = parser.parse_args(arguments).act
    return int(act(source))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
