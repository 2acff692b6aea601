"""From the vendor's one colour to the ones pages and letters need, each with at least 4.5:1 where text is involved."""

import re
from functools import cache

import msgspec

DEFAULT_COLOUR = "#3550d0"
LEAST_CONTRAST = 4.5
WHITE, INK = (255, 255, 255), (12, 14, 18)
LIGHT_GROUND, DARK_GROUND = (243, 245, 248), (27, 32, 39)  # the least favourable grounds: hovered rows
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")

Rgb = tuple[int, int, int]


class Palette(msgspec.Struct, frozen=True):
    """The colours made of a brand colour.

    Fills with what stands on them, and text, for light and for dark pages.
    """

    fill: str
    on_fill: str
    text: str
    fill_dark: str
    on_fill_dark: str
    text_dark: str


def parse(colour: str) -> Rgb | None:
    """Red, green and blue (0-255) of `colour` (`#rrggbb`, the hash optional); None when it is none."""
    match = _HEX.fullmatch(colour.strip())
    return tuple(bytes.fromhex(match[1])) if match else None  # type: ignore[return-value]


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the WCAG 2 contrast ratio of two colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4  # noqa: PLR2004

    red, green, blue = (linear(channel) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: Rgb, towards: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def _legible(colour: Rgb, ground: Rgb, towards: Rgb) -> Rgb:
    """`colour`, moved only as far `towards` black or white as text on `ground` needs."""
    steps = (_mixed(colour, towards, step / 50) for step in range(51))
    return next(step for step in steps if contrast(step, ground) >= LEAST_CONTRAST)


def _on(fill: Rgb) -> Rgb:
    return max((WHITE, INK), key=lambda text: contrast(text, fill))


def hexadecimal(colour: Rgb) -> str:
    """Return `colour` as `#rrggbb`."""
    return "#" + bytes(colour).hex()


@cache
def palette(colour: str) -> Palette:
    """Return the colours that follow from the brand `colour`.

    One that cannot be read gives those of the default.
    """
    rgb = parse(colour) or parse(DEFAULT_COLOUR) or INK
    bright = _legible(rgb, DARK_GROUND, WHITE)
    return Palette(
        fill=hexadecimal(rgb),
        on_fill=hexadecimal(_on(rgb)),
        text=hexadecimal(_legible(rgb, LIGHT_GROUND, (0, 0, 0))),
        fill_dark=hexadecimal(bright),
        on_fill_dark=hexadecimal(_on(bright)),
        text_dark=hexadecimal(_legible(rgb, DARK_GROUND, WHITE)),
    )
