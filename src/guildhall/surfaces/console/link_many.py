"""Asking many customers for links with a sheet: checked without asking anybody, confirmed, told row by row."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from litestar import Response, get, post

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.access.asking_many import MOST, Wish, ask_many, check_many
from guildhall.surfaces import link_sheets
from guildhall.surfaces.console.link_asking import ASK
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import N_
from guildhall.surfaces.link_sheets import FIELD, TERMS, Checked, Line

COLUMNS = ("domain", "approver_email", "code", *TERMS)
EXAMPLE = (
    *("acme.example", "head@acme.example", "", "msp_support"),
    *("co_managed", "msp_managed", "2027-12-31", "Second-line support as agreed"),
)
Run = Callable[..., Awaitable[list[Refusal | None]]]


@get("/links/many", **needs(ASK))
async def many_form(request: Web) -> Page:
    """Return the form that takes a sheet."""
    return await _form(request, Form())


async def _form(request: Web, state: Form, rows: Sequence[Checked] = (), status_code: int = 200) -> Page:
    return await page(
        request,
        "links/many.html",
        status_code=status_code,
        form=state,
        rows=rows,
        right=sum(not row.faults for row in rows),
        most=MOST,
    )


@get("/links/many/template", **needs(ASK))
async def many_template() -> Response[str]:
    """Send the empty sheet."""
    return link_sheets.template("link-requests", COLUMNS, EXAMPLE)


@post("/links/many", **needs(ASK))
async def check(request: Web, actor: Who) -> Page:
    """Say what would become of each row; nobody is asked."""
    text = await link_sheets.typed_rows(request)
    try:
        text = await link_sheets.sent_text(request)
        rows = await _run(actor, link_sheets.lines_of(text, COLUMNS, most=MOST), check_many, clock.now())
    except Invalid as refusal:
        return await _form(request, form({FIELD: text}, refusal), status_code=422)
    return await _form(request, form({FIELD: text}), rows)


@post("/links/many/send", **needs(ASK))
async def send(request: Web, actor: Who) -> Page:
    """Ask the customers of the rows that are right, and tell of each row what became of it."""
    text = await link_sheets.sent_text(request)
    try:
        rows = await _run(actor, link_sheets.lines_of(text, COLUMNS, most=MOST), ask_many, clock.now())
    except Invalid as refusal:
        return await _form(request, form({FIELD: text}, refusal), status_code=422)
    left = [row.line for row in rows if row.faults]
    return await page(
        request,
        "links/many_done.html",
        rows=rows,
        asked=len(rows) - len(left),
        form=Form({FIELD: link_sheets.text_of(left, COLUMNS)}),
    )


async def _run(actor: Actor, lines: Sequence[Line], run: Run, now: datetime) -> list[Checked]:
    """Return each row with what came, or would come, of it."""
    refusals: dict[int, Refusal | None] = {}
    wishes: list[tuple[int, Wish]] = []
    for line in lines:
        try:
            wishes.append((line.number, _wish(line)))
        except Invalid as wrong:
            refusals[line.number] = wrong
    answers = await run(actor, wishes=[wish for _, wish in wishes], now=now)
    refusals |= {number: answer for (number, _), answer in zip(wishes, answers, strict=True)}
    return [link_sheets.checked(line, refusals[line.number]) for line in lines]


def _wish(line: Line) -> Wish:
    """Return a row as what is asked of whom; raises Invalid by column."""
    terms, text = link_sheets.terms_of(line), line.values.get
    wish = Wish(terms=terms, domain=text("domain", ""), approver=text("approver_email", ""), code=text("code", ""))
    if wish.code and (wish.domain or wish.approver):
        raise Invalid(errors={"code": N_("Give a code, or a domain with an approver's address, not both")})
    return wish


ROUTES: list[Any] = [many_form, many_template, check, send]
