"""Passkeys over HTTP: what a page's script asks for, and what a form brings back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.enums import MediaType

from guildhall.core import clock
from guildhall.core.actor import Actor
from guildhall.domain.people import passkeys
from guildhall.domain.people.passkeys import LIFE, New, Purpose, Relying, Shown
from guildhall.surfaces import browsers

Web = Request[Any, Any, Any]
FIELD = "passkey"


def relying(request: Web) -> Relying:
    """Return for whom this surface's passkeys are."""
    site = request.app.state.site
    origin = site.settings.origin(site.label)
    return Relying(urlsplit(origin).hostname or "", origin, site.settings.brand)


def asked(request: Web, purpose: Purpose, options: Callable[[Relying, bytes], str]) -> Response[str]:
    """Return what the browser is asked, and leave the challenge with it."""
    octets, sealed = passkeys.challenge(purpose, now=clock.now())
    answer = Response(
        options(relying(request), octets), media_type=MediaType.JSON, headers={"Cache-Control": "no-store"}
    )
    answer.set_cookie(browsers.keeps(request, f"passkey_{purpose}", sealed, int(LIFE.total_seconds()), strict=True))
    return answer


async def shown(request: Web, origin: Actor, answer: str) -> Shown:
    """Return the passkey that a form brought; raises Unauthorized for anything that is none."""
    sealed = browsers.kept(request, "passkey_show")
    return await passkeys.shown(origin, relying(request), answer=answer, sealed=sealed, now=clock.now())


async def added(request: Web, actor: Actor, answer: str) -> New:
    """Return the passkey that the browser has made; raises Invalid beside `passkey`."""
    sealed = browsers.kept(request, "passkey_add")
    return await passkeys.added(actor, relying(request), answer=answer, sealed=sealed, now=clock.now())
