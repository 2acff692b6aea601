"""Where somebody came from, in the reader's words: the surface, and the browser instead of its long signature."""

from collections.abc import Callable, Mapping

from guildhall.surfaces.kit.formats import ABSENT
from guildhall.surfaces.kit.i18n import N_, gettext

SURFACES: Mapping[str, str] = {
    "console": N_("Partner console"),
    "customer": N_("Customer portal"),
    "staff": N_("Staff"),
    "api": N_("API"),
    "worker": N_("Background work"),
}
# Part of a signature -> name. The order matters: Edge and Opera also call themselves Chrome, and Chrome also Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("FxiOS/", "Firefox"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST = 60


def surface(code: str) -> str:
    """Return the name of the surface `code`; an unknown one is shown as it is."""
    return gettext(SURFACES[code]) if code in SURFACES else code


def browser(signature: str | None) -> str:
    """Return browser and system of a `User-Agent`; what is no browser keeps its first words, nothing is a dash."""
    if not signature:
        return ABSENT
    name, system = _parts(signature)
    if name and system:
        return gettext("%(browser)s on %(system)s", browser=name, system=system)
    return name or signature[:LONGEST]


def family(signature: str) -> str:
    """Return which browser on which system this is, whatever its version and the reader's language."""
    return " ".join(_parts(signature))


def _parts(signature: str) -> tuple[str, str]:
    return _first(BROWSERS, signature), _first(SYSTEMS, signature)


def _first(known: tuple[tuple[str, str], ...], signature: str) -> str:
    return next((name for part, name in known if part in signature), "")


FILTERS: dict[str, Callable[..., str]] = {"surface": surface, "browser": browser}
