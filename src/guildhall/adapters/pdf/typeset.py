"""PDF by Typst. What is printed comes in as data, never as source: nothing in it can be a command."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import typst


class Typst:
    """Sets a document from its source and its data, in a thread of its own."""

    async def set(self, source: bytes, data: Mapping[str, Any]) -> bytes:
        """Return the PDF of `source`, which reads `data` as the JSON text `sys.inputs.data`."""
        return await asyncio.to_thread(_set, source, msgspec.json.encode(data).decode())


def _set(source: bytes, data: str) -> bytes:
    made: bytes = typst.compile(source, format="pdf", sys_inputs={"data": data}, ignore_system_fonts=True)
    return made
