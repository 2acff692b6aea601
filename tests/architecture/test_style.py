"""The house's measures: short functions, files of one room, words where there is something to say."""

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "guildhall"
FILES = [path for path in SOURCE.rglob("*.py") if "versions" not in path.parts]
FORBIDDEN = {"utils", "helpers", "services", "misc", "common"}


def functions() -> list[tuple[str, int]]:
    """Return every function with its length in lines, its docstring left out."""
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.body[0].lineno
                length = (node.end_lineno or first) - first + 1 + (node.body[0].lineno - node.lineno > 0)
                found.append((f"{path.relative_to(ROOT)}:{node.name}", length))
    return found


def test_functions_are_short() -> None:
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.95)] <= 40


def test_no_file_passes_the_ceiling() -> None:
    long = {str(path.relative_to(ROOT)): n for path in FILES if (n := len(path.read_text().splitlines())) > 500}
    assert long == {}


def test_names_say_what_is_inside() -> None:
    assert [path for path in FILES if path.stem in FORBIDDEN or path.stem.endswith("_v2")] == []


def test_no_surface_speaks_sql() -> None:
    speaking = [
        str(path.relative_to(ROOT))
        for path in (SOURCE / "surfaces").rglob("*.py")
        if "from sqlalchemy import" in path.read_text() or "import psycopg" in path.read_text()
    ]
    assert speaking == []


def test_the_domain_speaks_no_http() -> None:
    speaking = [
        str(path.relative_to(ROOT))
        for folder in ("domain", "core")
        for path in (SOURCE / folder).rglob("*.py")
        if "import litestar" in path.read_text() or "from litestar" in path.read_text()
    ]
    assert speaking == []
