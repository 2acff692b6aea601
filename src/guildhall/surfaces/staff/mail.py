"""Mail: what was written to people and how it went; a lead reads a letter, staff send one again or try the mail out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import clock, crypto, db
from guildhall.core.actor import Actor
from guildhall.core.errors import Conflict, NotFound
from guildhall.domain.mail import handling, reading
from guildhall.domain.mail.letters import Letter
from guildhall.domain.mail.office import Look
from guildhall.domain.mail.reading import Item
from guildhall.domain.mail.rendering import Written, written
from guildhall.domain.mail.tables import STATUSES
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect, site_of, told
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.static import CONTENT_SECURITY_POLICY
from guildhall.surfaces.kit.tables import Option, Pages, Sorting, sorting_of
from guildhall.surfaces.question import Question, answer, ask
from guildhall.surfaces.staff.words import mail_kind

SORTS = {"to": "recipient", "kind": "kind", "written": "created_at"}
OPEN_SECONDS = 600
_FRAMING = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"}
# A letter's own style stands in its markup. Whatever else it might hold stays dead: no script, no form, no request.
_LONGEST_MOMENT = 12  # digits of seconds
_FRAMED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}


@get("/mail", **needs("staff.mail.list"))
async def mail_list(request: Web, actor: Who) -> Page:
    """Return one page of letters under how the mail stands."""
    sorting = sorting_of(request.query_params.get("sort"), SORTS, Sorting("written", descending=True))
    number = asked.page_number(request)
    async with db.transaction(actor) as connection:
        kinds = await reading.kinds(connection, actor)
        wanted = reading.Filter(
            search=asked.words(request),
            status=asked.choice(request, "status", STATUSES),
            kind=asked.choice(request, "kind", kinds),
            sort_by=SORTS[sorting.key],  # type: ignore[arg-type]  # one of the three
            descending=sorting.descending,
            limit=asked.PAGE_SIZE,
            offset=(number - 1) * asked.PAGE_SIZE,
        )
        rows, total = await reading.listed(connection, actor, wanted)
        counts = await reading.counts(connection)
    return await page(
        request,
        "mail/list.html",
        rows=rows,
        counts=counts,
        sorting=sorting,
        pages=Pages(shown=len(rows), page=number, size=asked.PAGE_SIZE, total=total),
        statuses=STATUSES,
        kinds=[Option(kind, mail_kind(kind)) for kind in kinds],
        actor=actor,
    )


@get("/mail/{mail_id:uuid}", **needs("staff.mail.list"))
async def letter_page(request: Web, mail_id: FromPath[UUID], actor: Who) -> Page:
    """Return how one letter went and, to whoever has just opened it, what it says."""
    key = request.query_params.get("key", "")
    shown = actor.may("staff.mail.open") and _fits(key, actor, mail_id, clock.now())
    async with db.transaction(actor) as connection:
        item = await reading.get(connection, actor, mail_id)
        letter = await handling.content(connection, actor, mail_id) if shown else None
    answer = await page(
        request,
        "mail/letter.html",
        item=item,
        live=handling.live(item),
        letter=letter,
        written=_written(request, item, letter) if letter else None,
        address=_look(request).origin(letter.link[0]) + letter.link[1] if letter and letter.link else "",
        frame=f"/mail/{mail_id}/letter?key={key}",
        actor=actor,
    )
    answer.headers.update(_FRAMING)
    return answer


@get("/mail/{mail_id:uuid}/letter", **needs("staff.mail.open"))
async def letter_frame(request: Web, mail_id: FromPath[UUID], actor: Who) -> Page:
    """Return the HTML of a letter that this person has just opened, for the frame of its page."""
    if not _fits(request.query_params.get("key", ""), actor, mail_id, clock.now()):
        raise NotFound
    async with db.transaction(actor) as connection:
        item = await reading.get(connection, actor, mail_id)
        letter = await handling.content(connection, actor, mail_id)
    return Response(_written(request, item, letter).html, media_type=MediaType.HTML, headers=_FRAMED)


@post("/mail/{mail_id:uuid}/open", **needs("staff.mail.open", fresh=True))
async def open_letter(mail_id: FromPath[UUID], actor: Who) -> Redirect:
    """Note that the letter is opened, and lead to what it says."""
    now = clock.now()
    try:
        await handling.open_letter(actor, mail_id=mail_id, now=now)
    except Conflict as refusal:
        return redirect(f"/mail/{mail_id}", told(refusal), "warning")
    return redirect(f"/mail/{mail_id}?key={_key(actor, mail_id, int(now.timestamp()))}")


async def _question(actor: Actor, mail_id: UUID) -> Question:
    """Return what is asked before a letter goes out again."""
    async with db.transaction(actor) as connection:
        item = await reading.get(connection, actor, mail_id)
    return Question(
        title=gettext("Send this letter again?"),
        text=gettext(
            "It goes to %(email)s once more, unchanged. A link or code in it may have run out: then invite anew.",
            email=item.recipient,
        ),
        label=gettext("Send again"),
        back=f"/mail/{mail_id}",
        done=gettext("The letter is on its way to %(email)s again.", email=item.recipient),
        reason=False,
        kind="primary",
    )


@get("/mail/{mail_id:uuid}/again", **needs("staff.mail.send"))
async def ask_again(request: Web, mail_id: FromPath[UUID], actor: Who) -> Page:
    """Return the page that asks before a letter goes out again."""
    return await ask(request, await _question(actor, mail_id))


@post("/mail/{mail_id:uuid}/again", **needs("staff.mail.send"))
async def send_again(request: Web, mail_id: FromPath[UUID], actor: Who) -> Response[Any]:
    """Queue a letter once more."""

    async def act(_reason: str) -> None:
        await handling.send_again(actor, mail_id=mail_id)

    return await answer(request, await _question(actor, mail_id), act)


@post("/mail/test", **needs("staff.mail.send"))
async def send_test(actor: Who) -> Redirect:
    """Write a letter to the person at work."""
    mail_id = await handling.send_test(actor)
    return redirect(f"/mail/{mail_id}", gettext("A letter to you is on its way. Reload to see how it went."))


def _look(request: Web) -> Look:
    """Return the look of this installation's letters."""
    settings = site_of(request).settings
    return Look(settings.brand, settings.brand_colour, settings.origin)


def _written(request: Web, item: Item, letter: Letter) -> Written:
    """Return the letter as its reader sees it; link and code only where its reader never got them."""
    return written(letter, _look(request), live=handling.live(item))


def _key(actor: Actor, mail_id: UUID, moment: int) -> str:
    """Return what shows that this session opened this letter at `moment`, in seconds."""
    return f"{moment}.{crypto.mac('letter', f'{actor.session_id} {mail_id} {moment}')}"


def _fits(key: str, actor: Actor, mail_id: UUID, now: datetime) -> bool:
    """Return whether `key` shows that this session opened the letter within the last ten minutes."""
    moment = key.partition(".")[0]
    if not (
        moment.isascii()
        and moment.isdigit()
        and len(moment) <= _LONGEST_MOMENT
        and crypto.same(key, _key(actor, mail_id, int(moment)))
    ):
        return False
    return 0 <= now.timestamp() - int(moment) <= OPEN_SECONDS


ROUTES = [mail_list, letter_page, letter_frame, open_letter, ask_again, send_again, send_test]
