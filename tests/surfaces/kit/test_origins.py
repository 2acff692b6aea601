"""Where somebody came from: a browser's signature and a surface's code in words."""

import pytest

from guildhall.surfaces.kit import origins
from guildhall.surfaces.kit.i18n import Speech, speaking

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"


@pytest.mark.parametrize(
    ("signature", "read"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/131.0", "Edge on Windows"),
        (SAFARI, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 300, "x" * 60),
        ("", "–"),
        (None, "–"),
    ],
)
def test_a_browser_is_named_and_a_program_keeps_its_own_words(signature, read):
    with speaking(Speech("en", "en", "UTC")):
        assert origins.browser(signature) == read


def test_a_surface_has_a_name_in_each_language():
    with speaking(Speech("es", "es", "UTC")):
        assert origins.surface("console") == "Consola de partners"
        assert origins.surface("something-else") == "something-else"
