"""What tests of the console share: people, paths, what a page says, how many statements it costs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from uuid import UUID

import httpx
from sqlalchemy import event

from guildhall.core.actor import Surface
from guildhall.core.db import engine
from support_world import World

PRINCIPAL = "principal@northwind.example"
TECHNICAL = "technical@northwind.example"
SUPPORT = "msp_support@northwind.example"
BILLING = "msp_billing@northwind.example"
VIEWER = "viewer@northwind.example"
AUDITOR = "auditor@northwind.example"
TAG = re.compile(r"<script.*?</script>|<[^>]+>", re.DOTALL)
SPACE = re.compile(r"\s+")


def words(answer: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    return SPACE.sub(" ", unescape(TAG.sub(" ", answer.text)))


def hrefs(answer: httpx.Response) -> list[str]:
    """Return where the links of a page lead."""
    return [unescape(each) for each in re.findall(r'href="([^"]+)"', answer.text)]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements that the console's pool runs inside the block."""
    seen: list[str] = []
    pool = engine(Surface.CONSOLE).sync_engine

    def note(_connection, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
        seen.append(statement)

    event.listen(pool, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(pool, "before_cursor_execute", note)


def link_in(world: World, status: str, partner: str = "northwind") -> UUID:
    """Return a link of `partner` (a slug) that is stored in `status`."""
    found: UUID = world.sql(
        "SELECT l.id FROM portal.partner_tenant_link AS l JOIN portal.partner AS p ON p.id = l.partner_id"
        " WHERE p.slug = %s AND l.status = %s ORDER BY l.id LIMIT 1",
        partner,
        status,
    )[0]["id"]
    return found


def ticket_of(world: World, tenant_id: UUID, status: str = "open") -> UUID:
    """Return a ticket of a tenant in `status`."""
    found: UUID = world.sql(
        "SELECT id FROM tenancy.ticket WHERE tenant_id = %s AND status = %s ORDER BY number DESC LIMIT 1",
        tenant_id,
        status,
    )[0]["id"]
    return found
