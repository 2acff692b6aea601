"""The schemas of what is sent and answered, from the structs themselves, in the words of JSON and of strangers.

Values that a property chooses from have a name of their own (`TicketStatus`), the same wherever they occur, so that
what outside generators make of the document has one type for them and not one for each property.
"""

from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, Literal, get_args

import msgspec

from guildhall.domain.access import states
from guildhall.domain.access.tables import CustomerAccess, OfferKind, OfferStatus, OperatingModel, RelationshipType
from guildhall.domain.alerts import kinds as alerts
from guildhall.domain.billing.tables import BillingCycle, SubscriptionStatus
from guildhall.domain.partners import tables as partners
from guildhall.domain.people import team
from guildhall.domain.people.tables import TenantScope
from guildhall.domain.rbac.registry import AccessRole, PartnerRole
from guildhall.domain.reports import usage
from guildhall.domain.support.rules import Category, ClockState
from guildhall.domain.tenancy.tables import Author, Priority, SubscriberStatus, TenantStatus, TicketStatus
from guildhall.domain.webhooks.events import KINDS
from guildhall.domain.webhooks.tables import DeliveryStatus
from guildhall.surfaces.api.operations import Operation
from guildhall.surfaces.api.problems import OAuthError, Problem
from guildhall.surfaces.api.v1 import billing_shapes, webhook_shapes

_REF = "#/components/schemas/{name}"
_CHOICES: Mapping[str, Any] = {
    "AccessRole": AccessRole,
    "ActorKind": Author,
    "AlertKind": alerts.Name,
    "AlertSeverity": alerts.Severity,
    "AlertStatus": alerts.State,
    "BillingCycle": BillingCycle,
    "CustomerAccess": CustomerAccess,
    "DeliveryStatus": DeliveryStatus,
    "ExportFormat": Literal["csv", "pdf"],
    "InvoiceStatus": billing_shapes.Status,
    "LinkSide": states.Pauser,
    "LinkStatus": states.Shown,
    "OfferKind": OfferKind,
    "OfferStatus": OfferStatus,
    "OperatingModel": OperatingModel,
    "PartnerRole": PartnerRole,
    "PartnerStatus": partners.Status,
    "PartnerType": partners.Type,
    "PersonState": team.State,
    "RelationshipType": RelationshipType,
    "SlaState": ClockState,
    "SortOrder": Literal["asc", "desc"],
    "SubscriberStatus": SubscriberStatus,
    "SubscriptionStatus": SubscriptionStatus,
    "TenantScope": TenantScope,
    "TenantStatus": TenantStatus,
    "TicketCategory": Category,
    "TicketPriority": Priority,
    "TicketStatus": TicketStatus,
    "UsageGrouping": usage.GroupBy,
    "WebhookState": webhook_shapes.State,
}
_MOMENTS = ("_at", "_date", "_from", "_since", "_until", "timestamp")
_NAMES = {frozenset(get_args(choice)): name for name, choice in _CHOICES.items()}


def components(operations: Iterable[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return a reference for each type that is sent or answered, and the components behind them."""
    kinds: list[Any] = [Problem, OAuthError, *(kind.data for kind in KINDS.values())]
    for operation in operations:
        kinds += [kind for kind in (operation.answer, operation.body) if kind is not None]
    kinds = list(dict.fromkeys(kinds))
    refs, made = msgspec.json.schema_components(kinds, ref_template=_REF)
    chosen = {name: {"type": "string", "enum": list(get_args(choice))} for name, choice in _CHOICES.items()}
    return dict(zip(kinds, refs, strict=True)), chosen | {name: _plain(schema) for name, schema in made.items()}


def of(kind: Any) -> dict[str, Any]:
    """Return the schema of one value, such as a parameter's."""
    made: dict[str, Any] = _plain(msgspec.json.schema(kind))
    return made


def _plain(schema: Any) -> Any:
    """Return a schema in the words of JSON: what Python calls None is null there, a moment is a date-time."""
    if isinstance(schema, tuple | list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = _named({name: _plain(part) for name, part in schema.items()})
    if isinstance(said := made.get("description"), str):
        made["description"] = cleandoc(said).replace("None", "null")
    if isinstance(parts := made.get("properties"), dict):
        made["properties"] = {name: _moment(name, part) for name, part in parts.items()}
    return made


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a reference in place of values that have a name, and one value in place of a choice from one."""
    values = schema.get("enum")
    if not isinstance(values, list):
        return schema
    rest = {name: part for name, part in schema.items() if name not in {"enum", "type"}}
    if len(values) == 1:
        return rest | {"const": values[0]}
    name = _NAMES.get(frozenset(values))
    if name is not None:
        return rest | {"$ref": _REF.format(name=name)}
    return {"type": "integer" if isinstance(values[0], int) else "string"} | schema


def _moment(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a property; the domain's moments carry a zone although their type does not say so."""
    if name != "at" and not name.endswith(_MOMENTS):
        return schema
    kinds = [schema, *schema.get("anyOf", ())]
    for kind in kinds:
        if kind.get("type") == "string" and "format" not in kind:
            kind["format"] = "date-time"
    return schema
