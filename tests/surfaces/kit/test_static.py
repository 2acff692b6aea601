"""Built files are kept for a year under names that change with them; the vendor's colour always leaves text legible."""

import gzip
import re

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from guildhall.core import colours
from guildhall.surfaces.kit import brand, static

COLOURS = ["#3550d0", "#ffd400", "#ffffff", "#000000", "#00e5a0", "#7f7f7f", "#ff0000", "0a84ff"]


@pytest.fixture(scope="module")
def client():
    with TestClient(Litestar([static.static_router()], openapi_config=None)) as client:
        yield client


@pytest.mark.parametrize("name", ["styles/kit.css", "scripts/app.js", "scripts/charts.js", "icons.svg"])
def test_a_built_file_is_kept_for_a_year_and_sent_compressed_to_whoever_takes_it(client, name):
    address = static.static_url(name)
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert re.search(r"-[\w-]{8}\.\w+$", address)
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert len(gzip.compress(plain.content, 9)) == int(packed.headers["content-length"])


def test_the_font_is_sent_as_it_is(client):
    answer = client.get(static.font_url())
    assert answer.headers["content-type"] == "font/woff2"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json",
        "nothing.css",
        "..%2fstatic.py",
        ".ready",
        "brand/red.css",
        "brand/3550D0.css",
        "brand/3550d0",
        "brand/;}body{.css",
    ],
)
def test_any_other_name_does_not_exist(client, path):
    assert client.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_has_a_style_sheet_at_an_address_that_names_it(client, colour):
    answer = client.get(static.brand_url(colour))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert f"--brand-fill:#{colour.removeprefix('#')}" in answer.text


@pytest.mark.parametrize("colour", COLOURS)
def test_text_in_and_on_the_brand_colour_is_legible_on_light_and_dark(colour):
    made = colours.palette(colour)
    pairs = [
        (made.on_fill, colours.parse(made.fill)),
        (made.text, colours.LIGHT_GROUND),
        (made.text, colours.WHITE),
        (made.on_fill_dark, colours.parse(made.fill_dark)),
        (made.text_dark, colours.DARK_GROUND),
        (made.fill_dark, colours.DARK_GROUND),
    ]
    assert all(colours.contrast(colours.parse(text), ground) >= 4.5 for text, ground in pairs)


def test_contrast_is_that_of_wcag():
    assert colours.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert colours.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("text", ["", "red", "#12345", "#3550d0;}", "rgb(1,2,3)"])
def test_what_is_no_colour_becomes_the_default_one(text):
    assert colours.parse(text) is None
    assert brand.stylesheet(text) == brand.stylesheet(colours.DEFAULT_COLOUR)


def test_the_first_page_weighs_little():
    files = [static.FOLDER / file for file in static.manifest().values()]
    loaded = [file for file in files if "charts" not in file.name]
    assert sum(len(gzip.compress(file.read_bytes(), 9)) for file in loaded) <= 150_000
