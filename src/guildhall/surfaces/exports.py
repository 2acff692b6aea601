"""The trail as a file: JSON lines with what proves them, sent while they are read."""

from litestar.response import Stream

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.domain.audit.export import export
from guildhall.domain.audit.reading import Chain


async def exported(actor: Actor, *, chain: Chain | None = None) -> Stream:
    """Return a whole chain (by default the actor's own) as a download; the export is itself an entry."""
    now = clock.now()
    lines = await export(actor, now=now, chain=chain)
    headers = {
        "Content-Disposition": f'attachment; filename="audit-trail-{now:%Y-%m-%d}.jsonl"',
        "Cache-Control": "no-store",
    }
    return Stream(lines, media_type="application/jsonl", headers=headers)
