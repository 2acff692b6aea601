"""The dashboard: what needs me today first, then the figures (PRODUCT §10)."""

from litestar import get

from guildhall.surfaces.entry import Who, own
from guildhall.surfaces.html import Page, Web, page


@get("/", **own("the dashboard shows what each may see"))
async def start(request: Web, actor: Who) -> Page:
    """Return the dashboard of this person."""
    return await page(request, "dashboard/dashboard.html", actor=actor)


ROUTES = [start]
