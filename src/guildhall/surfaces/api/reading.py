"""What a request says, read strictly: every value that is wrong or unknown is named, none is ignored (API.md)."""

import re
import types
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar.connection import Request
from msgspec import NODEFAULT, Meta, Struct, UnsetType, ValidationError
from msgspec.structs import FieldInfo

from guildhall.core.cursor import LONGEST
from guildhall.core.errors import Invalid
from guildhall.surfaces.api.problems import BadRequest, NotAcceptable, UnsupportedMediaType, escaped

Shape = TypeVar("Shape", bound=Struct)
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Search = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=100, description="How many items at most.")]
Offset = Annotated[int, Meta(ge=0, le=100_000_000, description="How many items to leave out at the start.")]
Cursor = Annotated[
    str, Meta(max_length=LONGEST, description="`next_cursor` of the page before; the page then has no `total`.")
]
SortOrder = Annotated[Literal["asc", "desc"], Meta(description="`asc` or `desc`.")]
TenantIds = Annotated[tuple[UUID, ...], Meta(max_length=200, description="Only these tenants, separated by commas.")]
_AT = re.compile(r" - at `(?:key in )?\$.*`$")
MOST_ERRORS = 100
_REFUSED = re.compile(r";q=0(\.0*)?$")  # “not this one” in an Accept header
_LINES = frozenset({"application/x-ndjson", "application/jsonl"})
_RANGES = {"from_date": "to_date", "created_from": "created_to", "since": "until", "min_amount": "max_amount"}
_YEARS = range(1970, 2200)


class _Field(Struct, frozen=True):
    """One field of what is read."""

    info: FieldInfo
    many: bool

    @property
    def name(self) -> str:
        """Return the name that callers write."""
        return self.info.encode_name

    @property
    def required(self) -> bool:
        """Return whether it must be there."""
        return self.info.default is NODEFAULT and self.info.default_factory is NODEFAULT


@cache
def fields_of(shape: type[Struct]) -> dict[str, _Field]:
    """Return the fields of `shape` by the name that callers write."""
    found = {}
    for info in msgspec.structs.fields(shape):
        found[info.encode_name] = _Field(info, get_origin(bare(info.type)) is tuple)
    return found


def bare(kind: Any) -> Any:
    """Return a type without its annotations and without “or left out”, “or null”."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, types.UnionType}:
        rest = [part for part in get_args(kind) if part not in {UnsetType, type(None)}]
        return bare(rest[0]) if len(rest) == 1 else kind
    return kind


def query(request: Request[Any, Any, Any], shape: type[Shape]) -> Shape:
    """Return the query string as `shape`; raise Invalid naming every parameter that is unknown or wrong."""
    given: dict[str, Any] = {}
    errors: dict[str, str] = {}
    fields = fields_of(shape)
    octets: bytes = request.scope["query_string"]
    for name, text in parse_qsl(octets.decode("latin-1"), keep_blank_values=True):
        field = fields.get(name)
        if field is None:
            errors[f"/query/{name}"] = "This parameter is not known here"
        elif field.many:
            given.setdefault(name, []).extend(text.split(","))
        elif name in given:
            errors[f"/query/{name}"] = "Give this parameter once"
        else:
            given[name] = text
    return _whole(shape, given, errors)


def body(octets: bytes, shape: type[Shape]) -> Shape:
    """Return a JSON body as `shape`; raise BadRequest where it is not JSON, Invalid naming every wrong value."""
    try:
        given = msgspec.json.decode(octets)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadRequest("The body is not valid JSON.") from None
    errors: dict[str, str] = {}
    made = _read(shape, given, "", errors) if isinstance(given, dict) else None
    if not isinstance(made, shape):
        raise Invalid(errors=_clean(errors or {"": "Send a JSON object"}))
    return made


def _whole(shape: type[Shape], given: Mapping[str, Any], errors: dict[str, str]) -> Shape:
    """Return what a query string gives as `shape`, parameter by parameter, so that every error is named at once."""
    values: dict[str, Any] = {}
    for name, field in fields_of(shape).items():
        if name in given:
            values[field.info.name] = _converted(field.info.type, given[name], f"/query/{name}", errors, strict=False)
        elif field.required:
            errors[f"/query/{name}"] = "This is missing"
    _check_together(values, errors)
    if errors:
        raise Invalid(errors=_clean(errors))
    return shape(**values)


def _check_together(values: Mapping[str, Any], errors: dict[str, str]) -> None:
    """Note the parameters that cannot stand beside each other: ends before their beginnings, two ways to a page."""
    for first, last in _RANGES.items():
        begin, end = values.get(first), values.get(last)
        if begin is not None and end is not None and end < begin:
            errors[f"/query/{last}"] = f"This lies before {first}"
    if values.get("cursor") and values.get("offset"):
        errors["/query/offset"] = "Leave this out beside a cursor"


def _clean(errors: Mapping[str, str]) -> dict[str, str]:
    """Return the first of the errors, their pointers without what no text may hold."""
    return {pointer.replace("\x00", ""): said for pointer, said in islice(errors.items(), MOST_ERRORS)}


def _read(kind: Any, given: Any, pointer: str, errors: dict[str, str]) -> Any:
    """Return a value of a JSON body as `kind`; what is wrong in it goes to `errors`, each by its pointer (RFC 6901)."""
    inner, before = bare(kind), len(errors)
    if isinstance(given, dict) and isinstance(inner, type) and issubclass(inner, Struct):
        _read_fields(inner, given, pointer, errors)
    elif isinstance(given, dict) and get_origin(inner) is dict:
        for name, item in given.items():
            _read(get_args(inner)[1], item, f"{pointer}/{escaped(name)}", errors)
    elif isinstance(given, list) and get_origin(inner) in {tuple, list}:
        for place, item in enumerate(given):
            _read(get_args(inner)[0], item, f"{pointer}/{place}", errors)
    elif inner is Decimal and isinstance(given, int | float):
        errors[pointer] = 'Write a decimal string, as in "154.20"'
    return _converted(kind, given, pointer, errors, strict=True) if len(errors) == before else None


def _read_fields(shape: type[Struct], given: Mapping[str, Any], pointer: str, errors: dict[str, str]) -> None:
    """Note what is wrong with the fields of an object: those that are unknown, missing, or hold what they cannot."""
    fields = fields_of(shape)
    for name in given.keys() - fields.keys():
        errors[f"{pointer}/{escaped(name)}"] = "This field is not known here"
    for name, field in fields.items():
        if name in given:
            _read(field.info.type, given[name], f"{pointer}/{name}", errors)
        elif field.required:
            errors[f"{pointer}/{name}"] = "This is missing"


def _converted(kind: Any, given: Any, pointer: str, errors: dict[str, str], *, strict: bool) -> Any:
    """Return a value as `kind`, or note what is wrong with it as a whole."""
    try:
        return _sound(msgspec.convert(given, kind, strict=strict))
    except ValidationError as wrong:
        errors.setdefault(pointer, _said(kind, str(wrong)))


def _sound(value: Any) -> Any:
    """Return a value that the database can hold; raise ValidationError for others."""
    if isinstance(value, str) and "\x00" in value:
        raise ValidationError("Leave out the NUL character")
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _sound(getattr(value, name))
    if isinstance(value, tuple | list):
        for item in value:
            _sound(item)
    if isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            _sound(item)
    if hasattr(value, "year") and value.year not in _YEARS:
        raise ValidationError("Give a year between 1970 and 2199")
    return value


def _said(kind: Any, text: str) -> str:
    """Return the sentence for one wrong value."""
    message = _AT.sub("", text).replace("`", "")
    if message.startswith("Invalid enum value"):
        inner = bare(kind)
        many = get_origin(inner) is tuple
        choices = get_args(bare(get_args(inner)[0]) if many else inner)
        return f"Choose {'from' if many else 'one of'}: {', '.join(map(str, choices))}" if choices else message
    if "matching regex" in message:
        return f"Write it as this says: {_described(kind)}"
    return message


def _described(kind: Any) -> str:
    """Return what the documentation says of a kind of text."""
    notes = (each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta) and each.description)
    found = next((each.description for each in notes), None)
    return found or next((_described(part) for part in get_args(kind)), "")


def takes_json(request: Request[Any, Any, Any]) -> None:
    """Raise UnsupportedMediaType unless the body is sent as JSON."""
    if media_type(request) != "application/json":
        raise UnsupportedMediaType("Send the body as application/json")


def takes_lines(request: Request[Any, Any, Any]) -> None:
    """Raise UnsupportedMediaType unless the body is sent as JSON lines."""
    if media_type(request) not in _LINES:
        raise UnsupportedMediaType("Send the body as application/x-ndjson: a JSON object on each line")


def takes_file(request: Request[Any, Any, Any]) -> None:
    """Raise UnsupportedMediaType unless the body is sent as a file, as it is."""
    if media_type(request) != "application/octet-stream":
        raise UnsupportedMediaType("Send the file itself, as application/octet-stream")


def media_type(request: Request[Any, Any, Any]) -> str:
    """Return what the body is sent as."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def accepts(request: Request[Any, Any, Any], media_type: str = "application/json") -> None:
    """Raise NotAcceptable where the Accept header leaves out `media_type` (RFC 9110 §12.5.1)."""
    header = request.headers.get("accept", "").lower()
    if not header:
        return
    major = media_type.partition("/")[0]
    ranges = (part.replace(" ", "") for part in header.split(","))
    named = {part.partition(";")[0] for part in ranges if not _REFUSED.search(part)}
    if not named & {"*/*", f"{major}/*", media_type, "application/problem+json"}:
        raise NotAcceptable


def key(request: Request[Any, Any, Any]) -> str | None:
    """Return the Idempotency-Key, None without one; raise Invalid for one that cannot be."""
    text = request.headers.get("idempotency-key")
    if text is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", text):
        raise Invalid(errors={"/header/Idempotency-Key": "Use 1 to 255 visible ASCII characters"})
    return text


def tags(header: str) -> frozenset[int] | None:
    """Return the versions that an If-Match header names, or None for `*`; a weak tag matches nothing."""
    if header.strip() == "*":
        return None
    found = (re.fullmatch(r'"(\d{1,9})"', part.strip()) for part in header.split(","))
    return frozenset(int(match[1]) for match in found if match)
