"""What people send as files: named safely, what its name says, and nothing that unpacks without end."""

import io
import zipfile

import pytest

from guildhall.core.errors import Invalid
from guildhall.domain.files.uploads import LARGEST, LONGEST_NAME, Upload, checked, safe_name

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


def archive(*members: bytes) -> bytes:
    """Return a ZIP of `members`, packed tightly."""
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as made:
        for place, content in enumerate(members):
            made.writestr(f"{place}.txt", content)
    return octets.getvalue()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ana\\trace.log", "trace.log"),
        ("in\r\nvoice\x00.pdf", "invoice.pdf"),
        ("gpj.\u202egnp.pdf", "gpj.gnp.pdf"),
        ("..hidden.txt", "hidden.txt"),
        ('a"b<c>.txt', "a b c .txt"),
        ("Año nuevo.pdf", "Año nuevo.pdf"),
        ("/", "file"),
    ],
)
def test_a_name_leads_nowhere_and_breaks_no_header(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    short = safe_name("x" * 500 + ".docx")
    assert len(short) <= LONGEST_NAME
    assert short.endswith(".docx")


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("photo.PNG", PNG, "image/png"),
        ("report.pdf", b"%PDF-1.7 ...", "application/pdf"),
        ("trace.log", "línea\n".encode(), "text/plain"),
        ("all.zip", archive(b"one", b"two"), "application/zip"),
    ],
)
def test_a_file_that_is_what_its_name_says_is_taken(name: str, content: bytes, media_type: str) -> None:
    sound = checked(Upload(name, io.BytesIO(content)), "files")
    assert (sound.media_type, sound.size_bytes, sound.content.read()) == (media_type, len(content), content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.svg", b"<svg/>"),
        ("tool.exe", b"MZ"),
        ("nothing", b"x"),
        ("photo.png", b"<script>alert(1)</script>"),
        ("report.pdf", PNG),
        ("notes.txt", b"a\x00b"),
        ("notes.txt", b"\xff\xfe"),
        ("empty.txt", b""),
        ("all.zip", b"PK\x03\x04 and no more"),
        ("bomb.zip", archive(b"\x00" * 20_000_000)),
        ("letter.docx", archive(*[b"\x00" * 2_000_000] * 10)),
        ("large.txt", b"x" * (LARGEST + 1)),
    ],
)
def test_any_other_is_refused_beside_its_field(name: str, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        checked(Upload(name, io.BytesIO(content)), "files")
    assert set(refused.value.errors) == {"files"}
