"""Modules that a server has loaded are left alone by the garbage collector."""

import gc
from collections.abc import Iterator

import pytest

from shared.http.server import spare_what_is_loaded


@pytest.fixture(autouse=True)
def _collected_again() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_full_collection_looks_at_nothing_that_was_loaded_before() -> None:
    loaded = [{"of": "the app"}]

    spare_what_is_loaded()

    assert gc.get_freeze_count() > 0
    assert not any(each is loaded for each in gc.get_objects())
