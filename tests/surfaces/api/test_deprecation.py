"""An operation that will go says so in its answers and in the document; none of ours does now."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from litestar import Litestar

from guildhall.core.actor import Surface
from guildhall.core.errors import Refusal
from guildhall.surfaces.api import app, openapi
from guildhall.surfaces.api.deprecation import Deprecation
from guildhall.surfaces.api.operations import Endpoint
from guildhall.surfaces.api.problems import on_refusal
from guildhall.surfaces.api.v1 import customers
from support_world import World

pytestmark = pytest.mark.anyio
SINCE, SUNSET = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC)
GOING = Deprecation(since=SINCE, sunset=SUNSET, instead="Call `listTenants`.")


def going() -> Endpoint:
    """Return the list of customers as one that will go."""
    known = customers.list_customers
    return Endpoint(msgspec.structs.replace(known.operation, deprecated=GOING), known.handler)


async def test_its_answers_say_since_when_and_until_when(demo: World) -> None:
    client = await demo.api("principal@northwind.example")
    made = Litestar([going().route()], guards=[app.gate], exception_handlers={Refusal: on_refusal}, openapi_config=None)
    made.state.settings, made.state.issuer = demo.settings, demo.settings.origin("api")
    demo.front._hosts[f"api.localhost:{demo.settings.port}"] = (Surface.API, made)
    for query in ("", "?limit=wrong"):
        answer = await client.get("/api/v1/partner/customers" + query)
        assert answer.headers["deprecation"] == "@1767225600"
        assert answer.headers["sunset"] == "Fri, 31 Jul 2026 23:59:59 GMT"
        assert answer.headers["link"] == '</api/v1/docs#listCustomers>; rel="deprecation"; type="text/html"'


def test_the_document_marks_it() -> None:
    made = openapi.document([going()], origin="http://api.example", vendor="Vendor")
    said = made["paths"]["/partner/customers"]["get"]
    assert said["deprecated"] is True
    assert "gone from 2026-07-31 on. Call `listTenants`." in said["description"]
    assert {"Deprecation", "Sunset"} <= set(said["responses"]["200"]["headers"])


def test_nothing_goes_without_six_months_of_notice() -> None:
    with pytest.raises(ValueError, match="six months"):
        Deprecation(since=SINCE, sunset=SINCE + timedelta(days=100), instead="")
