"""Partner accounts: the subscribers of its home tenant that a partner looks after, begun and ended by staff."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from guildhall.core import clock, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, Invalid, NotFound
from guildhall.domain.partners import directory
from guildhall.domain.partners.directory import Partner
from guildhall.domain.provisioning import accounts, entrusting, home
from guildhall.domain.provisioning.accounts import ACCOUNT_STATES, ENGAGEMENTS, STAFF_READ
from guildhall.domain.provisioning.entrusting import BEGIN, END, Candidate
from guildhall.domain.provisioning.home import MANAGE
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Filter, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.words import state_options

SORTS = ("name", "since")
PATH = "/partners/{partner_id:uuid}/accounts"


@get(PATH, **needs(STAFF_READ))
async def account_list(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return one page of a partner's accounts."""
    sorting, number = sorting_of(request.query_params.get("sort"), SORTS, Sorting("name")), asked.page_number(request)
    wanted = accounts.Filter(
        search=asked.words(request),
        status=asked.choice(request, "state", ACCOUNT_STATES),
        engagement_type=asked.choice(request, "engagement", ENGAGEMENTS),
        sort_by="since" if sorting.key == "since" else "name",
        sort_order="desc" if sorting.descending else "asc",
        limit=asked.PAGE_SIZE,
        offset=(number - 1) * asked.PAGE_SIZE,
    )
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        at_home = await home.of(connection, partner_id)
        rows, total = await accounts.listed(connection, actor, wanted, partner_id=partner_id)
    return await page(
        request,
        "accounts/list.html",
        partner=partner,
        home=at_home,
        rows=rows,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        sorting=sorting,
        filters=[
            Filter("state", gettext("State"), state_options("account", ACCOUNT_STATES)),
            Filter("engagement", gettext("Engagement"), state_options("engagement", ENGAGEMENTS)),
        ],
        may_begin=actor.may(BEGIN) and partner.status == "active" and at_home is not None,
        may_end=actor.may(END),
        may_settle=actor.may(MANAGE),
    )


@get(f"{PATH}/home", **needs(MANAGE))
async def home_page(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that names the home tenant."""
    return await _home(request, actor, partner_id, Form())


async def _home(request: Web, actor: Actor, partner_id: UUID, state: Form) -> Page:
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        now = await home.of(connection, partner_id)
    status = 422 if state.errors else 200
    return await page(request, "accounts/home.html", status_code=status, partner=partner, home=now, form=state)


@post(f"{PATH}/home", **needs(MANAGE, fresh=True))
async def set_home(request: Web, partner_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Name the home tenant."""
    values = await typed(request)
    try:
        await home.settle(actor, partner_id=partner_id, domain=values.get("domain", ""), now=clock.now())
    except Invalid as refusal:
        return await _home(request, actor, partner_id, form(values, refusal))
    except Conflict as refusal:
        return redirect(_at(partner_id), told(refusal), "warning")
    return redirect(_at(partner_id), gettext("Saved. Its subscribers can be entrusted to the partner now."))


def _at(partner_id: UUID) -> str:
    """Return where a partner's accounts are listed."""
    return f"/partners/{partner_id}/accounts"


@get(f"{PATH}/new", **needs(BEGIN))
async def choose(request: Web, partner_id: FromPath[UUID], actor: Who) -> Page:
    """Return one page of the home tenant's subscribers, to choose one from."""
    number = asked.page_number(request)
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        tenant_id, name = await _at_home(connection, partner_id)
        rows, total = await entrusting.candidates(
            connection,
            actor,
            tenant_id,
            search=asked.words(request),
            limit=asked.PAGE_SIZE,
            offset=(number - 1) * asked.PAGE_SIZE,
        )
    pages = Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total)
    return await page(request, "accounts/choose.html", partner=partner, home=name, rows=rows, pages=pages)


async def _at_home(connection: AsyncConnection, partner_id: UUID) -> tuple[UUID, str]:
    """Return id and name of a partner's home tenant; raises NotFound where it has none."""
    found = await home.of(connection, partner_id)
    if found is None:
        raise NotFound
    return found


async def _chosen(actor: Actor, partner_id: UUID, subscriber_id: UUID) -> tuple[Partner, str, Candidate]:
    """Return the partner, the name of its home tenant and the subscriber that was chosen; raises NotFound."""
    async with db.transaction(actor) as connection:
        partner = await directory.get(connection, actor, partner_id)
        tenant_id, name = await _at_home(connection, partner_id)
        return partner, name, await entrusting.candidate(connection, actor, tenant_id, subscriber_id)


@get(f"{PATH}/new/{{subscriber_id:uuid}}", **needs(BEGIN))
async def new_account(request: Web, partner_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who) -> Page:
    """Return the form that entrusts a subscriber."""
    return await _form(request, actor, partner_id, subscriber_id, Form())


async def _form(request: Web, actor: Actor, partner_id: UUID, subscriber_id: UUID, state: Form) -> Page:
    partner, name, whom = await _chosen(actor, partner_id, subscriber_id)
    status = 422 if state.errors else 200
    return await page(
        request,
        "accounts/new.html",
        status_code=status,
        partner=partner,
        home=name,
        subscriber=whom,
        engagements=state_options("engagement", ENGAGEMENTS),
        form=state,
    )


@post(f"{PATH}/new/{{subscriber_id:uuid}}", **needs(BEGIN, fresh=True))
async def begin(request: Web, partner_id: FromPath[UUID], subscriber_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Entrust the subscriber to the partner."""
    values = await typed(request)
    try:
        await entrusting.begin(
            actor,
            partner_id=partner_id,
            subscriber_id=subscriber_id,
            engagement_type=values.get("engagement_type", ""),
            reason=values.get("reason", ""),
            now=clock.now(),
        )
    except Invalid as refusal:
        return await _form(request, actor, partner_id, subscriber_id, form(values, refusal))
    except Conflict as refusal:
        return redirect(_at(partner_id), told(refusal), "warning")
    return redirect(_at(partner_id), gettext("The partner looks after this subscriber from now on. It was told."))


async def _question(actor: Actor, partner_id: UUID, account_id: UUID) -> Question:
    """Return what is asked before an account is ended."""
    async with db.transaction(actor) as connection:
        found = await accounts.get(connection, actor, account_id, partner_id=partner_id)
        partner = await directory.get(connection, actor, partner_id)
    return Question(
        title=gettext("End the account of %(partner)s on %(subscriber)s?", partner=partner.name, subscriber=found.name),
        text=gettext(
            "From its next request the partner no longer sees this subscriber. It reads your reason in its trail."
        ),
        label=gettext("End the account"),
        back=_at(partner_id),
        done=gettext("The account has ended. The partner was told."),
    )


@get(f"{PATH}/{{account_id:uuid}}/end", **needs(END))
async def ask_end(request: Web, partner_id: FromPath[UUID], account_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before an account is ended."""
    return await ask(request, await _question(actor, partner_id, account_id))


@post(f"{PATH}/{{account_id:uuid}}/end", **needs(END, fresh=True))
async def end(request: Web, partner_id: FromPath[UUID], account_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """End an account, with a reason."""

    async def act(reason: str) -> None:
        await entrusting.end(actor, partner_id=partner_id, account_id=account_id, reason=reason, now=clock.now())

    return await answer(request, await _question(actor, partner_id, account_id), act)


ROUTES = [account_list, home_page, set_home, choose, new_account, begin, ask_end, end]
