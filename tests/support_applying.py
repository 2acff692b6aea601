"""Applying as a stranger does, through the public form."""

import httpx

from support_world import World, csrf

GOOD = {
    "legal_name": "Harbour Lights Ltd",
    "website": "www.harbour-lights.example",
    "country": "PT",
    "type": "mssp",
    "contact_name": "Rita Melo",
    "email": "Rita@Harbour-Lights.example",
    "expected_customers": "12",
    "note": "Two words.",
    "consent": "yes",
}
FORM = "01890000-0000-7000-8000-0000000000"


async def apply(world: World, number: int = 1, *, ip: str = "127.0.0.1", **other: str) -> httpx.Response:
    """Send the form, shown as the `number`th one, with some fields different."""
    client = world.client("partners", ip=ip)
    data = GOOD | {"form": f"{FORM}{number:02d}", "_csrf_token": await csrf(client)} | other
    return await client.post("/apply", data=data)


async def applied(world: World, number: int = 1, **other: str) -> tuple[str, str]:
    """Apply, and return the application's id and the path of its page."""
    answer = await apply(world, number, **other)
    assert answer.status_code == 303, answer.text
    newest = world.sql("SELECT id FROM portal.application ORDER BY created_at DESC LIMIT 1")[0]["id"]
    return str(newest), answer.headers["location"]


def stored(world: World, application_id: str) -> dict[str, object]:
    """Return the row of an application."""
    return world.sql("SELECT * FROM portal.application WHERE id = %s", application_id)[0]
