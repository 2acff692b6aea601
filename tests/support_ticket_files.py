"""Files of tickets in tests: sent as a browser sends them, found in a page, counted in the database."""

import re

import httpx

from support_world import World, csrf

ADMIN = "admin@acme-fiber.example"
API = "/api/v1/partner/support/tickets"
PDF = ("trace.pdf", b"%PDF-1.7 for all", "application/pdf")


async def send(client: httpx.AsyncClient, url: str, *sent: tuple[str, bytes, str], **data: str) -> httpx.Response:
    """Answer in a ticket as a browser would, with files."""
    return await client.post(
        f"{url}/comment", data={"_csrf_token": await csrf(client), **data}, files=[("files", each) for each in sent]
    )


def links(answer: httpx.Response) -> list[str]:
    """Return where a page's files are."""
    return re.findall(r'href="([^"]+/files/[^"]+)"', answer.text)


def kept(world: World) -> tuple[int, int]:
    """Return how many files tickets have, and how many are known at all."""
    row = world.sql(
        "SELECT (SELECT count(*) FROM tenancy.ticket_file) AS attached,"
        " (SELECT count(*) FROM portal.file WHERE tenant_id IS NOT NULL) AS known"
    )[0]
    return row["attached"], row["known"]
