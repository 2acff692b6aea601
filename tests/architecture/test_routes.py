"""Every route says what it takes, and nothing can be written behind a permission to read."""

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from guildhall.core.actor import Surface
from guildhall.domain.rbac.registry import ALL
from guildhall.surfaces.api import limits
from guildhall.web import SITES
from support_world import World

pytestmark = pytest.mark.anyio
SAFE = {"GET", "HEAD", "OPTIONS"}


def handlers(app: Litestar) -> list[tuple[str, HTTPRouteHandler]]:
    """Return every handler of an application with its path, the framework's own OPTIONS handlers left out."""
    return [
        (route.path, handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}
    ]


@pytest.fixture(params=list(SITES))
async def app(request: pytest.FixtureRequest, demo: World) -> Litestar:
    """Each surface in turn."""
    surface: Surface = request.param
    return SITES[surface](demo.settings)  # type: ignore[return-value]


async def test_every_route_declares_what_it_needs(app: Litestar) -> None:
    silent = [path for path, handler in handlers(app) if not {"needs", "own", "public"} & handler.opt.keys()]
    assert silent == []


async def test_public_and_own_routes_say_why(app: Litestar) -> None:
    reasons = [
        handler.opt.get("public") or handler.opt.get("own")
        for _, handler in handlers(app)
        if "needs" not in handler.opt
    ]
    assert all(isinstance(reason, str) and len(reason) > 5 for reason in reasons)


async def test_a_route_needs_a_permission_of_its_own_surface(app: Litestar) -> None:
    prefixes = {handler.opt["needs"].split(".")[0] for _, handler in handlers(app) if "needs" in handler.opt}
    assert len(prefixes - {"platform"}) <= 1
    assert "platform" not in prefixes or prefixes == {"partner", "platform"}


async def test_nothing_is_written_behind_a_permission_to_read(app: Litestar) -> None:
    wrong = [
        (path, handler.opt["needs"])
        for path, handler in handlers(app)
        if "needs" in handler.opt and not handler.http_methods <= SAFE and not ALL[handler.opt["needs"]].writes
    ]
    allowed = {
        "partner.audit.export",
        "customer.audit.export",
        "staff.audit.export",
        "partner.billing.invoices.export",
    }
    assert [one for one in wrong if one[1] not in allowed] == []


async def test_every_route_of_the_api_counts_but_where_nobody_is_known_and_for_leaving(demo: World) -> None:
    free = {
        path
        for path, handler in handlers(SITES[Surface.API](demo.settings))  # type: ignore[arg-type]
        if limits.kind_of(next(iter(handler.http_methods)), path, handler.opt) is None and "public" not in handler.opt
    }
    assert free == {"/api/v1/auth/logout"}


async def test_every_route_inside_a_tenant_names_it_in_one_way(app: Litestar) -> None:
    inside = [path for path, _ in handlers(app) if path.startswith("/t/")]
    assert all(path.startswith("/t/{tenant_id:uuid}") for path in inside)


async def test_a_route_that_forgot_its_mark_is_refused(demo: World) -> None:
    from litestar import get

    from guildhall.surfaces.application import application

    @get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    client = await demo.sign_in("principal@northwind.example")
    site = SITES[Surface.CONSOLE](demo.settings).state.site  # type: ignore[attr-defined]
    demo.front._hosts[f"partners.localhost:{demo.settings.port}"] = (Surface.CONSOLE, application(site, [forgotten]))
    answer = await client.get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text
