"""Searches in an index."""

import pytest
from starlette.testclient import TestClient

from tests.integration.caught_up import catch_up


@pytest.fixture(autouse=True)
def has_index(client: TestClient) -> None:
    """The application is shared, and its index is made anew when the tables were emptied. What a test stores is found at once then."""
    catch_up(client)
