"""The vendor's colours for pages: a style sheet at an address that names the colour, so no page has an inline style."""

import msgspec

from guildhall.core.colours import DEFAULT_COLOUR, INK, hexadecimal, palette, parse


def stylesheet(colour: str) -> str:
    """Return the style sheet that hands the palette of `colour` to the kit."""
    values = msgspec.structs.asdict(palette(colour))
    body = "".join(f"--brand-{name.replace('_', '-')}:{value};" for name, value in values.items())
    return f":root{{{body}}}\n"


def stylesheet_name(colour: str) -> str:
    """Return the last part of the style sheet's address.

    The colour itself, so that the answer never changes.
    """
    return hexadecimal(parse(colour) or parse(DEFAULT_COLOUR) or INK)[1:] + ".css"
