"""Searches in an index."""

import pytest


@pytest.fixture(autouse=True)
def searchable(has_index: None) -> None:
    """All tests here search."""
