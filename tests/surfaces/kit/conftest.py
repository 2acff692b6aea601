"""One environment, one page around a template, and the house's tools, which are scripts and not a package."""

import sys
from pathlib import Path

import msgspec
import pytest

from guildhall.surfaces.kit.i18n import Speech
from guildhall.surfaces.kit.render import render, templates
from guildhall.surfaces.kit.shell import Brand, Shell

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))


@pytest.fixture
def shell():
    """Everything around a page, with one token and an address that has a query."""
    return Shell(
        brand=Brand("Halcyon"),
        surface="Console",
        path="/customers",
        query=(("q", "acme"), ("state", "paused"), ("page", "3")),
        csrf_token="a<b",
    )


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Return an environment with an empty folder of templates, and the folder."""
    folder = tmp_path_factory.mktemp("templates")
    return templates(folder), folder


@pytest.fixture
def show(environment, shell):
    """Render a piece of template; `language` picks its words, other names are its values."""
    kit, folder = environment

    def rendered(source: str, language: str = "en", **values: object) -> str:
        name = f"{len(list(folder.iterdir()))}.html"
        (folder / name).write_text(source)
        speech = Speech(language, zone="Europe/Madrid")
        return render(kit, name, msgspec.structs.replace(shell, speech=speech), **values).strip()

    return rendered
