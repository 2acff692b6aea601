"""Refusals as pages inside the console: what happened, and who can change it."""

from guildhall.core.errors import (
    Forbidden,
    Invalid,
    PartnerInactive,
    PostureNotShared,
    Refusal,
    TenantLinkExpired,
    TenantLinkPaused,
)
from guildhall.domain.access.gates import Standing
from guildhall.surfaces.entry import Entered
from guildhall.surfaces.html import Page, Web, page, told
from guildhall.surfaces.kit.i18n import gettext

_ICONS = {
    TenantLinkExpired: "clock-alert",
    TenantLinkPaused: "circle-pause",
    PostureNotShared: "lock",
    PartnerInactive: "circle-pause",
    Forbidden: "lock",
    Invalid: "circle-alert",
}


async def refusal_page(request: Web, refusal: Refusal) -> Page | None:
    """Return the page for a refusal that has one of its own here, else None."""
    found: Entered | None = request.scope["state"].get("entered")
    icon = _ICONS.get(type(refusal))
    if found is None or found.actor.user_id is None or icon is None:
        return None
    tenant = found.tenant
    name = tenant.tenant_name if tenant and tenant.tenant_name else gettext("this customer")
    return await page(
        request,
        "refused.html",
        status_code=refusal.status,
        heading=_heading(refusal),
        sentence=_sentence(refusal, name),
        who=_who(request, refusal, found, name),
        icon=icon,
        way=_way(refusal, tenant, links=found.actor.may("partner.links.read")),
        reference=request.scope["state"].get("request_id"),
    )


def _heading(refusal: Refusal) -> str:
    """Return what happened, in a few words; never what a customer keeps to itself."""
    if isinstance(refusal, PostureNotShared):
        return gettext("Not shared by this customer")
    return gettext(refusal.title)


def _sentence(refusal: Refusal, name: str) -> str:
    """Return what happened, in one sentence."""
    if isinstance(refusal, TenantLinkExpired):
        return gettext("Your access to %(tenant)s has passed its end. Nothing of it can be opened.", tenant=name)
    if isinstance(refusal, TenantLinkPaused):
        return gettext("Your access to %(tenant)s is paused. Nothing of it can be opened meanwhile.", tenant=name)
    if isinstance(refusal, PostureNotShared):
        return gettext("%(tenant)s keeps this part to itself under the agreed operating model.", tenant=name)
    if isinstance(refusal, Invalid):
        return " ".join(gettext(sentence) for sentence in refusal.errors.values()) or told(refusal)
    return "" if refusal.detail == refusal.title else told(refusal)


def _who(request: Web, refusal: Refusal, found: Entered, name: str) -> str:
    """Return who can change it."""
    if isinstance(refusal, TenantLinkExpired):
        return gettext("An approver of %(tenant)s can give you access again. Ask with a new request.", tenant=name)
    if isinstance(refusal, TenantLinkPaused):
        return _who_resumes(found.tenant, name)
    if isinstance(refusal, PostureNotShared):
        return gettext("An approver of %(tenant)s can raise the operating model.", tenant=name)
    if isinstance(refusal, PartnerInactive):
        return gettext(
            "Your organisation is suspended: you can read, but change nothing. Write to your partner manager."
        )
    return _who_permits(request, found, name) if isinstance(refusal, Forbidden) else ""


def _who_resumes(tenant: Standing | None, name: str) -> str:
    """Return who can lift the pause: only the side that set it."""
    by = tenant.paused_by if tenant else None
    if by == "partner":
        return gettext("Your own organisation paused it. Somebody who manages links can resume it.")
    if by == "staff":
        return gettext("The vendor paused it and can resume it. Write to your partner manager.")
    return gettext("%(tenant)s paused it. Only an approver there can resume it.", tenant=name)


def _who_permits(request: Web, found: Entered, name: str) -> str:
    """Return who can give the permission: the own principals, or the customer through the link."""
    needed = request.route_handler.opt.get("needs", "")
    if found.tenant is not None and found.actor.may(needed):
        return gettext("Your link to %(tenant)s does not open this. An approver there can allow it.", tenant=name)
    return gettext("Your roles do not include this. A principal of your organisation can change them.")


def _way(refusal: Refusal, tenant: Standing | None, *, links: bool) -> tuple[str, str]:
    """Return the label and address of the way on."""
    about_link = isinstance(refusal, TenantLinkExpired | TenantLinkPaused | PostureNotShared)
    if about_link and links and tenant is not None and tenant.link_id is not None:
        return gettext("Open the link"), f"/links/{tenant.link_id}"
    return gettext("Go to the dashboard"), "/"
