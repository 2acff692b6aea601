"""The page that asks before an act, with a reason where one is due; and again when the reason is missing."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response
from msgspec import Struct

from guildhall.core.errors import Conflict, Invalid
from guildhall.surfaces.html import Page, Web, form, page, redirect, told, typed
from guildhall.surfaces.kit.forms import Form


class Question(Struct, frozen=True, kw_only=True):
    """What is asked, in the reader's language already; `back` is where the person came from and goes after."""

    title: str
    text: str
    label: str
    back: str
    done: str
    reason: bool = True
    kind: str = "danger-solid"


async def ask(request: Web, question: Question, state: Form | None = None) -> Page:
    """Return the page that asks."""
    status = 422 if state else 200
    return await page(request, "kit/question.html", status_code=status, question=question, form=state or Form())


async def answer(request: Web, question: Question, act: Callable[[str], Awaitable[Any]]) -> Response[Any]:
    """Carry `act` out with the reason that was typed, and say what happened."""
    values = await typed(request)
    try:
        await act(values.get("reason", "").strip())
    except Invalid as refusal:
        return await ask(request, question, form(values, refusal))
    except Conflict as refusal:
        return redirect(question.back, told(refusal), "warning")
    return redirect(question.back, question.done)
