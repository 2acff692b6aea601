"""Templates to pages: one environment per surface, compiled once, spoken in the reader's language."""

from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response

from guildhall.surfaces.kit import charts, formats, forms, i18n, states, static, tables
from guildhall.surfaces.kit.shell import Shell

FOLDER = Path(__file__).parent / "templates"
COMPONENTS = "kit/components"

_shell: ContextVar[Shell] = ContextVar("shell")


def link_here(**changes: object) -> str:
    """The current address with some query values changed; None removes one."""
    here = _shell.get()
    return tables.query_link(here.path, here.query, changes)


def query_value(name: str) -> str:
    """The value of `name` in the current address, or nothing."""
    return next((value for key, value in _shell.get().query if key == name), "")


GLOBALS: dict[str, Any] = {
    "Chart": charts.Chart,
    "Column": tables.Column,
    "Filter": tables.Filter,
    "Form": forms.Form,
    "Option": tables.Option,
    "Series": charts.Series,
    "brand_url": static.brand_url,
    "chart_json": charts.chart_json,
    "current_shell": _shell.get,
    "font_url": static.font_url,
    "label_cells": tables.label_cells,
    "languages": i18n.languages,
    "link_here": link_here,
    "query_value": query_value,
    "state_label": states.state_label,
    "static_url": static.static_url,
}
FUNCTIONS = {"badge": states.badge, "tag": states.tag, "icon": states.icon}


def templates(folder: Path, *, development: bool = False) -> Environment:
    """The environment of one surface: its own `folder` of templates first, then the kit's.

    With `development`, changed templates are read again; otherwise each is compiled once. A missing name is an error,
    everything is escaped.
    """
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(FOLDER)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=development,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        i18n.translate, i18n.translate_plural, newstyle=True
    )
    environment.filters.update(formats.FILTERS)
    environment.globals.update(GLOBALS, ui=components(environment))
    return environment


def components(environment: Environment) -> SimpleNamespace:
    """Every macro of the kit's component files and the badge functions, under one name for templates: `ui`."""
    names = environment.list_templates(filter_func=lambda name: name.startswith(COMPONENTS))
    macros: dict[str, Any] = {}
    for name in names:
        macros |= vars(environment.get_template(name).module)
    return SimpleNamespace(**{key: value for key, value in macros.items() if key[0] != "_"}, **FUNCTIONS)


def render(environment: Environment, name: str, shell_: Shell, /, **context: Any) -> str:
    """The text of template `name` in the language of `shell_`, which templates see as `shell`."""
    if environment.auto_reload:
        environment.globals["ui"] = components(environment)
    token = _shell.set(shell_)
    try:
        with i18n.speaking(shell_.speech):
            return environment.get_template(name).render(context, shell=shell_)
    finally:
        _shell.reset(token)


def page(
    environment: Environment,
    name: str,
    shell_: Shell,
    /,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Response[str]:
    """An HTML answer: template `name` with `context`; never kept by caches, since pages show what one person may see."""
    body = render(environment, name, shell_, **context)
    kept = {"Cache-Control": "no-store", "Content-Language": shell_.speech.language}
    return Response(body, media_type=MediaType.HTML, status_code=status_code, headers=kept | (headers or {}))
