"""Jobs: what waits, runs and failed; a failed one can run again."""

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect

from guildhall.core import db
from guildhall.core.errors import Conflict
from guildhall.domain.jobs import reading
from guildhall.surfaces import asked
from guildhall.surfaces.entry import Who, needs
from guildhall.surfaces.html import Page, Web, page, redirect, told
from guildhall.surfaces.kit.i18n import gettext
from guildhall.surfaces.kit.tables import Option, Pages
from guildhall.surfaces.staff.words import JOBS, job_label, job_state

FARTHEST = 2**62


@get("/jobs", **needs("staff.jobs.read"))
async def job_list(request: Web, actor: Who) -> Page:
    """Return one page of jobs, newest first, under how the queue stands."""
    wanted = reading.Filter(
        status=asked.choice(request, "status", reading.STATUSES),
        task=asked.choice(request, "task", JOBS),
        before=asked.whole(request, "cursor", FARTHEST),
    )
    async with db.transaction(actor) as connection:
        found = await reading.listed(connection, actor, wanted)
        queue = await reading.summary(connection)
    return await page(
        request,
        "jobs/list.html",
        rows=found.items,
        queue=queue,
        pages=Pages(shown=len(found.items), next=str(found.next_before) if found.next_before else None),
        tasks=sorted((Option(code, job_label(code)) for code in JOBS), key=lambda one: one.label),
        statuses=[Option(code, job_state(code)[0]) for code in reading.STATUSES],
        may_retry=actor.may("staff.jobs.retry"),
    )


@post("/jobs/{job_id:int}/retry", **needs("staff.jobs.retry"))
async def retry(job_id: FromPath[int], actor: Who) -> Redirect:
    """Let a failed job run again."""
    try:
        await reading.retry(actor, job_id=min(max(job_id, 0), FARTHEST))
    except Conflict as refusal:
        return redirect("/jobs", told(refusal), "warning")
    return redirect("/jobs", gettext("The job runs again."))


ROUTES = [job_list, retry]
