"""Links as lines of a sheet: CSV in, each line's values by column, what is wrong with it told with its row.

What was sent is shown again as text, to be corrected in the page: a browser keeps no file.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from litestar import Response
from litestar.datastructures import UploadFile
from msgspec import Struct

from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.access.terms import Terms
from guildhall.surfaces import asked
from guildhall.surfaces.html import Web, told
from guildhall.surfaces.kit.i18n import N_, gettext
from guildhall.surfaces.sheets import MARK, written

TERMS = ("access_role", "operating_model", "relationship_type", "last_day", "reason")
FIELD = "rows"
_LARGEST = 500_000  # octets, as text in a form too
_COLUMN_OF = {
    "approver": "approver_email",
    "ends_at": "last_day",
    "custom_permissions": "access_role",
    "tenant_id": "domain",
    "partner_id": "partner",
}


class Line(Struct, frozen=True):
    """A line of a sheet; `number` is its row as a spreadsheet counts it, the header being the first."""

    number: int
    values: Mapping[str, str]


class Checked(Struct, frozen=True):
    """A line with what is wrong with it, in the reader's language; nothing where it is right.

    `partner` is whom it means, where that is known.
    """

    line: Line
    faults: Sequence[str] = ()
    partner: str = ""


async def typed_rows(request: Web) -> str:
    """Return the sheet as the text field of a form holds it."""
    return asked.clean(str((await request.form()).get(FIELD, ""))).replace("\r\n", "\n")


async def sent_text(request: Web) -> str:
    """Return the sheet that came with a form: the file that was chosen, else what the text field holds."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        return await typed_rows(request)
    octets = await file.read()
    if len(octets) > _LARGEST:
        raise Invalid(errors={"file": N_("This file is too large for a list of links")})
    try:
        return asked.clean(octets.decode("utf-8-sig")).replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Invalid(errors={"file": N_("Save the file as CSV in UTF-8, then choose it again")}) from None


def lines_of(text: str, columns: Sequence[str], *, most: int) -> list[Line]:
    """Return the lines of a sheet with these columns, in any order, some left out; raise Invalid beside `rows`."""
    head = text.split("\n", 1)[0]
    mark = max(",;\t", key=head.count)
    try:
        records = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    except csv.Error:
        raise Invalid(errors={FIELD: N_("A quotation mark is missing somewhere; nothing could be read")}) from None
    names = [name.strip().lower() for name in (records or [[]])[0]]
    if not set(names) <= set(columns) or len(set(names)) != len(names) or columns[0] not in names:
        raise Invalid(errors={FIELD: N_("The first row must name the columns as the template does")})
    found = [Line(number, _values(names, record)) for number, record in enumerate(records[1:], 2) if any(record)]
    if not found:
        raise Invalid(errors={FIELD: N_("There is no row below the one with the columns")})
    if len(found) > most:
        raise Invalid(errors={FIELD: N_("These are too many rows for one go; send them in parts")})
    return found


def _values(names: Sequence[str], record: Sequence[str]) -> dict[str, str]:
    """Return a line's cells by column; cells beyond the columns are told as a fault later."""
    cells = {name: cell.strip() for name, cell in zip(names, record, strict=False)}
    return cells | ({"": record[len(names)]} if any(record[len(names) :]) else {})


def terms_of(line: Line) -> Terms:
    """Return the terms that a line holds; raises Invalid by column."""
    if "" in line.values:
        raise Invalid(errors={"": N_("This row has more cells than there are columns")})
    text = line.values.get
    return Terms(
        access_role=text("access_role", ""),
        operating_model=text("operating_model", "") or "co_managed",
        relationship_type=text("relationship_type", "") or "msp_managed",
        ends_at=_end(text("last_day", "")),
        reason=text("reason", ""),
    )


def _end(text: str) -> datetime | None:
    """Return the end of the reader's day that was written; raises Invalid for what is none."""
    try:
        day = asked.day_in(text)
        return asked.start_of(day + timedelta(days=1)) if day else None
    except (Invalid, OverflowError):
        raise Invalid(errors={"last_day": N_("Write the last day as year-month-day")}) from None


def checked(line: Line, refusal: Refusal | None, partner: str = "") -> Checked:
    """Return a line with what a refusal says of it."""
    if refusal is None:
        return Checked(line, partner=partner)
    faults = [_fault(name, said) for name, said in refusal.errors.items()]
    return Checked(line, faults or [told(refusal)], partner)


def _fault(name: str, said: str) -> str:
    """Return what is wrong with a cell, under its column's name."""
    column = _COLUMN_OF.get(name.split(".", maxsplit=1)[0], name)
    return f"{column}: {gettext(said)}" if column else gettext(said)


def text_of(lines: Sequence[Line], columns: Sequence[str]) -> str:
    """Return lines as the text of a sheet, to be corrected and sent again."""
    target = io.StringIO()
    cells = ([line.values.get(name, "") for name in columns] for line in lines)
    csv.writer(target, lineterminator="\n").writerows([columns, *cells])
    return target.getvalue()


def template(name: str, columns: Sequence[str], example: Sequence[str]) -> Response[str]:
    """Return the empty sheet with one line as an example, to download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response(MARK + written([columns, example]), media_type="text/csv", headers=headers)
