"""What a request says, read strictly: every value that is wrong or unknown is named, none is ignored (API.md)."""

import re
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar.connection import Request
from msgspec import NODEFAULT, Meta, Struct, UnsetType, ValidationError
from msgspec.structs import FieldInfo

from guildhall.core.cursor import LONGEST
from guildhall.core.errors import Invalid
from guildhall.surfaces.api.problems import BadRequest, NotAcceptable, UnsupportedMediaType

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
_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")
_REFUSED = re.compile(r";q=0(\.0*)?$")  # “not this one” in an Accept header
_LINES = frozenset({"application/x-ndjson", "application/jsonl"})
_YEARS = range(1970, 2200)


class _Field(Struct, frozen=True):
    """One field of what is read."""

    info: FieldInfo
    many: bool
    choices: tuple[str, ...]

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
        kind = bare(info.type)
        many = get_origin(kind) is tuple
        inner = bare(get_args(kind)[0]) if many else kind
        choices = tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()
        found[info.encode_name] = _Field(info, many, choices)
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
    return _whole(shape, given, errors, prefix="/query", strict=False)


def body(octets: bytes, shape: type[Shape]) -> Shape:
    """Return a JSON body as `shape`; raise BadRequest where it is not JSON, Invalid naming every wrong value."""
    try:
        given = msgspec.json.decode(octets)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(given, dict):
        raise Invalid("Send a JSON object.")
    unknown = {f"/{name}": "This field is not known here" for name in given if name not in fields_of(shape)}
    return _whole(shape, given, unknown, prefix="", strict=True)


def _whole(shape: type[Shape], given: Mapping[str, Any], errors: dict[str, str], *, prefix: str, strict: bool) -> Shape:
    """Return `given` as `shape`, field by field, so that every error is named at once."""
    values: dict[str, Any] = {}
    for name, field in fields_of(shape).items():
        if name in given:
            try:
                values[field.info.name] = _sound(msgspec.convert(given[name], field.info.type, strict=strict))
            except ValidationError as wrong:
                errors.setdefault(*_said(field, f"{prefix}/{name}", str(wrong)))
        elif field.required:
            errors[f"{prefix}/{name}"] = "This is missing"
    if errors:
        raise Invalid(errors={pointer.replace("\x00", ""): said for pointer, said in errors.items()})
    return shape(**values)


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


def _said(field: _Field, pointer: str, text: str) -> tuple[str, str]:
    """Return the pointer and the sentence for one wrong value."""
    place = _AT.search(text)
    message = _AT.sub("", text).replace("`", "")
    if place is not None and not field.many:
        pointer += re.sub(r"[.\[]", "/", place[1]).replace("]", "")
    if message.startswith("Invalid enum value") and field.choices:
        message = "Choose " + ("from" if field.many else "one of") + ": " + ", ".join(field.choices)
    return pointer, message


def takes_json(request: Request[Any, Any, Any]) -> None:
    """Raise UnsupportedMediaType unless the body is sent as JSON."""
    if media_type(request) != "application/json":
        raise UnsupportedMediaType


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
