"""The cookie that a session lives in, and the answer that sets it."""

from litestar.datastructures import Cookie
from litestar.response import Redirect

from guildhall.domain.people.sessions import LONGEST
from guildhall.surfaces.html import Web, redirect, site_of


def session_cookie(request: Web, value: str, max_age: int) -> Cookie:
    """Return the surface's session cookie; `max_age` in seconds."""
    site = site_of(request)
    return Cookie(
        site.cookie, value=value, path="/", max_age=max_age, httponly=True, secure=site.settings.https, samesite="lax"
    )


def signed_in(request: Web, token: str, url: str, message: str = "") -> Redirect:
    """Return the way on for somebody who has just been given the session of `token`."""
    answer = redirect(url, message)
    answer.set_cookie(session_cookie(request, token, int(LONGEST.total_seconds())))
    return answer
