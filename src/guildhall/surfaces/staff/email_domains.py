"""The allow-list of the policy of e-mail addresses."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import db
from guildhall.core.actor import Actor
from guildhall.core.errors import Invalid
from guildhall.domain.partners import email_domains
from guildhall.domain.partners.reviewing import DECIDE
from guildhall.surfaces import asked
from guildhall.surfaces.entry import GIVES_NOTHING, Who, needs
from guildhall.surfaces.html import Page, Web, form, page, redirect, typed
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext


@get("/email-domains", **needs("staff.applications.read"))
async def domain_list(request: Web, actor: Who) -> Page:
    """Return the domains that pass although a list is against them."""
    return await _list(request, actor, Form())


async def _list(request: Web, actor: Actor, state: Form) -> Page:
    search = asked.words(request)
    async with db.transaction(actor) as connection:
        rows = await email_domains.listed(connection, actor, search=search)
    return await page(
        request,
        "email_domains/list.html",
        status_code=422 if state.errors else 200,
        rows=rows,
        form=state,
        searched=bool(search),
        decides=actor.may(DECIDE),
    )


@post("/email-domains", **needs(DECIDE, at_once=GIVES_NOTHING))
async def add_domain(request: Web, actor: Who) -> Response[Any]:
    """Let a domain pass."""
    values = await typed(request)
    try:
        domain = await email_domains.add(actor, domain=values.get("domain", ""), reason=values.get("reason", ""))
    except Invalid as refusal:
        return await _list(request, actor, form(values, refusal))
    return redirect("/email-domains", gettext("Addresses at %(domain)s pass from now on.", domain=domain))


@get("/email-domains/{domain:str}/remove", **needs(DECIDE))
async def ask_remove(request: Web, domain: FromPath[str], actor: Who) -> Page:
    """Return the page that asks before a domain is taken off the list."""
    async with db.transaction(actor) as connection:
        found = await email_domains.get(connection, actor, domain)
    return await page(request, "email_domains/remove.html", domain=found)


@post("/email-domains/{domain:str}/remove", **needs(DECIDE, at_once=GIVES_NOTHING))
async def remove_domain(domain: FromPath[str], actor: Who) -> Redirect:
    """Take a domain off the list."""
    await email_domains.remove(actor, domain=domain)
    return redirect("/email-domains", gettext("Addresses at %(domain)s no longer pass.", domain=domain))


ROUTES = [domain_list, add_domain, ask_remove, remove_domain]
