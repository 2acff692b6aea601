"""Saved views of the tickets: saving what the address asks for, and the page of the own ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.support import views
from guildhall.domain.support.views import View
from guildhall.surfaces.console.frame import framed
from guildhall.surfaces.entry import Who, needs, own
from guildhall.surfaces.html import Page, Web, form, local_path, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import query_link
from guildhall.surfaces.question import Question, answer, ask

LIST = "partner.support.tickets.list"
BOARD = "board"
# In every address of the list that leads on from it: without it, the person's first view would come instead.
STAYS = ("list", "1")


def address(view: View) -> str:
    """Return where a saved view is shown."""
    asked = [(name, view.filters[name]) for name in views.FIELDS if name != "view" and name in view.filters]
    if view.filters.get("view") == BOARD:
        return f"/tickets/board?{urlencode(asked)}" if asked else "/tickets/board"
    return f"/tickets?{urlencode([STAYS, *asked])}"


def back_of(text: str | None) -> str:
    """Return the page of the tickets that a form leads back to."""
    path = local_path(text, "/tickets")
    return path if path.partition("?")[0] in {"/tickets", "/tickets/board"} else "/tickets"


def view_tabs(request: Web, saved: Sequence[View]) -> list[tuple[str, str, bool, int | None]]:
    """Return one tab for each saved view, after the one for all tickets; none where nothing is saved."""
    if not saved:
        return []
    now = _asked(request.url.path, dict(request.query_params))
    whole = "/tickets/board" if request.url.path.endswith(BOARD) else f"/tickets?{urlencode([STAYS])}"
    every = (gettext("All tickets"), whole, set(now) <= {"view"}, None)
    return [every, *((view.name, address(view), view.filters == now, None) for view in saved)]


def leads(request: Web) -> Callable[..., str]:
    """Return what makes an address of another look of the tickets: with this one's filters, some changed."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name in views.FIELDS]
    return lambda path, **changes: query_link(path, kept, changes)


def _asked(path: str, query: Mapping[str, str]) -> dict[str, str]:
    """Return what an address of the tickets asks for, as a view keeps it."""
    shown = {name: query[name] for name in views.FIELDS if query.get(name)}
    return shown | {"view": BOARD if path.endswith(BOARD) else "list"}


@get("/tickets/views", **needs(LIST))
async def view_list(request: Web, actor: Who) -> Page:
    """Return the person's saved views."""
    async with framed(request, actor) as connection:
        rows = await views.listed(connection, actor)
    return await page(request, "tickets/views.html", rows=rows, address=address)


@get("/tickets/views/new", **needs(LIST))
async def new_view(request: Web) -> Page:
    """Return the form that saves the filters which the address holds."""
    return await _form(request, Form(dict(request.query_params)))


async def _form(request: Web, state: Form, status_code: int = 200) -> Page:
    kept = {name: state.text(name) for name in views.FIELDS if state.text(name)}
    return await page(request, "tickets/view.html", status_code=status_code, form=state, kept=kept, back=_back(kept))


def _back(kept: Mapping[str, str]) -> str:
    """Return the list or the board with these filters."""
    asked = {name: value for name, value in kept.items() if name != "view"}
    path = "/tickets/board" if kept.get("view") == BOARD else "/tickets"
    return f"{path}?{urlencode(asked)}" if asked else path


@post("/tickets/views/new", **own("a person's own views of tickets", at_once="no access changes"))
async def save_view(request: Web, actor: Who) -> Response[Any]:
    """Save filters under a name, and show them."""
    values = await typed(request)
    first = values.get("is_default") == "yes"
    try:
        view_id = await views.save(actor, name=values.get("name", ""), filters=values, is_default=first)
    except Invalid as refusal:
        return await _form(request, form(values | {"is_default": values.get("is_default")}, refusal), refusal.status)
    async with db.transaction(actor) as connection:
        saved = await views.get(connection, actor, view_id=view_id)
    return redirect(address(saved), gettext("The view %(name)s was saved.", name=saved.name))


@post("/tickets/views/{view_id:uuid}/first", **own("a person's own views of tickets", at_once="no access changes"))
async def make_first(request: Web, view_id: FromPath[UUID], actor: Who) -> Redirect:
    """Let a view come first when the tickets are opened, or no longer."""
    wanted = (await typed(request)).get("first") == "yes"
    async with db.transaction(actor) as connection:
        view = await views.get(connection, actor, view_id=view_id)
    await views.make_default(actor, view_id=view_id if wanted else None)
    said = (
        gettext("Tickets open with %(name)s now.", name=view.name) if wanted else gettext("Tickets open with all now.")
    )
    return redirect("/tickets/views", said)


async def _question(actor: Actor, view_id: UUID) -> Question:
    async with db.transaction(actor) as connection:
        view = await views.get(connection, actor, view_id=view_id)
    return Question(
        title=gettext("Remove the view %(name)s?", name=view.name),
        text=gettext("The tickets stay as they are."),
        label=gettext("Remove"),
        back="/tickets/views",
        done=gettext("The view %(name)s was removed.", name=view.name),
        reason=False,
    )


@get("/tickets/views/{view_id:uuid}/remove", **needs(LIST))
async def ask_remove(request: Web, view_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a view is removed."""
    return await ask(request, await _question(actor, view_id))


@post("/tickets/views/{view_id:uuid}/remove", **own("a person's own views of tickets", at_once="no access changes"))
async def remove(request: Web, view_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Remove a view."""
    question = await _question(actor, view_id)
    return await answer(request, question, lambda _: views.remove(actor, view_id=view_id))


ROUTES = [view_list, new_view, save_view, make_first, ask_remove, remove]
