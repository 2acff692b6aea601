"""A server on loopback that speaks as much of S3's protocol as files need: whole, in parts, read, removed."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from guildhall.core.buckets import Bucket


@dataclass
class Held:
    """What lies in the bucket by path, and the parts of uploads that nobody has completed."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    unsigned: int = 0

    @property
    def bucket(self) -> Bucket:
        """Return where it is."""
        where = f"http://127.0.0.1:{self.port}"
        return Bucket(name="files", region="eu-north-1", key="a-key", secret="a-secret", endpoint=where)


class _Handler(BaseHTTPRequestHandler):
    held: Held
    protocol_version = "HTTP/1.1"

    def _asked(self) -> tuple[str, dict[str, str], bytes]:
        """Return path, query and body; count what is not signed with the key."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        said = self.headers.get("Authorization", "")
        self.held.unsigned += not said.startswith("AWS4-HMAC-SHA256 Credential=a-key/")
        return parts.path, query, self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        """Take an object, or a part of one."""
        path, query, body = self._asked()
        if upload := query.get("uploadId"):
            self.held.parts[upload][int(query["partNumber"])] = body
        else:
            self.held.objects[path] = body
        self._answer(200, ETag=_tag(body))

    def do_POST(self) -> None:
        """Begin an upload in parts, make one whole, or drop the objects that are listed."""
        path, query, body = self._asked()
        if "delete" in query:
            keys = re.findall(r"<Key>([^<]+)</Key>", body.decode())
            for key in keys:
                self.held.objects.pop(f"{path.rstrip('/')}/{key}", None)
            self._answer(200, _xml("DeleteResult", Deleted="".join(f"<Key>{key}</Key>" for key in keys)))
        elif "uploads" in query:
            upload = f"upload-{len(self.held.parts)}"
            self.held.parts[upload] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", UploadId=upload))
        else:
            taken = self.held.parts.pop(query["uploadId"])
            whole = self.held.objects[path] = b"".join(taken[number] for number in sorted(taken))
            self._answer(200, _xml("CompleteMultipartUploadResult", ETag=_tag(whole)))

    def do_GET(self) -> None:
        """Give an object."""
        path, _, _ = self._asked()
        found = self.held.objects.get(path)
        if found is None:
            self._answer(404, _xml("Error", Code="NoSuchKey"))
        else:
            self._answer(200, found, ETag=_tag(found), Last_Modified="Fri, 27 Nov 2026 12:00:00 GMT")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _xml(name: str, **fields: str) -> bytes:
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{inside}</{name}>'.encode()


@contextmanager
def bucket() -> Iterator[Held]:
    """Run the server."""
    held = Held()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"held": held}))
    held.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
