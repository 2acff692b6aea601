"""Buttons and menus: the components that a list repeats in every row, so they are functions and not macros.

`kind` is secondary, primary, danger, danger-solid or ghost. With `href` a link, else a button of a form.
Labels are translated already. What is handed in is escaped here unless it is markup.
"""
# ruff: noqa: A002, FBT001, FBT002  (arguments have the names that templates use)

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from guildhall.surfaces.kit.safe import markup, safe
from guildhall.surfaces.kit.shell import current_shell
from guildhall.surfaces.kit.states import icon as drawn

Attributes = Mapping[str, object]
NONE: Attributes = {}


def attributes(given: Attributes) -> str:
    """Return ` name="value"` for each of `given` that is not None.

    Raises `ValueError` for a name that could end the attribute.
    """
    if not given:
        return ""
    for name in given:
        if not name.replace("-", "").replace(":", "").isidentifier():
            raise ValueError(name)
    return "".join(f' {name}="{escape(value)}"' for name, value in given.items() if value is not None)


def _inside(label: str, icon: str | None) -> str:
    return f"{drawn(icon)}{safe(label)}" if icon else safe(label)


def button(
    label: str,
    href: str | None = None,
    kind: str = "secondary",
    icon: str | None = None,
    small: bool = False,
    type: str = "submit",
    name: str | None = None,
    value: object = None,
    disabled: bool = False,
    attrs: Attributes = NONE,
) -> Markup:
    """Return a button with a word; a disabled one with `href` leads nowhere."""
    classes = f"btn btn-{safe(kind)} btn-sm" if small else f"btn btn-{safe(kind)}"
    more = attributes(attrs)
    if href:
        target = 'role="link" aria-disabled="true"' if disabled else f'href="{safe(href)}"'
        return markup(f'<a class="{classes}" {target}{more}>{_inside(label, icon)}</a>\n')
    sent = attributes({"name": name, "value": value}) + (" disabled" if disabled else "")
    start = f'<button class="{classes}" type="{safe(type)}"{sent}{more}>'
    return markup(f"{start}{_inside(label, icon)}</button>\n")


def icon_button(
    label: str,
    icon: str,
    href: str | None = None,
    kind: str = "ghost",
    small: bool = True,
    type: str = "submit",
    attrs: Attributes = NONE,
) -> Markup:
    """Return a button that is only an icon; `label` is what it is called."""
    classes = f"btn btn-icon btn-{safe(kind)}{' btn-sm' if small else ''}"
    named = f'aria-label="{safe(label)}" title="{safe(label)}"{attributes(attrs)}'
    if href:
        return markup(f'<a class="{classes}" href="{safe(href)}" {named}>{drawn(icon)}</a>\n')
    return markup(f'<button class="{classes}" type="{safe(type)}" {named}>{drawn(icon)}</button>\n')


@lru_cache(maxsize=256)
def _hidden(name: str, value: object) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def csrf() -> Markup:
    """Return the hidden field that shows a form came from our own page."""
    shell = current_shell()
    return markup(_hidden(shell.csrf_field, shell.csrf_token))


def _posting(action: str, fields: Attributes, inside: str) -> Markup:
    hidden = "".join([_hidden(name, value) for name, value in fields.items()]) if fields else ""
    return markup(f'<form method="post" action="{safe(action)}">{csrf()}{hidden}{inside}</form>\n')


def post_button(
    label: str,
    action: str,
    kind: str = "secondary",
    icon: str | None = None,
    small: bool = False,
    fields: Attributes = NONE,
) -> Markup:
    """Return one button that posts: an act without further questions. `fields` go along unseen."""
    return _posting(action, fields, button(label, kind=kind, icon=icon, small=small))


def menu(label: str, caller: Callable[[], Any]) -> Markup:
    """Return the menu of a row or a page; inside `call` stand `menu_link` and `menu_post`."""
    named = f'class="btn btn-ghost btn-icon btn-sm" aria-label="{safe(label)}"'
    opener = f"<summary {named}>{drawn('ellipsis')}</summary>"
    return markup(f'<details class="row-menu">{opener}<div>{caller()}</div></details>\n')


def menu_link(label: str, href: str, icon: str = "arrow-right", attrs: Attributes = NONE) -> Markup:
    """Return an entry of a menu that leads on."""
    return markup(f'<a class="menu-item" href="{safe(href)}"{attributes(attrs)}>{_inside(label, icon)}</a>\n')


def menu_post(label: str, action: str, icon: str = "check", fields: Attributes = NONE) -> Markup:
    """Return an entry of a menu that acts."""
    inside = f'<button class="menu-item" type="submit">{_inside(label, icon)}</button>'
    return _posting(action, fields, inside)


def link(label: str, href: str) -> Markup:
    """Return a text link."""
    return markup(f'<a class="link" href="{safe(href)}">{safe(label)}</a>')


COMPONENTS = {
    function.__name__: function
    for function in (button, csrf, icon_button, link, menu, menu_link, menu_post, post_button)
}
