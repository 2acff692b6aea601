"""The application object of the API."""

from litestar import Litestar

from guildhall.settings import Settings


def site(settings: Settings) -> Litestar:
    """Return the API's application."""
    made = Litestar([], openapi_config=None)
    made.state.settings = settings
    return made
