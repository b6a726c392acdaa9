"""Import jobs: how far they are."""

import pytest

from services.query.queries.jobs import progress_of


@pytest.mark.parametrize(
    ("status", "done", "total", "progress"),
    [("queued", 0, 0, 0.0), ("running", 50, 200, 0.25), ("running", 200, 200, 0.9999), ("succeeded", 0, 0, 1.0), ("failed", 50, 200, 0.25)],
)
def test_progress_is_one_only_when_it_is_through(status: str, done: int, total: int, progress: float) -> None:
    assert progress_of(status, done, total) == progress
