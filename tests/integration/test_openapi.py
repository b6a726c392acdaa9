"""The committed OpenAPI document is what the two services generate."""

from deploy.openapi import render
from shared.http.api_document import DOCUMENT


def test_the_committed_openapi_document_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run `make openapi`"
