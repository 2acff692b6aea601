"""The sample connector: one file that a vendor copies, run as it is against a served installation's API."""

import asyncio
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from support_platform import platform_client
from support_world import World

pytestmark = pytest.mark.anyio
FILE = Path(__file__).parents[3] / "examples" / "connector" / "connector.py"


@pytest.fixture
def connector() -> ModuleType:
    spec = importlib.util.spec_from_file_location("connector", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Bridge(httpx.BaseTransport):
    """Carries a blocking client's requests to the application in the test's event loop."""

    def __init__(self, world: World) -> None:
        self.client, self.loop = world.client("api"), asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent = self.client.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=request.headers
        )
        answer = asyncio.run_coroutine_threadsafe(sent, self.loop).result(timeout=30)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


async def test_a_folder_is_sent_once_and_faults_are_named_by_line(
    world: World, connector: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await platform_client(world)
    client = httpx.Client(transport=Bridge(world), base_url=f"http://api.localhost:{world.settings.port}")
    feed = connector.Feed(client, str(made.client_id), made.secret)
    tenant = {"external_id": "c-1", "name": "Connected", "slug": "connected", "domain": "connected.example"}
    usage = {"tenant": "c-1", "metric": "traffic_gb", "day": "2026-11-01", "quantity": "1.5"}

    def write(kind: str, *rows: dict[str, Any]) -> None:
        (tmp_path / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("tenants", tenant)
    write("usage", usage, usage | {"day": "2026-11-02"})
    for added in ((1, 2), (0, 0)):
        await asyncio.to_thread(connector.run, feed, tmp_path)
        said = capsys.readouterr().out
        assert f"tenants: 1 rows, {added[0]} added, 0 changed" in said
        assert f"usage: 2 rows, {added[1]} added, 0 changed" in said
    write("usage", usage, usage | {"day": "2026-11-03", "quantity": "lots"})
    with pytest.raises(connector.Refused, match="line 2, quantity: write a decimal number"):
        await asyncio.to_thread(connector.run, feed, tmp_path)
    stored = "SELECT count(*) AS n FROM tenancy.usage_daily AS u JOIN tenancy.tenant AS t ON t.id = u.tenant_id"
    assert world.sql(stored + " WHERE t.external_id = 'c-1'") == [{"n": 2}]
