"""The committed document of the API is what the two services say of themselves."""

from deploy.openapi import render
from shared.http.api_document import DOCUMENT


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run `make openapi`"
