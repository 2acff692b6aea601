"""What a person takes along from a page: a QR code to scan, a file of recovery codes to keep."""

from collections.abc import Iterable
from urllib.parse import quote

import segno

from guildhall.surfaces.kit.i18n import gettext


def picture_of(uri: str) -> str:
    """Return an address as a QR code, for an image."""
    picture: str = segno.make(uri, error="m").svg_data_uri(scale=5, border=2, light="#ffffff")
    return picture


def file_of(brand: str, codes: Iterable[str]) -> str:
    """Return recovery codes as a text file that a link holds."""
    lines = [gettext("Recovery codes for %(brand)s. Each works once.", brand=brand), "", *codes, ""]
    return "data:text/plain;charset=utf-8," + quote("\r\n".join(lines))
