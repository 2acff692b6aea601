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
    """Return the current address with some query values changed; None removes one."""
    here = _shell.get()
    return tables.query_link(here.path, here.query, changes)


def query_value(name: str) -> str:
    """Return the value of `name` in the current address, or nothing."""
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


def templates(*folders: Path, development: bool = False) -> Environment:
    """Return the environment of one surface: its own `folders` of templates first, then the kit's.

    With `development`, changed templates are read again; otherwise each is compiled once. A missing name is
    an error, everything is escaped.
    """
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in (*folders, FOLDER)]),
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
    environment.globals.update(GLOBALS, ui=SimpleNamespace(**FUNCTIONS))
    load_components(environment)
    return environment


def load_components(environment: Environment) -> None:
    """Put every macro of the kit's component files on the object that templates know as `ui`.

    Components find each other there too, so the object stays the same one when changed files are read again.
    """
    ui = environment.globals["ui"]
    for name in environment.list_templates(filter_func=lambda name: name.startswith(COMPONENTS)):
        module = vars(environment.get_template(name).module)
        vars(ui).update({key: value for key, value in module.items() if key[0] != "_"})


def render(environment: Environment, name: str, shell_: Shell, /, **context: Any) -> str:
    """Return the text of template `name` in the language of `shell_`, which templates see as `shell`."""
    if environment.auto_reload:
        load_components(environment)
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
    """Return an HTML answer: template `name` with `context`.

    Never kept by caches, since pages show what one person may see.
    """
    body = render(environment, name, shell_, **context)
    kept = {"Cache-Control": "no-store", "Content-Language": shell_.speech.language}
    return Response(body, media_type=MediaType.HTML, status_code=status_code, headers=kept | (headers or {}))
