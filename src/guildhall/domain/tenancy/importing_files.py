"""Reading an import file: CSV or JSON lines into checked rows, every fault with its row and a sentence.

Nothing here reads more than a line of at most 1 MB at a time, so files may be as large as they like.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Struct, inspect

from guildhall.domain.tenancy.importing_rows import Row

LONGEST_LINE = 1_000_000  # octets
_STEP = 2_000  # rows between two reports of progress
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NESTED = "address_"
_SHOWN = 40  # characters of a wrong value
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

Progress = Callable[[int, int], None]


class Fault(Struct, frozen=True):
    """What is wrong in a file: the row as a spreadsheet counts it (0: the file), the column or ``, a sentence."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        """Return the fault as one line."""
        place = f"Row {self.row}" if self.row else "File"
        return f"{place}, {self.column}: {self.message}" if self.column else f"{place}: {self.message}"


class UnreadableError(Exception):
    """The file cannot be read any further; carries the fault."""

    def __init__(self, row: int, message: str, column: str = "") -> None:
        super().__init__(message)
        self.fault = Fault(row, column, message)


def read(path: Path, kind: type[Row], progress: Progress) -> Iterator[tuple[int, Row | list[Fault]]]:
    """Yield each row's number and what it holds, or its faults. `progress` is told octets read and their total.

    Raises UnreadableError where nothing after it can be trusted: another format or encoding, unknown columns, quotes
    that do not match.
    """
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise UnreadableError(0, f"Name the file .csv or .jsonl; “{path.name}” is neither")
    try:
        with path.open("rb") as file:
            lines = _lines(file)
            rows = _csv_rows(lines, kind) if form == "csv" else _json_rows(lines, kind)
            total = path.stat().st_size
            for count, numbered in enumerate(rows, 1):
                yield numbered
                if count % _STEP == 0:
                    progress(file.tell(), total)
            progress(total, total)
    except OSError as error:
        raise UnreadableError(0, f"The file cannot be read: {error.strerror}") from None


def read_lines(file: BinaryIO, kind: type[Row], *, most: int) -> Iterator[tuple[int, Row | list[Fault]]]:
    """Yield the same of JSON lines in an open file; raises UnreadableError beyond `most` rows."""
    for count, numbered in enumerate(_json_rows(_lines(file), kind), 1):
        if count > most:
            said = f"There are more than {most:,} rows; send the others in a call of their own"
            raise UnreadableError(numbered[0], said)
        yield numbered


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a UTF-8 file with their ends, without a byte order mark."""
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableError(1, "The file is UTF-16; save it as UTF-8")
        if len(line) > LONGEST_LINE:
            raise UnreadableError(number, f"The line is longer than {LONGEST_LINE:,} bytes")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            octet = line[error.start]
            raise UnreadableError(number, f"Byte {octet:#04x} is not UTF-8; save the file as UTF-8") from None


def _csv(lines: Iterator[str], kind: type[Row]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield number and values of each CSV record, or what is wrong with it."""
    records = _records(csv.reader(lines, strict=True))
    _, header = next(records, (1, []))
    columns = {name: place for place, name in enumerate(header)}
    cells = _cells(kind)
    _check_header(header, kind, cells)
    for number, record in records:
        if len(record) != len(header):
            yield number, f"has {len(record)} cells, the header has {len(header)}"
        elif any(record):
            yield (
                number,
                _folded({name: cells[name](record[place]) for name, place in columns.items() if record[place]}),
            )


def _records(reader: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each record; empty lines are left out but counted."""
    number = 0
    try:
        for number, record in enumerate(reader, 1):
            if record:
                yield number, record
    except csv.Error as error:
        raise UnreadableError(
            number + 1,
            f"The quotes do not match, or a cell is longer than {csv.field_size_limit():,} characters ({error})",
        ) from None


def _check_header(header: list[str], kind: type[Row], known: dict[str, Any]) -> None:
    """Raise UnreadableError for unknown, doubled or missing columns."""
    unknown = [name for name in header if name not in known]
    doubled = sorted({name for name in header if header.count(name) > 1})
    needed = [field.name for field in msgspec.structs.fields(kind) if field.required]
    missing = [name for name in needed if name not in header]
    hint = "; separate columns with commas" if len(header) == 1 and ";" in header[0] else ""
    if unknown:
        raise UnreadableError(1, f"Unknown columns: {', '.join(map(repr, unknown))}{hint}. Known: {', '.join(known)}")
    if doubled:
        raise UnreadableError(1, f"Columns that occur twice: {', '.join(doubled)}")
    if missing:
        raise UnreadableError(1, f"Missing columns: {', '.join(missing)}")


def _cells(kind: type[Row]) -> dict[str, Callable[[str], Any]]:
    """Return how the text of each CSV column becomes a value; those of an address are `address_street` and so on."""
    found: dict[str, Callable[[str], Any]] = {}
    for field in cast("inspect.StructType", inspect.type_info(kind)).fields:
        shape = _shape(field.type)
        if isinstance(shape, inspect.StructType):
            found |= {f"{field.name}_{part.name}": str for part in shape.fields}
        elif isinstance(shape, inspect.IntType):
            found[field.name] = _whole
        elif isinstance(shape, inspect.ListType):
            found[field.name] = _split if isinstance(_shape(shape.item_type), inspect.StrType) else _parsed
        else:
            found[field.name] = str
    return found


def _shape(kind: inspect.Type) -> inspect.Type:
    """Return what a type is about, without its description and without None or UNSET."""
    if isinstance(kind, inspect.Metadata):
        return _shape(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _shape(kind.types[0])
    return kind


def _whole(text: str) -> int | str:
    """Return a whole number, or the text where it is none."""
    return int(text) if _WHOLE.fullmatch(text) else text


def _split(text: str) -> list[str]:
    """Return the parts between bars."""
    return [part.strip() for part in text.split("|")]


def _parsed(text: str) -> Any:
    """Return what JSON says, or the text where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _folded(cells: dict[str, Any]) -> dict[str, Any]:
    """Return the cells with `address_…` ones put into one `address`."""
    address = {name.removeprefix(_NESTED): cells.pop(name) for name in list(cells) if name.startswith(_NESTED)}
    return cells | {"address": address} if address else cells


def _csv_rows(lines: Iterator[str], kind: type[Row]) -> Iterator[tuple[int, Row | list[Fault]]]:
    """Yield number and row of each CSV record, or its faults."""
    for number, record in _csv(lines, kind):
        yield number, checked(number, record, kind)


def _json_rows(lines: Iterator[str], kind: type[Row]) -> Iterator[tuple[int, Row | list[Fault]]]:
    """Yield number and row of each JSON line, or its faults; empty lines are left out but counted."""
    decoder = msgspec.json.Decoder(kind)
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _at_once(decoder, line) or checked(number, _record(line), kind)


def _at_once(decoder: msgspec.json.Decoder[Row], line: str) -> Row | None:
    """Return a line as a row; None where it may hold an empty value, or is at fault, and needs a closer look."""
    if '""' in line or "null" in line:
        return None
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None


def _record(line: str) -> dict[str, Any] | str:
    """Return the values of a JSON line without empty ones, or what is wrong with it."""
    value = _parsed(line)
    if not isinstance(value, dict):
        return "is not a JSON object"
    return {name: part for name, part in value.items() if part is not None and part != ""}


def checked(number: int, record: Mapping[str, Any] | str, kind: type[Row]) -> Row | list[Fault]:
    """Return a record as a row of `kind`, or everything that is wrong with it."""
    if isinstance(record, str):
        return [Fault(number, "", record)]
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        return list(_faults(number, record, kind)) or [_whole_row(number, str(error))]


def _faults(number: int, record: Mapping[str, Any], kind: type[Row]) -> Iterator[Fault]:
    """Yield what is wrong with each value by itself."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in record.keys() - fields.keys():
        yield Fault(number, _shortened(name), f"is unknown. Known: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in record:
            if field.required:
                yield Fault(number, name, "is missing")
            continue
        try:
            msgspec.convert(record[name], field.type)
        except msgspec.ValidationError as error:
            wanted = _described(inspect.type_info(field.type))
            said = f"write {wanted}, not {_shortened(record[name])}" if wanted else str(error)
            yield Fault(number, name, said)


def _described(kind: inspect.Type) -> str:
    """Return what a type asks for, in words."""
    if isinstance(kind, inspect.UnionType):
        return _described(kind.types[0])
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra_json_schema or {}).get("description", ""))
    return ""


def _whole_row(number: int, message: str) -> Fault:
    """Return the fault of values that do not fit together; their sentence names the column first."""
    column, _, said = message.partition(": ")
    return Fault(number, column, said) if said else Fault(number, "", message)


def _shortened(value: object) -> str:
    """Return a value as it may be shown in a sentence."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
