"""The built front end: names resolved by the manifest, files served with their hash and kept for a year."""

import gzip
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Response, Router, get
from litestar.connection import Request
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from guildhall.surfaces.kit import brand

FOLDER = Path(__file__).parent / "static"
URL = "/static/"
FOREVER = "public, max-age=31536000, immutable"
COMPRESSIBLE = (".js", ".css", ".svg")
TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}

# What the kit's pages need of the browser, and nothing more. A surface sends it with every page.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class File(NamedTuple):
    """One built file as it is sent."""

    body: bytes
    compressed: bytes | None
    media_type: str


@cache
def manifest() -> dict[str, str]:
    """Source name → built file name, such as `scripts/app.js` → `app-DO87bYkC.js`.

    Raises `RuntimeError` when the front end has not been built.
    """
    path = FOLDER / "manifest.json"
    if not path.exists():
        raise RuntimeError("The front end is not built: run `make setup`.")
    entries = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, object]])
    return {name: str(entry["file"]) for name, entry in entries.items()}


def static_url(name: str) -> str:
    """Return the address of the built file made from `name`, such as `styles/kit.css` or `icons.svg`."""
    return URL + manifest()[name]


@cache
def font_url() -> str:
    """Return the address of the text font, which pages ask for early."""
    return next(URL + file for file in manifest().values() if file.endswith(".woff2"))


def brand_url(colour: str) -> str:
    """Return the address of the style sheet for the brand `colour` (`#rrggbb`)."""
    return f"{URL}brand/{brand.stylesheet_name(colour)}"


@cache
def _files() -> dict[str, File]:
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.name in set(manifest().values())}


def _read(path: Path) -> File:
    body = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(body, gzip.compress(body, 9) if path.suffix in COMPRESSIBLE else None, media_type)


@get("/{name:str}", sync_to_thread=False, opt={"public": "files of the user interface"})
def built_file(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the built file called `name`, compressed when the browser takes it; 404 for any other name."""
    file = _files().get(name)
    if file is None:
        raise NotFoundException
    headers = {"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"}
    if file.compressed is None:
        return Response(file.body, media_type=file.media_type, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.body, media_type=file.media_type, headers=headers)
    return Response(file.compressed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"})


@get("/brand/{name:str}", sync_to_thread=False, opt={"public": "colours of the user interface"})
def brand_file(name: FromPath[str]) -> Response[str]:
    """Return the style sheet for the colour that `name` (`rrggbb.css`) spells; 404 for anything else."""
    colour = name.removesuffix(".css")
    if brand.stylesheet_name(colour) != name:
        raise NotFoundException
    return Response(brand.stylesheet(colour), media_type=MediaType.CSS, headers={"Cache-Control": FOREVER})


def static_router() -> Router:
    """Return the router that serves the built front end below `/static/`; each surface mounts one."""
    return Router(URL, route_handlers=[built_file, brand_file])
