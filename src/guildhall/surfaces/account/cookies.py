"""The answer that leaves a fresh session in the browser."""

from litestar.response import Redirect

from guildhall.domain.people.sessions import LONGEST
from guildhall.surfaces import browsers
from guildhall.surfaces.html import Web, redirect


def signed_in(request: Web, token: str, url: str, message: str = "") -> Redirect:
    """Return the way on for somebody who has just been given the session of `token`."""
    answer = redirect(url, message)
    answer.set_cookie(browsers.keeps(request, "", token, int(LONGEST.total_seconds())))
    return answer
