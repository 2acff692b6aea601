"""What a letter says: message ids and values, put into the reader's language when it is rendered."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from guildhall.core import crypto

_PURPOSE = "mail"


class Line(Struct, frozen=True):
    """One line of a list: a message id with values of its own."""

    text: str
    values: Mapping[str, str]


class Letter(Struct, frozen=True, kw_only=True):
    """One letter to one person.

    `kind` is what staff see in lists (`partner.invited`). `subject` and `paragraphs` are English message ids in
    which `%(name)s` stands for one of `values`; `lines` come after them, as a list.
    `link` is a surface's label with a path, shown as `button`;
    `code` is a short code to type, shown large. `why` says at the end why one gets it; empty is a general sentence.
    """

    kind: str
    to: str
    subject: str
    paragraphs: tuple[str, ...]
    name: str = ""
    language: str = "en"
    values: Mapping[str, str] = {}
    lines: tuple[Line, ...] = ()
    link: tuple[str, str] | None = None
    button: str = ""
    code: str = ""
    why: str = ""

    def texts(self) -> tuple[str, ...]:
        """Return every message id of the letter that is filled in from `values`."""
        return (self.subject, *self.paragraphs, *filter(None, (self.why,)))

    def check(self) -> None:
        """Raise KeyError where a sentence asks for a value that the letter does not bring."""
        "".join(text % self.values for text in self.texts())
        "".join(line.text % line.values for line in self.lines)


def sealed(letter: Letter) -> bytes:
    """Return the letter as it is kept."""
    return crypto.seal(_PURPOSE, msgspec.json.encode(letter).decode())


def opened(kept: bytes) -> Letter:
    """Return the letter that was kept; raises InvalidTag when it was changed or the installation's secret differs."""
    return msgspec.json.decode(crypto.unseal(_PURPOSE, kept), type=Letter)
