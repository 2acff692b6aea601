"""Calls of the API: who uses what now, and the quota that one partner has instead of the standard."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid
from guildhall.domain.partners import directory, quota_use, quotas
from guildhall.domain.partners.application_form import whole_number
from guildhall.domain.partners.directory import Partner
from guildhall.domain.partners.quotas import COLUMNS, MANAGE, READ
from guildhall.domain.quotas import kinds
from guildhall.domain.quotas.own_use import Use, own_quota, used
from guildhall.surfaces import asked
from guildhall.surfaces.call_words import call_label, rate_label
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Option, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask

SORTS: dict[str, quota_use.SortBy] = {"name": "name", "share": "share", "refused": "refused"}
PATH = "/partners/{partner_id:uuid}/quota"


@get("/quotas", **needs(READ))
async def use_list(request: Web, actor: Who) -> Page:
    """Return one page of what is counted now."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("share", descending=True))
    number = asked.page_number(request)
    wanted = quota_use.Filter(
        kind=asked.choice(request, "kind", kinds.COUNTERS),
        search=asked.words(request),
        state=asked.choice(request, "state", quota_use.STATES),
        sort_by=SORTS[sorting.key],
        descending=sorting.descending,
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        rows, total = await quota_use.listed(connection, actor, wanted)
    return await page(
        request,
        "quotas/list.html",
        rows=rows,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        filters=_filters(),
    )


def _filters() -> list[Filter]:
    """Return what the list can be narrowed by."""
    states = {
        "near": gettext("Four fifths used, or more"),
        "refused": gettext("Refused within a day"),
        "own": gettext("Own quota"),
    }
    return [
        Filter("kind", gettext("Calls"), [Option(kind, call_label(kind)) for kind in kinds.COUNTERS]),
        Filter("state", gettext("Only"), [Option(name, label) for name, label in states.items()]),
    ]


async def _read(actor: Actor, partner_id: UUID) -> tuple[Partner, list[Use], dict[str, Any]]:
    """Return a partner, what it uses, and its own quota as it is kept, empty where it has none."""
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
        return found, await used(connection, partner_id), dict(await own_quota(connection, partner_id) or {})


@get(PATH, **needs(READ))
async def quota_page(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return what one partner may call and calls."""
    partner, uses, own = await _read(actor, partner_id)
    may_manage = actor.may(MANAGE)
    return await page(request, "quotas/partner.html", partner=partner, uses=uses, own=own, may_manage=may_manage)


@get(f"{PATH}/change", **needs(MANAGE))
async def quota_form(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form with the quota of now."""
    partner, _, own = await _read(actor, partner_id)
    return await _form(request, partner, Form({name: own.get(name) for name in COLUMNS}))


async def _form(request: Web, partner: Partner, state: Form) -> Page:
    usual = {kind: kinds.standard(kind) for kind in kinds.OF_PARTNER}
    status = 422 if state.errors else 200
    return await page(request, "quotas/form.html", status_code=status, partner=partner, form=state, usual=usual)


def _said(values: dict[str, str]) -> dict[str, int | None]:
    """Return the numbers that were typed: None for an empty field, and 0, which is refused, for what is no number."""
    texts = {name: values.get(name, "").strip() for name in COLUMNS}
    return {name: (whole_number(text, kinds.MOST) or 0) if text else None for name, text in texts.items()}


@post(f"{PATH}/change", **needs(MANAGE, fresh=True))
async def set_quota(request: Web, partner_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Show what would change and ask; once that was confirmed, keep it."""
    values = await typed(request)
    wanted, reason = _said(values), values.get("reason", "")
    partner, uses, own = await _read(actor, partner_id)
    if errors := quotas.checked(wanted, reason):
        return await _form(request, partner, form(values, Invalid(errors=errors)))
    if values.get("confirmed") != "yes":
        changes = _changes(own, wanted)
        return await page(
            request,
            "quotas/confirm.html",
            partner=partner,
            form=Form(values),
            changes=changes,
            columns=COLUMNS,
            over=[use for use in uses if _over(use, wanted)],
        )
    try:
        await quotas.give(actor, partner_id=partner_id, wanted=wanted, reason=reason, now=clock.now())
    except Conflict as refusal:
        return redirect(f"/partners/{partner_id}/quota", told(refusal), "info")
    done = gettext("Saved. It binds from the next call of %(partner)s on.", partner=partner.name)
    return redirect(f"/partners/{partner_id}/quota", done)


def _changes(own: dict[str, Any], wanted: dict[str, int | None]) -> list[tuple[str, str, str]]:
    """Return what a quota would change: label, before, after."""
    found = []
    for kind in kinds.OF_PARTNER:
        usual = kinds.standard(kind)
        before, after = (own.get(f"{kind}_calls") or usual.calls, wanted[f"{kind}_calls"] or usual.calls)
        if before != after:
            found.append((call_label(kind), rate_label(before, usual.seconds), rate_label(after, usual.seconds)))
    return found


def _over(use: Use, wanted: dict[str, int | None]) -> bool:
    """Return whether the partner uses more of a kind now than it would be allowed."""
    if use.kind not in kinds.OF_PARTNER:
        return False
    return use.used >= (wanted[f"{use.kind}_calls"] or kinds.standard(use.kind).calls)


async def _question(actor: Actor, partner_id: UUID) -> Question:
    """Return what is asked before a quota is cleared."""
    async with db.transaction(actor) as connection:
        found = await directory.get(connection, actor, partner_id)
    return Question(
        title=gettext("Clear the own quota of %(partner)s?", partner=found.name),
        text=gettext("From its next call on the standard limits bind it."),
        label=gettext("Clear"),
        back=f"/partners/{partner_id}/quota",
        done=gettext("%(partner)s has the standard limits.", partner=found.name),
    )


@get(f"{PATH}/clear", **needs(MANAGE))
async def ask_clear(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks."""
    return await ask(request, await _question(actor, partner_id))


@post(f"{PATH}/clear", **needs(MANAGE, fresh=True))
async def clear_quota(request: Web, partner_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Clear a partner's own quota, with a reason."""

    async def act(reason: str) -> None:
        await quotas.clear(actor, partner_id=partner_id, reason=reason, now=clock.now())

    return await answer(request, await _question(actor, partner_id), act)


ROUTES = [use_list, quota_page, quota_form, set_quota, ask_clear, clear_quota]
