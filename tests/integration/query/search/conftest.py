"""Searches in an index."""

import pytest


@pytest.fixture(autouse=True)
<<<<<<< HEAD
def has_index(client: TestClient) -> None:
    """The application is shared, and and its index follows the emptied tables."""
    catch_up(client)
=======
def searchable(has_index: None) -> None:
    """All tests here search."""
>>>>>>> answers
