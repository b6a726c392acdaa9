"""An import job whose INSERT was not confirmed: it runs if the row exists, and leaves no files if not."""

import httpx2 as httpx
import pytest

from tests.faults.clients.transcripts import transcripts
from tests.faults.pace import wait_until
from tests.faults.product.instants import STORED_SECONDS
from tests.faults.product.stack import Stack

INSERT = b"INSERT INTO import_jobs"
_JOBS = "SELECT count(*) FILTER (WHERE status = 'succeeded'), count(*) FROM import_jobs"


@pytest.mark.parametrize(("on_answer", "jobs"), [(True, 1), (False, 0)], ids=["made", "not made"])
def test_an_unconfirmed_import_job_runs_if_stored_and_leaves_nothing_if_not(proxied: Stack, on_answer: bool, jobs: int) -> None:
    before = _jobs(proxied)
    trap = proxied.postgres_proxy.trap(INSERT, on_answer=on_answer)
    answer = httpx.post(
        f"{proxied.url}/api/import/claude-data",
        files={"file": ("session.jsonl", next(transcripts(f"in doubt/{on_answer}")))},
        timeout=30,
        trust_env=False,
    )
    trap.wait()
    proxied.postgres_proxy.release(trap, cut=True)
    assert answer.status_code == 503
    wanted = (before[0] + jobs, before[1] + jobs)
    assert wait_until(lambda: _jobs(proxied) == wanted and not list(proxied.paths.blobs.iterdir()), STORED_SECONDS), _jobs(proxied)


def _jobs(stack: Stack) -> tuple[int, int]:
    with stack.database() as connection:
        [(succeeded, jobs)] = connection.execute(_JOBS).fetchall()
    assert isinstance(succeeded, int)
    assert isinstance(jobs, int)
    return succeeded, jobs
