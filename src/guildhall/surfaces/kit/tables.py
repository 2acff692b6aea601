"""What lists need around their rows: columns, pages, filters, and links that keep the rest of the address."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

Pairs = Iterable[tuple[str, str]]


class Column(msgspec.Struct, frozen=True):
    """A column: its translated `label`; `key` makes it sortable, `num` aligns right.

    `tight` takes no more room than it needs; `hidden` keeps the label for screen readers and phones
    (columns of buttons).
    """

    label: str
    key: str | None = None
    num: bool = False
    tight: bool = False
    hidden: bool = False


class Sorting(msgspec.Struct, frozen=True):
    """The order in force: a column's `key`, descending or not."""

    key: str
    descending: bool = False


def sorting_of(text: str | None, allowed: Iterable[str], default: Sorting) -> Sorting:
    """Return the order that `text`, the query's `sort` (`name`, `-name`), asks for.

    `default` stands when it names none of the `allowed` columns.
    """
    key = (text or "").removeprefix("-")
    return Sorting(key, (text or "").startswith("-")) if key in set(allowed) else default


class Pages(msgspec.Struct, frozen=True):
    """Where a list stands.

    By offset: `page` (from 1), `size` and `total`. By cursor: `next` and `previous` hold the opaque cursors,
    None at the ends, and `total` is None when it was not counted. `shown` is the number of rows on this page.
    """

    shown: int
    page: int | None = None
    size: int = 50
    total: int | None = None
    next: str | None = None
    previous: str | None = None

    @property
    def first(self) -> int:
        """The number of the first row on this page, from 1."""
        return (self.page - 1) * self.size + 1 if self.page and self.shown else min(self.shown, 1)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return self.first + self.shown - 1 if self.shown else 0

    @property
    def more(self) -> bool:
        """Whether rows follow."""
        return self.next is not None or (self.total is not None and self.page is not None and self.last < self.total)


class Option(msgspec.Struct, frozen=True):
    """One choice of a select, radio or box.

    What is sent, what is read, and an explanation where there is room.
    """

    value: str
    label: str
    detail: str = ""
    disabled: bool = False


class Filter(msgspec.Struct, frozen=True):
    """One select of a filter bar.

    The query's `name`, its translated `label`, its options without the empty one.
    """

    name: str
    label: str
    options: Sequence[Option]


PAGING = frozenset({"page", "cursor"})


def query_link(path: str, query: Pairs, changes: dict[str, object]) -> str:
    """`path` with `query` after `changes`: None or "" removes a name.

    Anything but a change of page starts at page one.
    """
    dropped = set(changes) | (set() if changes.keys() & PAGING else PAGING)
    kept = [(name, value) for name, value in query if name not in dropped]
    kept += [(name, str(value)) for name, value in changes.items() if value not in (None, "")]
    return f"{path}?{urlencode(kept)}" if kept else path


_ROW, _CELL = re.compile(r"<(?=tr\b)"), re.compile(r"<(?=t[dh]\b)")


def label_cells(body: str, columns: Sequence[Column]) -> Markup:
    """`body` (rows of a table) with each cell told its column's label, which phones show beside the value.

    Cells of a hidden column are marked as acts, which phones show below the values.
    """
    labels = [f' data-label="{escape(column.label)}"{" data-acts" if column.hidden else ""}' for column in columns]
    return Markup("<".join(_labelled(row, labels) for row in _ROW.split(body)))  # noqa: S704  (labels are escaped)


def _labelled(row: str, labels: list[str]) -> str:
    parts = _CELL.split(row)
    for place, label in enumerate(labels[: len(parts) - 1], start=1):
        parts[place] = f"{parts[place][:2]}{label}{parts[place][2:]}"
    return "<".join(parts)
