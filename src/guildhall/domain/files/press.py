"""What sets a document as PDF: the port that an adapter fills."""

from collections.abc import Mapping
from typing import Any, Protocol


class Press(Protocol):
    """Sets documents."""

    async def set(self, source: bytes, data: Mapping[str, Any]) -> bytes:
        """Return the PDF of `source`, a template of ours, filled with `data`."""


_press: Press | None = None


def open_press(press: Press) -> None:
    """Let this process print with `press`."""
    global _press  # noqa: PLW0603 - one installation per process, set once at start
    _press = press


def press() -> Press:
    """Return the press of this process; only workers have one, since setting a document takes much memory."""
    if _press is None:
        raise RuntimeError("No press is open in this process")
    return _press
