"""Templates to pages: one environment per surface, compiled once, spoken in the reader's language."""

from collections.abc import Callable
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import MediaType, Response

from guildhall.surfaces.kit import buttons, charts, formats, forms, i18n, origins, states, static, tables
from guildhall.surfaces.kit.shell import Shell, current_shell, enter_shell, leave_shell

DIRECT = frozenset({FunctionType, type(states.icon)})
FOLDER = Path(__file__).parent / "templates"
COMPONENTS = "kit/components"


def _at_run_time(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return `filter_` in a form that Jinja cannot work out when it compiles a template.

    Else `{{ 5|money("EUR") }}` would speak the first reader's language to everybody.
    """

    @pass_context
    def filtered(_: Context, /, *given: Any, **named: Any) -> Any:
        return filter_(*given, **named)

    return filtered


class DirectContext(Context):
    """Calls functions of the kit straight away.

    A list of fifty rows makes hundreds of calls, and asking each whether it wants Jinja's context took half
    of the page's time.
    """

    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return what `called` returns; whatever is not a plain function takes Jinja's own way."""
        if type(called) not in DIRECT or hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        if kwargs:
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
        return called(*args, **kwargs)


class KitEnvironment(Environment):
    """Jinja's environment with `DirectContext`."""

    context_class = DirectContext


def link_here(**changes: object) -> str:
    """Return the current address with some query values changed; None removes one."""
    here = current_shell()
    return tables.query_link(here.path, here.query, changes)


def query_value(name: str) -> str:
    """Return the value of `name` in the current address, or nothing."""
    return next((value for key, value in current_shell().query if key == name), "")


GLOBALS: dict[str, Any] = {
    "Chart": charts.Chart,
    "Column": tables.Column,
    "Filter": tables.Filter,
    "Form": forms.Form,
    "Option": tables.Option,
    "Series": charts.Series,
    "brand_url": static.brand_url,
    "chart_json": charts.chart_json,
    "current_shell": current_shell,
    "font_url": static.font_url,
    "label_cells": tables.label_cells,
    "languages": i18n.languages,
    "link_here": link_here,
    "query_value": query_value,
    "state_label": states.state_label,
    "static_url": static.static_url,
}
WORDS = {"_": i18n.shown, "gettext": i18n.shown_block, "ngettext": i18n.shown_plural}
FUNCTIONS = {"badge": states.badge, "tag": states.tag, "icon": states.icon, **buttons.COMPONENTS}


def templates(*folders: Path, development: bool = False) -> Environment:
    """Return the environment of one surface: its own `folders` of templates first, then the kit's.

    With `development`, changed templates are read again; otherwise each is compiled once. A missing name is
    an error, everything is escaped.
    """
    environment = KitEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in (*folders, FOLDER)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=development,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension's: values are arguments
    environment.filters.update(
        {name: _at_run_time(filter_) for name, filter_ in (formats.FILTERS | origins.FILTERS).items()}
    )
    environment.globals.update(GLOBALS | WORDS, ui=SimpleNamespace(**FUNCTIONS))
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
    token = enter_shell(shell_)
    try:
        with i18n.speaking(shell_.speech):
            return environment.get_template(name).render(context, shell=shell_)
    finally:
        leave_shell(token)


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
