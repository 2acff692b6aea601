"""Relationships that stand already, imported with a sheet: checked first, then all of them or none."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Response, get, post

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.access.importing_links import MOST, Outcome, Relationship, import_links
from guildhall.surfaces import link_sheets
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import ngettext
from guildhall.surfaces.link_sheets import FIELD, TERMS, Checked, Line

CREATE = "staff.links.create"
COLUMNS = ("partner", "domain", *TERMS)
EXAMPLE = (
    *("Northwind Managed Services", "acme.example", "msp_support"),
    *("co_managed", "msp_managed", "2027-12-31", "Contract 2024-118, moved from the old portal"),
)
ONLY_CHECKED = "it only checks; nothing is written"


@get("/links/import", **needs(CREATE))
async def import_form(request: Web) -> Page:
    """Return the form that takes a sheet."""
    return await _form(request, Form())


async def _form(request: Web, state: Form, rows: Sequence[Checked] = (), status_code: int = 200) -> Page:
    return await page(
        request,
        "links/import.html",
        status_code=status_code,
        form=state,
        rows=rows,
        right=all(not row.faults for row in rows),
        most=MOST,
    )


@get("/links/import/template", **needs(CREATE))
async def import_template() -> Response[str]:
    """Send the empty sheet."""
    return link_sheets.template("links", COLUMNS, EXAMPLE)


@post("/links/import", **needs(CREATE, at_once=ONLY_CHECKED))
async def check(request: Web, actor: Who) -> Page:
    """Say what would become of each row; nothing is written."""
    text = await link_sheets.typed_rows(request)
    try:
        text = await link_sheets.sent_text(request)
        rows = await _run(actor, text, dry_run=True, now=clock.now())
    except Invalid as refusal:
        return await _form(request, form({FIELD: text}, refusal), status_code=422)
    return await _form(request, form({FIELD: text}), rows)


@post("/links/import/all", **needs(CREATE, fresh=True))
async def import_all(request: Web, actor: Who) -> Response[Any]:
    """Make every link of the sheet, or none where one of them cannot be."""
    text = await link_sheets.sent_text(request)
    try:
        rows = await _run(actor, text, dry_run=False, now=clock.now())
    except Invalid as refusal:
        return await _form(request, form({FIELD: text}, refusal), status_code=422)
    if any(row.faults for row in rows):
        return await _form(request, form({FIELD: text}), rows, status_code=422)
    said = ngettext(
        "%(num)s link is live. The customer was told and can revoke it.",
        "%(num)s links are live. The customers were told and can revoke them.",
        len(rows),
    )
    return redirect("/links", said)


async def _run(actor: Actor, text: str, *, dry_run: bool, now: datetime) -> list[Checked]:
    """Return each row with what is wrong with it; with a row that cannot even be read, nothing is written."""
    lines = link_sheets.lines_of(text, COLUMNS, most=MOST)
    outcomes: dict[int, Outcome] = {}
    known: list[tuple[int, Relationship]] = []
    for line in lines:
        try:
            known.append((line.number, _relationship(line)))
        except Invalid as wrong:
            outcomes[line.number] = Outcome(refusal=wrong)
    rows = [row for _, row in known]
    answers = await import_links(actor, rows=rows, dry_run=dry_run or bool(outcomes), now=now)
    outcomes |= {number: answer for (number, _), answer in zip(known, answers, strict=True)}
    return [_checked(line, outcomes[line.number]) for line in lines]


def _checked(line: Line, outcome: Outcome) -> Checked:
    """Return a row with what is wrong with it, and the partner that its name was found to mean."""
    named = f"{outcome.partner_name} ({outcome.partner_slug})" if outcome.partner_slug else ""
    return link_sheets.checked(line, outcome.refusal, named)


def _relationship(line: Line) -> Relationship:
    """Return a row as a relationship; raises Invalid by column."""
    return Relationship(
        partner=line.values.get("partner", ""),
        domain=line.values.get("domain", ""),
        terms=link_sheets.terms_of(line),
    )


ROUTES: list[Any] = [import_form, import_template, check, import_all]
