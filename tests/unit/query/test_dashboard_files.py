"""The dashboard's files as the query service gives them."""

import re

import pytest

from services.query.http.dashboard_files import ASSETS, FOLDER, PAGE, asset
from shared.dashboard_addresses import VIEWS


def test_service_and_page_name_the_same_views() -> None:
    source = (FOLDER.parent / "source/address/address.ts").read_text()
    named = re.search(r"export const PAGES = \[(.*?)\]", source, re.DOTALL)
    assert named is not None
    assert tuple(re.findall(r'"(\w+)"', named[1])) == VIEWS


def test_every_file_that_the_page_names_is_there_and_has_a_type() -> None:
    named = re.findall(r'(?:src|href)="/assets/([^"]+)"', PAGE.read_text())
    assert named
    assert all(asset(name) is not None for name in named)
    assert all(asset(path.name.removesuffix(".gz")) == path for path in ASSETS.iterdir())


@pytest.mark.parametrize("name", ["../index.html", "..", "", "nothing.js", "../assets/../index.html", "/etc/passwd", "%2e%2e", "a\x00.js"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    assert asset(name) is None
