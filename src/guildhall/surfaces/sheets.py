"""Tables as CSV files for spreadsheets, sent while they are read."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from litestar.response import Stream

MARK = "\ufeff"  # begins a file, so that spreadsheets read UTF-8
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sent(lines: AsyncIterator[str], *, name: str) -> Stream:
    """Return the lines of a table as a download called `name`.csv."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Stream(lines, media_type="text/csv", headers=headers)


def written(lines: Iterable[Sequence[object]]) -> str:
    """Return lines as CSV; text that a spreadsheet would take for a formula is kept text, None is an empty cell."""
    target = io.StringIO()
    csv.writer(target).writerows([_plain(cell) for cell in line] for line in lines)
    return target.getvalue()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
