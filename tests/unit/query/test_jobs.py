"""Progress and estimated time of import jobs."""

import pytest

from services.query.queries.lists.import_jobs import eta_seconds, progress_of


@pytest.mark.parametrize(
    ("status", "done", "total", "progress"),
    [("queued", 0, 0, 0.0), ("running", 50, 200, 0.25), ("running", 200, 200, 0.9999), ("succeeded", 0, 0, 1.0), ("failed", 50, 200, 0.25)],
)
def test_progress_is_one_only_when_the_job_has_ended(status: str, done: int, total: int, progress: float) -> None:
    assert progress_of(status, done, total) == progress


@pytest.mark.parametrize(
    ("seconds", "done", "total", "eta"), [(10, 50, 200, 30.0), (10, 0, 200, None), (10, 0, 0, None), (10, 200, 200, 0.0)]
)
def test_the_estimate_extrapolates_the_rate_so_far(seconds: float, done: int, total: int, eta: float | None) -> None:
    assert eta_seconds(seconds, done, total) == eta
