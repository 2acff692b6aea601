"""Exports of invoices: asked for, watched while they are written, fetched."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.core.ids import new_id, parse_id
from guildhall.domain.access.names import tenant_names
from guildhall.domain.access.scope import named_tenants
from guildhall.domain.billing import exports, invoices
from guildhall.domain.billing.export_tables import EXPORT_STATES
from guildhall.domain.billing.invoices import SHOWN_STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.console.billing import AGE_NAMES, due_between, is_currency, tabs
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.downloads import download
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, ticked, typed
from guildhall.surfaces.kit import formats
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_, gettext, ngettext
from guildhall.surfaces.kit.states import state_label
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, sorting_of
from guildhall.surfaces.words import state_options

FORMATS = {
    "csv": (N_("CSV"), N_("For a spreadsheet or a program; any number of rows.")),
    "pdf": (N_("PDF"), N_("To read and to keep; 1,500 rows at most.")),
}
FAILURES = {
    "too_large": N_("A PDF holds 1,500 rows at most. Narrow the filter, or choose CSV."),
    "never_done": N_("It could not be finished. Ask for it again."),
}
ASKED = "asked"
NO_PEOPLE = "it holds no data of people"


@get("/billing/exports", **needs(exports.EXPORT))
async def export_list(request: Web, actor: Who) -> Page:
    """Return one page of the person's own exports of the last seven days."""
    sorting = sorting_of(request.query_params.get("sort"), (ASKED,), Sorting(ASKED, descending=True))
    number = asked.page_number(request)
    wanted = exports.ExportFilter(
        status=asked.choice(request, "state", EXPORT_STATES),
        format=asked.choice(request, "format", FORMATS),
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with framed(request, actor) as connection:
        rows, total = await exports.listed(connection, actor, wanted, now=clock.now())
        held = {row.id: msgspec.convert(row.filter, invoices.Filter) for row in rows}
        names = await tenant_names(connection, actor, {id_ for each in held.values() for id_ in each.tenant_ids})
    return await page(
        request,
        "billing/exports.html",
        rows=rows,
        holds={row.id: " · ".join(_held(held[row.id], names)) for row in rows},
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=[
            Filter("state", gettext("State"), state_options("export", EXPORT_STATES)),
            Filter("format", gettext("Format"), [Option(code, gettext(name)) for code, (name, _) in FORMATS.items()]),
        ],
        tabs=tabs(actor, "/billing/exports"),
        working=any(row.status == "processing" for row in rows),
        failures={code: gettext(said) for code, said in FAILURES.items()},
    )


def _held(wanted: invoices.Filter, names: Mapping[UUID, str]) -> list[str]:
    """Return what tells one export from another: whose invoices, of which days, and what else narrowed them."""
    count = len(wanted.tenant_ids)
    whose = names.get(wanted.tenant_ids[0], "") if count == 1 else ""
    said = [
        whose or ngettext("%(num)s customer", "%(num)s customers", count) if count else gettext("All customers"),
        gettext("issued %(days)s", days=_days(wanted.from_date, wanted.to_date)),
        ", ".join(state_label("invoice", each) for each in wanted.status) or gettext("any status"),
    ]
    if wanted.due_from or wanted.due_to:
        said.append(gettext("unpaid, due %(days)s", days=_days(wanted.due_from, wanted.due_to)))
    return [*said, *filter(None, (wanted.currency, f"“{wanted.search}”" if wanted.search else ""))]


def _days(first: date | None, last: date | None) -> str:
    if first and last:
        return f"{formats.date(first)} – {formats.date(last)}"  # noqa: RUF001  (an en dash between two days)
    if first:
        return gettext("from %(day)s", day=formats.date(first))
    return gettext("until %(day)s", day=formats.date(last)) if last else gettext("on any day")


@get("/billing/exports/new", **needs(exports.EXPORT))
async def new_export(request: Web, actor: Who) -> Page:
    """Return the form, filled with the filter of the list that led here."""
    names = ("since", "until", "tenant", "q", "currency", "age")
    values = {name: asked.clean(request.query_params.get(name, "")) for name in names}
    status = request.query_params.get("status", "")
    owed = {"unpaid": ["finalized", "overdue"]}.get(status, [status] if status in SHOWN_STATUSES else [])
    return await _form(request, actor, Form({**values, "status": owed}))


async def _form(request: Web, actor: Actor, state: Form, status_code: int = 200) -> Page:
    async with framed(request, actor) as connection:
        reached = await exports.coverage(connection, actor)
    return await page(
        request,
        "billing/export_new.html",
        status_code=status_code,
        form=state,
        form_key=state.text("form_key") or str(new_id()),
        formats=[Option(code, gettext(name), gettext(text)) for code, (name, text) in FORMATS.items()],
        statuses=state_options("invoice", SHOWN_STATUSES),
        ages=[Option(code, gettext(name)) for code, name in AGE_NAMES.items()],
        left_out=0 if state.text("tenant") else reached.customers - reached.opened,
    )


@post("/billing/exports/new", **needs(exports.EXPORT, at_once=NO_PEOPLE))
async def ask_export(request: Web, actor: Who) -> Response[Any]:
    """Have an export written and lead to the list, or show the form again with what was typed."""
    values: dict[str, Any] = {name: asked.clean(text) for name, text in (await typed(request)).items()}
    values |= {"status": await ticked(request, "status")}
    try:
        wish = _wish(values)
        await _gated(actor, wish)
        await exports.ask(actor, wish, form=parse_id(values.get("form_key")), now=clock.now())
    except Invalid as refusal:
        errors = {
            {"from_date": "since", "to_date": "until", "search": "q"}.get(name, name): said
            for name, said in refusal.errors.items()
        }
        state = form(values, Invalid(refusal.detail, errors=errors))
        return await _form(request, actor, state, refusal.status)
    return redirect("/billing/exports", gettext("The export is being written. It stays here for seven days."))


async def _gated(actor: Actor, wish: exports.Wish) -> None:
    """Take a customer that the form names through the gates."""
    if not wish.wanted.tenant_ids:
        return
    async with db.transaction(actor) as connection:
        await named_tenants(connection, actor, tenant_ids=wish.wanted.tenant_ids, needs=exports.EXPORT)


def _wish(values: Mapping[str, Any]) -> exports.Wish:
    """Return what was typed as a wish; raises Invalid for what cannot be one."""
    chosen = values.get("format", "")
    errors = {} if chosen in FORMATS else {"format": gettext("Choose one of these")}
    days = {}
    for name in ("since", "until"):
        try:
            days[name] = asked.day_in(values.get(name, ""))
        except Invalid as wrong:
            errors[name] = wrong.sentence
    currency, age = values.get("currency", "").strip().upper(), values.get("age", "")
    if currency and not is_currency(currency):
        errors["currency"] = gettext("Three letters, as in EUR")
    if age and age not in AGE_NAMES:
        errors["age"] = gettext("Choose one of these")
    if errors:
        raise Invalid(errors=errors)
    tenant_id = parse_id(values.get("tenant"))
    due_from, due_to = due_between(age, clock.now().date()) if age else (None, None)
    return exports.Wish(
        format=chosen,
        wanted=invoices.Filter(
            tenant_ids=(tenant_id,) if tenant_id else (),
            from_date=days["since"],
            to_date=days["until"],
            status=tuple(values["status"]),
            currency=currency,
            search=values.get("q", "").strip(),
            owed=bool(age),
            due_from=due_from,
            due_to=due_to,
        ),
        include_line_items=values.get("lines") == "yes",
    )


@get("/billing/exports/{export_id:uuid}/file", **needs(exports.EXPORT))
async def export_file(export_id: FromPath[UUID], actor: Who) -> Stream:
    """Send the file of one of the person's own exports."""
    return await download(await exports.fetch(actor, export_id, now=clock.now()))


ROUTES = [export_list, new_export, ask_export, export_file]
