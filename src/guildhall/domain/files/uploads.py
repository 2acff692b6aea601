"""What people send as files: a safe name, a type that the content bears out, a size that can be kept (PRODUCT §9).

Nothing here is ever unpacked or shown in a page. Archives are still looked into, since whoever fetches one will unpack
it: one whose table of contents announces far more than it holds is refused.
"""

import re
import unicodedata
import zipfile
from collections.abc import Mapping
from typing import IO

from msgspec import Struct

from guildhall.core.errors import Invalid

LARGEST = 10_000_000  # octets of one file
LONGEST_NAME = 120  # characters
PIECE = 256 * 1024  # octets
_HEAD = 16  # octets that tell a type
_MOST_UNPACKED = 200_000_000  # octets
_MOST_GROWTH = 100  # times the size of the archive
_MOST_MEMBERS = 5_000
_TEXT, _ZIP, _OFFICE = "text/plain", "application/zip", "application/vnd.openxmlformats-officedocument."
TYPES: Mapping[str, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": _TEXT,
    "log": _TEXT,
    "csv": "text/csv",
    "json": "application/json",
    "zip": _ZIP,
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_ARCHIVES = frozenset({"zip", "docx", "xlsx", "odt", "ods"})
_MARKS: Mapping[str, re.Pattern[bytes]] = {
    "application/pdf": re.compile(rb"%PDF-"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


class Upload(Struct, frozen=True):
    """A file as somebody sent it: the name it came with, and its content, which can be read more than once."""

    name: str
    content: IO[bytes]


class Sound(Struct, frozen=True):
    """A file that may be kept: its safe name, the type that its content bears out, its size in octets."""

    name: str
    media_type: str
    size_bytes: int
    content: IO[bytes]


def checked(upload: Upload, field: str) -> Sound:
    """Return an upload as it may be kept, or raise Invalid that says beside `field` why it may not."""
    name = safe_name(upload.name)
    extension = name.rpartition(".")[2].lower()
    size = upload.content.seek(0, 2)
    if extension not in TYPES:
        raise Invalid(errors={field: "Files of this kind are not taken. Send a PDF, a picture, a text or a ZIP"})
    if size == 0:
        raise Invalid(errors={field: "This file is empty"})
    if size > LARGEST:
        raise Invalid(errors={field: "A file may have 10 MB at most"})
    if not _bears_out(extension, upload.content):
        raise Invalid(errors={field: "What is in this file is not what its name says"})
    if extension in _ARCHIVES and not _unpacks(upload.content, size):
        raise Invalid(errors={field: "This archive is damaged, or would be far too large once unpacked"})
    upload.content.seek(0)
    return Sound(name, TYPES[extension], size, upload.content)


def safe_name(text: str) -> str:
    """Return the last part of a path without what misleads or breaks: controls, direction marks, leading dots."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode()))[-1]
    plain = "".join(each for each in last if unicodedata.category(each)[0] != "C")
    tidy = re.sub(r'[<>:"|?*%\s]+', " ", plain).strip(" .") or "file"
    stem, dot, extension = tidy.rpartition(".")
    return tidy if len(tidy) <= LONGEST_NAME else f"{(stem or tidy)[: LONGEST_NAME - 12]}{dot}{extension[:11]}"


def _bears_out(extension: str, content: IO[bytes]) -> bool:
    """Return whether a file's content is what its name says."""
    if extension in _ARCHIVES:
        return zipfile.is_zipfile(content)
    content.seek(0)
    mark = _MARKS.get(TYPES[extension])
    if mark is not None:
        return mark.match(content.read(_HEAD)) is not None
    try:
        text = content.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return "\x00" not in text


def _unpacks(content: IO[bytes], size: int) -> bool:
    """Return whether an archive's table of contents is whole, and announces a sensible size."""
    content.seek(0)
    try:
        with zipfile.ZipFile(content) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return False
    unpacked = sum(member.file_size for member in members)
    return len(members) <= _MOST_MEMBERS and unpacked <= min(_MOST_UNPACKED, size * _MOST_GROWTH)
