"""Files as downloads: sent while they are read, with their length and hash (RFC 9530)."""

import base64

from litestar.response import Stream

from guildhall.domain.files.files import File


def download(file: File) -> Stream:
    """Return a file as an attachment that no cache keeps; its name is one of ours."""
    digest = base64.b64encode(file.sha256).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Content-Length": str(file.size_bytes),
        "Cache-Control": "no-store",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return Stream(file.content(), media_type=file.media_type, headers=headers)
