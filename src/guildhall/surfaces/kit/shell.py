"""What a layout needs to know. A surface builds one `Shell` per request; templates and components read it."""

import datetime as dt
from contextvars import ContextVar
from typing import Literal

import msgspec

from guildhall.core.colours import DEFAULT_COLOUR
from guildhall.surfaces.kit.i18n import Speech

Theme = Literal["system", "light", "dark"]
MessageKind = Literal["success", "info", "warning", "error", "download"]
THEME_COOKIE = "guildhall_theme"


class Brand(msgspec.Struct, frozen=True):
    """The vendor's look: `name`, primary `colour` as `#rrggbb`, and the address of its logo if it has one."""

    name: str
    colour: str = DEFAULT_COLOUR
    logo_url: str | None = None


class NavItem(msgspec.Struct, frozen=True):
    """A link of the navigation. `label` is translated already; `icon` is a name from `frontend/icons.json`.

    `current` marks the page's own section; `count` (None for none) is what waits there.
    """

    label: str
    href: str
    icon: str
    current: bool = False
    count: int | None = None


class NavGroup(msgspec.Struct, frozen=True):
    """Links that belong together, under an optional translated heading."""

    items: tuple[NavItem, ...]
    label: str | None = None


class Person(msgspec.Struct, frozen=True):
    """Who is signed in.

    `name`, the `organisation` acted for, and the `detail` (e-mail or role) for the menu.
    """

    name: str
    organisation: str = ""
    detail: str = ""


class Message(msgspec.Struct, frozen=True):
    """One sentence after an act, already translated."""

    kind: MessageKind
    text: str


class TenantContext(msgspec.Struct, frozen=True):
    """The tenant a partner acts inside.

    `operating_model` and `link_state` are the codes of BOUNDARY (shown as badges), `ends_at` the link's end
    or None when open-ended, `leave_url` where "Leave" leads.
    """

    id: str
    name: str
    operating_model: str
    link_state: str
    leave_url: str
    ends_at: dt.datetime | None = None


class Preview(msgspec.Struct, frozen=True):
    """A staff member's read-only look at a partner's console.

    Of whom, until when, and where it is ended (POST).
    """

    partner: str
    ends_at: dt.datetime
    leave_url: str


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """Everything around a page's own content.

    `surface` is the translated name under the brand ("Partner console"). `path` and `query` are those of the
    current address, so that sorting, filters and paging keep it; `wrong_days` says what is wrong with the days in
    it. `theme` comes from `theme_of(cookies)`.
    `tenant_search_url` (None hides the selector) answers with the template `kit/tenant_options.html`;
    `tenant_list_url` is where the selector's form leads without script. `menu` are the links of the person's
    menu; `sign_out_url` and `language_url` take POST. `csrf_field` and `csrf_token` fill the hidden field of
    every form.
    """

    brand: Brand
    surface: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    wrong_days: str = ""
    home_url: str = "/"
    speech: Speech = Speech()
    theme: Theme = "system"
    navigation: tuple[NavGroup, ...] = ()
    person: Person | None = None
    menu: tuple[NavItem, ...] = ()
    sign_out_url: str | None = None
    language_url: str | None = None
    help_url: str | None = None
    messages: tuple[Message, ...] = ()
    tenant: TenantContext | None = None
    preview: Preview | None = None
    tenant_search_url: str | None = None
    tenant_list_url: str | None = None
    csrf_field: str = "_csrf"
    csrf_token: str = ""


_shell: ContextVar[Shell] = ContextVar("shell")
current_shell = _shell.get  # the one of the page being rendered; LookupError outside of rendering
enter_shell, leave_shell = _shell.set, _shell.reset


class TenantOption(msgspec.Struct, frozen=True):
    """One line of the tenant selector's answer.

    Where it leads, the `detail` under the name (plan, domain) and the model.
    """

    name: str
    href: str
    detail: str = ""
    operating_model: str | None = None


def theme_of(cookies: dict[str, str]) -> Theme:
    """Return the theme the reader chose, from the request's cookies.

    The system's when none or an unknown one is named.
    """
    chosen = cookies.get(THEME_COOKIE)
    return "light" if chosen == "light" else "dark" if chosen == "dark" else "system"
