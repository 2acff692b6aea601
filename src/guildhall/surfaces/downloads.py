"""Files as downloads: sent while they are read, with their length and hash (RFC 9530)."""

import base64
from urllib.parse import quote

from litestar.response import Stream

from guildhall.domain.files.files import File


async def download(file: File) -> Stream:
    """Return a file as an attachment that no cache keeps and no browser shows.

    It is begun before the answer is, so that one which cannot be read is an answer and not a torn file: raises
    NotFound (FILE_NOT_FOUND) where the store lost it.
    """
    digest = base64.b64encode(file.sha256).decode()
    headers = {
        "Content-Disposition": _attached(file.name),
        "Content-Length": str(file.size_bytes),
        "Cache-Control": "no-store",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return Stream(await file.begin(), media_type=file.media_type.partition(";")[0], headers=headers)


def _attached(name: str) -> str:
    """Return a name as a header holds it: in ASCII, and in full where that is more (RFC 6266, RFC 8187)."""
    plain = "".join(each if " " <= each <= "~" and each not in '"\\' else "_" for each in name)
    full = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{full}'
