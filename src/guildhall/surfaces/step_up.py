"""A fresh second factor for one act: the code or passkey that came with a form, and the page that asks for it."""

from urllib.parse import urlsplit

import msgspec
from litestar.response import Redirect

from guildhall.core import clock, db
from guildhall.core.errors import Invalid, StepUpRequired, Unauthorized
from guildhall.core.freshness import require_fresh
from guildhall.domain.people import own_passkeys, passkey_sign_in, sign_in
from guildhall.surfaces import entry, passkeys
from guildhall.surfaces.html import CSRF_FIELD, Page, Web, local_path, page, redirect
from guildhall.surfaces.kit.forms import Form
from guildhall.surfaces.kit.i18n import gettext

FIELD = "step_up_code"
PASSKEY = "step_up_passkey"
BACK = "step_up_back"
_NOT_KEPT = frozenset({FIELD, PASSKEY, BACK, CSRF_FIELD})


async def take(request: Web) -> Redirect | None:
    """Take the fresh code that came with a form; then ask for one where the route does and none is fresh.

    A download leaves the browser where it is, so the page that asked for the code leads back, and the file comes there.
    """
    if request.method in entry.SAFE:
        return None
    taken = await _take(request)
    if entry.asks_fresh(request):
        require_fresh(entry.entered(request).actor, now=clock.now())
    back = (await request.form()).get(BACK)
    if taken and back is not None and request.route_handler.opt.get("download"):
        said = gettext("It is you. The file comes by itself; if it does not, ask for it again.")
        return redirect(local_path(str(back)), said, "download")
    return None


async def _take(request: Web) -> bool:
    """Take the fresh code that came with a form, before anything asks for one; return whether there was one."""
    posted, found = await request.form(), request.scope["state"].get("entered")
    code, passkey = posted.get(FIELD), posted.get(PASSKEY)
    shown = bool(passkey) or isinstance(code, str)
    if shown and found is not None and found.actor.session_id is not None:
        now = clock.now()
        try:
            if passkey:
                proof = await passkeys.shown(request, found.actor, str(passkey))
                await passkey_sign_in.step_up(found.actor, proof, now=now)
            else:
                await sign_in.step_up(found.actor, code=str(code), now=now)
        except (Invalid, Unauthorized) as wrong:
            request.scope["state"]["step_up_error"] = next(iter(wrong.errors.values()), wrong.sentence)
            raise StepUpRequired from None
        actor = msgspec.structs.replace(found.actor, factor_at=now)
        request.scope["state"]["entered"] = msgspec.structs.replace(found, actor=actor)
        return True
    return False


async def ask(request: Web) -> Page:
    """Ask for a fresh code and carry the form along, so that nothing typed is lost."""
    items = list((await request.form()).multi_items()) if request.method not in entry.SAFE else []
    from_ = urlsplit(request.headers.get("referer", ""))
    asked_on = from_.path + (f"?{from_.query}" if from_.query else "")
    kept = [(name, value) for name, value in items if isinstance(value, str) and name not in _NOT_KEPT]
    error = request.scope["state"].get("step_up_error")
    actor = entry.entered(request).actor
    async with db.transaction(actor) as connection:
        ways = await own_passkeys.ways(connection, actor)
    return await page(
        request,
        "account/step_up.html",
        status_code=422 if error else 403,
        framed=False,
        kept=kept,
        ways=ways,
        form=Form({}, {FIELD: gettext(error)} if error else {}),
        back=local_path(next((str(value) for name, value in items if name == BACK), asked_on)),
    )
