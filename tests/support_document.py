"""The OpenAPI document in the hands of an outside tool (schemathesis): its operations, and ids to fill them with."""

import json
from typing import Any

import httpx
import schemathesis

DOCUMENT = "/api/v1/openapi.json"
PARTNER = "/api/v1/partner"
LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)
def lines(ctx: Any, value: Any) -> bytes:
    """Return a list as JSON lines, anything else as it is."""
    if isinstance(value, list):
        return "\n".join(json.dumps(each) for each in value).encode()
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def octets(value: str | bytes) -> bytes:
    """Return a header's value as it goes over the wire, which is not always ASCII."""
    return value if isinstance(value, bytes) else value.encode("latin-1")


def operations(document: dict[str, Any]) -> list[Any]:
    """Return every operation but the one that would end the session; of JSON lines, with the schema of a line."""
    for path in document["paths"].values():
        for operation in path.values():
            sent = operation.get("requestBody", {}).get("content", {}).get(LINES)
            if sent:
                sent["schema"] = {"type": "array", "items": sent["schema"]["x-line-schema"], "maxItems": 3}
    found = [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations()]
    # Links last: a link that is ended shuts its customer.
    return sorted((each for each in found if each.path != "/auth/logout"), key=lambda each: "/links" in each.path)


async def known(client: httpx.AsyncClient) -> dict[str, str]:
    """Return things that there are, by the names that paths call them by; `tenant_id` is whom most belong to."""
    tickets = (await client.get(f"{PARTNER}/support/tickets", params={"limit": 1})).json()["items"]
    tenant = {"X-Active-Tenant-Id": tickets[0]["tenant_id"]}
    webhooks = (await client.get(f"{PARTNER}/webhooks", params={"limit": 1})).json()["items"]
    log = f"{PARTNER}/webhooks/{webhooks[0]['id']}/deliveries"
    lists = {
        "subscriber_id": (f"{PARTNER}/provisioning/subscribers", tenant),
        "invoice_id": (f"{PARTNER}/billing/invoices", tenant),
        "alert_id": (f"{PARTNER}/alerts/sla", {}),
        "link_id": (f"{PARTNER}/links", {}),
        "delivery_id": (log, {}),
        "user_id": (f"{PARTNER}/team", {}),
    }
    found = {"tenant_id": tickets[0]["tenant_id"], "ticket_id": tickets[0]["id"], "webhook_id": webhooks[0]["id"]}
    for name, (path, headers) in lists.items():
        found[name] = (await client.get(path, params={"limit": 1}, headers=headers)).json()["items"][0]["id"]
    export = await client.post(f"{PARTNER}/billing/invoices/export", json={"format": "csv"})
    return found | {"export_id": export.json()["export_id"], "external_id": "t-1", "sequence": 1}


def named(case: Any, there: dict[str, str], *, header: bool) -> None:
    """Let a request name what there is, and with `header`, or where it must, its tenant."""
    case.path_parameters = {each.name: there[each.name] for each in case.operation.path_parameters}
    headers = {each.name: each for each in case.operation.headers}
    tenant = headers.get("X-Active-Tenant-Id")
    if tenant is not None and (header or tenant.is_required):
        case.headers["X-Active-Tenant-Id"] = there["tenant_id"]
    elif tenant is not None:
        case.headers.pop("X-Active-Tenant-Id", None)
    if "If-Match" in headers:
        case.headers["If-Match"] = "*"
