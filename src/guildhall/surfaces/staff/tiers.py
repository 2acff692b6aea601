"""The tiers of the programme: the list, a new one, changing and closing one."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid, NotFound
from guildhall.domain.partners import tiers
from guildhall.domain.partners.application_form import whole_number
from guildhall.domain.partners.tiers import MANAGE, Tier
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.staff.words import tier_label

_HIGHEST = 99


@get("/tiers", **needs("staff.tiers.read"))
async def tier_list(request: Web, actor: Who) -> Page:
    """Return every tier."""
    async with db.transaction(actor) as connection:
        rows = await tiers.listed(connection, actor)
    return await page(request, "tiers/list.html", rows=rows, actor=actor, may_manage=actor.may(MANAGE))


@get("/tiers/new", **needs(MANAGE))
async def new_tier(request: Web) -> Page:
    """Return the form of a new tier."""
    return await _form(request, None, Form())


async def _form(request: Web, tier: Tier | None, state: Form) -> Page:
    """Return the form of a tier; None for a new one."""
    title = gettext("Change %(tier)s", tier=tier_label(tier.code, tier.name)) if tier else gettext("Add a tier")
    status = 422 if state.errors else 200
    return await page(request, "tiers/form.html", status_code=status, tier=tier, title=title, form=state)


@post("/tiers/new", **needs(MANAGE))
async def add_tier(request: Web, actor: Who) -> Response[Any]:
    """Add a tier."""
    values = await typed(request)
    try:
        await tiers.add(actor, code=values.get("code_name", "").strip(), **_said(values))
    except Invalid as refusal:
        refusal.errors = {"code_name" if name == "code" else name: said for name, said in refusal.errors.items()}
        return await _form(request, None, form(values, refusal))
    return redirect("/tiers", gettext("The tier is there; new partners can get it."))


def _said(values: dict[str, str]) -> dict[str, Any]:
    """Return what was typed of a tier."""
    return {
        "name": values.get("name", ""),
        "rank": whole_number(values.get("rank", ""), _HIGHEST),
        "description": values.get("description", ""),
    }


async def _tier(actor: Actor, code: str) -> Tier:
    async with db.transaction(actor) as connection:
        return await tiers.get(connection, actor, code)


@get("/tiers/{tier:str}", **needs(MANAGE))
async def tier_page(request: Web, tier: FromPath[str], actor: Who) -> Page:
    """Return the form to change a tier."""
    found = await _tier(actor, tier)
    kept = {"name": found.name, "rank": found.rank, "description": found.description}
    return await _form(request, found, Form(kept))


@post("/tiers/{tier:str}", **needs(MANAGE))
async def change_tier(request: Web, tier: FromPath[str], actor: Who) -> Response[Any]:
    """Change how a tier is called, ranked and described."""
    values, found = await typed(request), await _tier(actor, tier)
    try:
        await tiers.change(actor, code=tier, **_said(values))
    except Invalid as refusal:
        return await _form(request, found, form(values, refusal))
    return redirect("/tiers", gettext("Saved."))


async def _question(actor: Actor, tier: str, step: str) -> Question:
    """Return what is asked before a tier is closed or opened again; raises NotFound for another step."""
    if step not in {"close", "open"}:
        raise NotFound
    found = await _tier(actor, tier)
    name = tier_label(found.code, found.name)
    closing = step == "close"
    return Question(
        title=gettext("Close %(tier)s?", tier=name) if closing else gettext("Open %(tier)s again?", tier=name),
        text=gettext("Partners that hold it keep it; nobody new gets it.")
        if closing
        else gettext("New partners can get it."),
        label=gettext("Close") if closing else gettext("Open"),
        back="/tiers",
        done=gettext("%(tier)s is closed.", tier=name) if closing else gettext("%(tier)s is open again.", tier=name),
        reason=False,
        kind="danger-solid" if closing else "primary",
    )


@get("/tiers/{tier:str}/{step:str}", **needs(MANAGE))
async def ask_tier(request: Web, tier: FromPath[str], step: FromPath[str], actor: Who) -> Page:
    """Return the page that asks."""
    return await ask(request, await _question(actor, tier, step))


@post("/tiers/{tier:str}/{step:str}", **needs(MANAGE))
async def set_tier(request: Web, tier: FromPath[str], step: FromPath[str], actor: Who) -> Response[Any]:
    """Close a tier, or open it again."""

    async def act(_reason: str) -> None:
        await tiers.set_closed(actor, code=tier, closed=step == "close")

    return await answer(request, await _question(actor, tier, step), act)


ROUTES = [tier_list, new_tier, add_tier, tier_page, change_tier, ask_tier, set_tier]
