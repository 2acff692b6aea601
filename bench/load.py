"""A bounded load on one address of this machine: kept-alive connections that each ask again when answered."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field


@dataclass
class Load:
    """What a load measured: seconds per answer, statuses, and how long it took in all."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which `share` (0 to 1) of the answers came."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def median(self) -> float:
        """Return the median in milliseconds."""
        return 1000 * statistics.median(self.seconds)


async def run(port: int, request: bytes, *, count: int, connections: int = 16) -> Load:
    """Send `request` (a whole HTTP/1.1 message) `count` times over `connections` to 127.0.0.1:`port`."""
    load, left = Load(), iter(range(count))
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, request, load, left) for _ in range(connections)))
    load.elapsed = time.perf_counter() - began
    return load


async def _client(port: int, request: bytes, load: Load, left: "iter[int]") -> None:  # type: ignore[valid-type]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in left:
        began = time.perf_counter()
        status = await ask(reader, writer, request)
        load.seconds.append(time.perf_counter() - began)
        load.statuses[status] = load.statuses.get(status, 0) + 1
    writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request over a kept connection; return the status of its answer."""
    writer.write(request)
    return await _answer(reader)


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"content-length: " in lower:
        length = int(lower.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
    elif b"transfer-encoding: chunked" in lower:
        while size := int((await reader.readuntil(b"\r\n")).strip() or b"0", 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head.split(b" ", 2)[1])


def message(host: str, path: str, headers: dict[str, str]) -> bytes:
    """Return a GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
