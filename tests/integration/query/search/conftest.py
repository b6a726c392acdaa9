"""Searches in an index."""

import pytest
from starlette.testclient import TestClient

from tests.integration.caught_up import catch_up


@pytest.fixture(autouse=True)
def has_index(client: TestClient) -> None:
    """The application is shared, and and its index follows the emptied tables."""
    catch_up(client)
