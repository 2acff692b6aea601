"""The gallery shows every component; a name that a template misses is an error, so rendering it is a test."""

import pytest
from litestar.testing import TestClient

from guildhall.surfaces.kit.gallery import PAGES, application


@pytest.fixture(scope="module")
def client():
    with TestClient(application()) as client:
        yield client


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("page", [*PAGES, "plain"])
def test_every_page_of_the_gallery_renders_in_each_language(client, page, language):
    answer = client.get(f"/_kit/{page}?lang={language}")
    assert answer.status_code == 200
    assert "<h1>" in answer.text
