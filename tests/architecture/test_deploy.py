"""What operators are told to set exists, and the examples are settings that load."""

import re
from pathlib import Path

import pytest

from guildhall.settings import Settings, load

ROOT = Path(__file__).parents[2]
NAMED = [
    *sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
    *sorted((ROOT / "docs" / "operate").rglob("*.md")),
    ROOT / "README.md",
]
NAME = re.compile(r"\b(?:GUILDHALL|DATABASE)_[A-Z_]*[A-Z]\b")
KNOWN = {f"GUILDHALL_{name.upper()}" for name in Settings.__struct_fields__ if name not in {"port", "database_urls"}}
URLS = {"DATABASE_URL", *(f"DATABASE_URL_{label}" for label in ("PARTNERS", "CUSTOMERS", "STAFF", "API", "WORKER"))}


def unknown(text: str) -> set[str]:
    return set(NAME.findall(text)) - KNOWN - URLS


@pytest.mark.parametrize("path", NAMED, ids=lambda path: path.name)
def test_every_variable_that_a_guide_names_is_a_setting(path: Path) -> None:
    assert unknown(path.read_text(encoding="utf-8")) == set()


def test_a_variable_that_is_no_setting_is_found() -> None:
    assert unknown("export GUILDHALL_SECRETS=x DATABASE_URL_STAF=y PORT=1") == {
        "GUILDHALL_SECRETS",
        "DATABASE_URL_STAF",
    }


@pytest.mark.parametrize("name", ["serve", "worker", "migrate"])
def test_the_example_of_each_service_loads_once_it_is_filled_in_and_holds_no_secret(name: str) -> None:
    lines = (ROOT / "deploy" / "systemd" / f"{name}.env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert [each for each in values if ("SECRET" in each or "URL" in each) and values[each]] == []
    filled = {each: text or "postgresql://guildhall@db.example.com/guildhall" for each, text in values.items()}
    assert load(filled).base == "partner.example.com"


def test_what_compose_asks_for_stands_in_its_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")))
    example = (ROOT / "deploy" / "compose.env.example").read_text(encoding="utf-8")
    assert asked == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
