"""Every state people see as a badge: its word, tone and icon. Icon and word tell it; colour only helps."""

from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup, escape

from guildhall.surfaces.kit.i18n import N_, gettext, speech
from guildhall.surfaces.kit.static import static_url


class State(NamedTuple):
    """How one state is shown: `label` is a msgid, `tone` one of ok, warn, bad, info, note, mute."""

    label: str
    tone: str
    icon: str


STATES: dict[str, dict[str, State]] = {
    "link": {
        "requested": State(N_("Requested"), "info", "send"),
        "countered": State(N_("Counter-offer"), "note", "message-square-reply"),
        "declined": State(N_("Declined"), "bad", "circle-x"),
        "lapsed": State(N_("Lapsed"), "mute", "hourglass"),
        "withdrawn": State(N_("Withdrawn"), "mute", "undo-2"),
        "scheduled": State(N_("Scheduled"), "info", "calendar-clock"),
        "active": State(N_("Active"), "ok", "circle-check"),
        "expiring": State(N_("Expiring"), "warn", "clock-alert"),
        "paused": State(N_("Paused"), "warn", "circle-pause"),
        "expired": State(N_("Expired"), "mute", "clock"),
        "revoked": State(N_("Revoked"), "bad", "ban"),
        "ended": State(N_("Ended"), "mute", "unlink"),
    },
    "ticket": {
        "open": State(N_("Open"), "info", "circle-dot"),
        "pending": State(N_("Pending"), "warn", "circle-dashed"),
        "resolved": State(N_("Resolved"), "ok", "circle-check"),
        "closed": State(N_("Closed"), "mute", "archive"),
    },
    "priority": {
        "low": State(N_("Low"), "mute", "arrow-down"),
        "normal": State(N_("Normal"), "mute", "minus"),
        "high": State(N_("High"), "warn", "arrow-up"),
        "urgent": State(N_("Urgent"), "bad", "flame"),
    },
    "sla": {
        "ok": State(N_("On time"), "ok", "timer"),
        "soon": State(N_("Due soon"), "warn", "clock-alert"),
        "breached": State(N_("SLA breached"), "bad", "siren"),
        "met": State(N_("SLA met"), "ok", "check-check"),
    },
    "target": {
        "ok": State(N_("On time"), "ok", "timer"),
        "soon": State(N_("Due soon"), "warn", "clock-alert"),
        "breached": State(N_("Overdue"), "bad", "siren"),
    },
    "tenant": {
        "active": State(N_("Active"), "ok", "circle-check"),
        "trial": State(N_("Trial"), "info", "sparkles"),
        "suspended": State(N_("Suspended"), "bad", "circle-pause"),
    },
    "model": {
        "customer_managed": State(N_("Customer-managed"), "mute", "user-round"),
        "co_managed": State(N_("Co-managed"), "info", "users"),
        "fully_managed": State(N_("Fully managed"), "note", "shield-check"),
    },
    "partner": {
        "active": State(N_("Active"), "ok", "circle-check"),
        "suspended": State(N_("Suspended"), "warn", "circle-pause"),
        "terminated": State(N_("Terminated"), "bad", "circle-x"),
    },
    "application": {
        "submitted": State(N_("Submitted"), "info", "inbox"),
        "in_review": State(N_("In review"), "note", "search"),
        "needs_info": State(N_("Needs information"), "warn", "circle-help"),
        "approved": State(N_("Approved"), "ok", "circle-check"),
        "declined": State(N_("Declined"), "bad", "circle-x"),
    },
    "severity": {
        "critical": State(N_("Critical"), "bad", "octagon-x"),
        "warning": State(N_("Warning"), "warn", "triangle-alert"),
        "info": State(N_("Info"), "info", "info"),
    },
    "finding": {
        "critical": State(N_("Critical"), "bad", "octagon-x"),
        "high": State(N_("High"), "warn", "triangle-alert"),
        "medium": State(N_("Medium"), "note", "circle-alert"),
        "low": State(N_("Low"), "mute", "info"),
    },
    "alert": {
        "active": State(N_("Active"), "bad", "bell"),
        "acknowledged": State(N_("Acknowledged"), "note", "eye"),
        "resolved": State(N_("Resolved"), "ok", "circle-check"),
        "snoozed": State(N_("Snoozed"), "mute", "bell-off"),
    },
    "invoice": {
        "draft": State(N_("Draft"), "mute", "circle-dashed"),
        "finalized": State(N_("Finalised"), "info", "file-check"),
        "paid": State(N_("Paid"), "ok", "circle-check"),
        "overdue": State(N_("Overdue"), "bad", "circle-alert"),
        "cancelled": State(N_("Cancelled"), "mute", "circle-x"),
    },
    "export": {
        "processing": State(N_("Being written"), "info", "hourglass"),
        "completed": State(N_("Ready"), "ok", "circle-check"),
        "failed": State(N_("Failed"), "bad", "circle-x"),
    },
    "subscription": {
        "trial": State(N_("Trial"), "info", "sparkles"),
        "active": State(N_("Active"), "ok", "circle-check"),
        "suspended": State(N_("Suspended"), "warn", "circle-pause"),
        "cancelled": State(N_("Cancelled"), "mute", "circle-x"),
    },
    "quote": {
        "draft": State(N_("Draft"), "mute", "circle-dashed"),
        "submitted": State(N_("Submitted"), "info", "send"),
        "in_review": State(N_("In review"), "note", "search"),
        "approved": State(N_("Approved"), "ok", "circle-check"),
        "provisioned": State(N_("Provisioned"), "ok", "rocket"),
        "rejected": State(N_("Rejected"), "bad", "circle-x"),
        "withdrawn": State(N_("Withdrawn"), "mute", "undo-2"),
        "expired": State(N_("Expired"), "mute", "clock"),
        "OK": State(N_("OK"), "ok", "circle-check"),
        "REVIEW": State(N_("Needs review"), "warn", "triangle-alert"),
        "BLOCK": State(N_("Blocked"), "bad", "octagon-x"),
    },
    "mail": {
        "queued": State(N_("Waiting"), "info", "hourglass"),
        "sent": State(N_("Sent"), "ok", "circle-check"),
        "kept": State(N_("Kept"), "note", "inbox"),
        "failed": State(N_("Failed"), "bad", "circle-x"),
    },
    "person": {
        "invited": State(N_("Invited"), "info", "mail"),
        "lapsed": State(N_("Invitation ended"), "warn", "hourglass"),
        "active": State(N_("Active"), "ok", "circle-check"),
        "deactivated": State(N_("Deactivated"), "mute", "user-x"),
    },
    "client": {
        "active": State(N_("Active"), "ok", "circle-check"),
        "expiring": State(N_("Expiring"), "warn", "clock-alert"),
        "expired": State(N_("Expired"), "mute", "clock"),
        "stopped": State(N_("Stopped"), "warn", "user-x"),
        "revoked": State(N_("Revoked"), "bad", "ban"),
    },
    "webhook": {
        "active": State(N_("Active"), "ok", "circle-check"),
        "failing": State(N_("Failing"), "bad", "circle-alert"),
        "disabled": State(N_("Switched off"), "mute", "ban"),
    },
    "webhook_delivery": {
        "waiting": State(N_("Waiting"), "info", "hourglass"),
        "delivered": State(N_("Delivered"), "ok", "circle-check"),
        "failed": State(N_("Failed"), "bad", "circle-x"),
        "dropped": State(N_("Not sent"), "mute", "ban"),
    },
    "account": {
        "active": State(N_("Active"), "ok", "circle-check"),
        "ended": State(N_("Ended"), "mute", "unlink"),
    },
    "engagement": {
        "managed": State(N_("Managed"), "mute", "server-cog"),
        "referral": State(N_("Referral"), "mute", "share-2"),
        "reseller": State(N_("Resold"), "mute", "handshake"),
    },
    "relationship": {
        "msp_managed": State(N_("MSP-managed"), "mute", "server-cog"),
        "enterprise_subsidiary": State(N_("Subsidiary"), "mute", "building-2"),
        "reseller_channel": State(N_("Reseller channel"), "mute", "handshake"),
        "audit_only": State(N_("Audit only"), "mute", "eye"),
    },
    "partner_type": {
        "reseller": State(N_("Reseller"), "mute", "handshake"),
        "mssp": State(N_("MSP / MSSP"), "mute", "server-cog"),
        "enterprise_hq": State(N_("Enterprise headquarters"), "mute", "building-2"),
        "technology_alliance": State(N_("Technology alliance"), "mute", "plug"),
        "auditor": State(N_("Auditor"), "mute", "scale"),
    },
    "tier": {
        "silver": State(N_("Silver"), "mute", "award"),
        "gold": State(N_("Gold"), "warn", "award"),
        "platinum": State(N_("Platinum"), "note", "trophy"),
    },
}


def state(family: str, code: str) -> State:
    """How `code` of `family` is shown; a code that nobody described yet is shown as it is, without colour."""
    return STATES[family].get(code) or State(code.replace("_", " ").capitalize(), "mute", "circle")


def state_label(family: str, code: str) -> str:
    """Return the translated word for `code` of `family`: for select options, sentences and exports."""
    return gettext(state(family, code).label)


@lru_cache(maxsize=512)
def icon(name: str, size: str = "", label: str = "") -> Markup:
    """Return the icon `name` of the sprite; `size` is "", "lg" or "xl".

    Hidden from screen readers unless `label` names it.
    """
    classes = f"icon icon-{size}" if size else "icon"
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    use = f'<use href="{static_url("icons.svg")}#{escape(name)}"></use>'
    return Markup(f'<svg class="{classes}" {spoken}>{use}</svg>')  # noqa: S704  (parts escaped above)


@lru_cache(maxsize=2048)
def _badge(family: str, code: str, language: str) -> Markup:
    del language  # part of the key: the label is translated
    shown = state(family, code)
    return tag(gettext(shown.label), shown.tone, shown.icon)


def badge(family: str, code: str | None) -> Markup:
    """Return the badge of state `code` in `family` (a key of `STATES`); nothing for None."""
    return _badge(family, code, speech().language) if code else Markup("")


def tag(text: str, tone: str = "mute", icon_name: str | None = None) -> Markup:
    """Return a badge with words of your own: `text` is translated already."""
    drawn = icon(icon_name) if icon_name else ""
    plain = "" if icon_name else " tag-plain"
    return Markup('<span class="tag tone-{}{}">{}{}</span>').format(tone, plain, drawn, text)
