"""A list of fifty rows stays cheap. Counted, not timed: a count is the same on a busy machine."""

import sys
from collections import Counter

from jinja2.runtime import Macro

from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.gallery import TEMPLATES
from guildhall.surfaces.kit.render import render
from guildhall.surfaces.kit.samples import DAY, NOW, WORDS, customers
from guildhall.surfaces.kit.tables import Pages, Sorting

MACROS_A_ROW = 1  # what stands inside a row's menu
CALLS_A_ROW = 150  # Python calls of any kind; 113 when this was written


def list_page(shell, rows):
    return render(
        TEMPLATES,
        "gallery/list.html",
        shell,
        rows=customers(rows),
        sorting=Sorting("name"),
        pages=Pages(shown=rows, page=1, total=rows),
        cursor_pages=Pages(shown=rows),
        form=Form(),
        sample=WORDS,
        now=NOW,
        day=DAY,
    )


def calls(shell, rows):
    """Return how many Python functions, and how many macros, a warm page of `rows` calls."""
    counted = Counter()

    def count(frame, event, _):
        if event == "call":
            counted[frame.f_code] += 1

    list_page(shell, rows)
    sys.setprofile(count)
    try:
        list_page(shell, rows)
    finally:
        sys.setprofile(None)
    return counted.total(), counted[Macro._invoke.__code__]


def test_fifty_rows_cost_few_calls(shell, monkeypatch):
    monkeypatch.setattr(TEMPLATES, "auto_reload", False)
    all_of_few, macros_of_few = calls(shell, 10)
    all_of_many, macros_of_many = calls(shell, 50)
    assert (macros_of_many - macros_of_few) / 40 <= MACROS_A_ROW
    assert (all_of_many - all_of_few) / 40 <= CALLS_A_ROW
