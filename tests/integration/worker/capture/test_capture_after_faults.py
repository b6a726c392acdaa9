"""A sender that goes on where it is told brings a whole file into Postgres, each line once, whatever is lost or late in between.

Ingest's app and the worker's drain run here together. Between their steps Redis forgets, the journal loses its end, Postgres is put back.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.app import create_app
from services.ingest.settings import Settings
from services.worker.drain.accounting import accounting
from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources
from shared.journal.streams import stream_key, transcript_key
from tests.conftest import LOCAL
from tests.example_counts import examples
from tests.integration.worker.capture.captured import stored_lines
from tests.integration.worker.statements import execute, select

FILE = "s.jsonl"
KEY = transcript_key(stream_key(0), "s", "m", FILE)
# Lines of different lengths, some with a secret, which ingest redacts.
LINES = [b'{"n":%d,"t":"%s"}\n' % (n, b"sk-ant-api03-" + b"a1B2" * 24 if n % 7 == 3 else b"x" * (n % 5)) for n in range(30)]
STARTS = [sum(map(len, LINES[:n])) for n in range(len(LINES) + 1)]
STEPS = (
    "send",
    "send",
    "send",
    "send again",
    "drain",
    "redis forgets",
    "redis is lost",
    "postgres is put back",
    "other sender",
    "worker dies",
)


@dataclass
class Pipeline:
    """Both services, and a sender that remembers an offset."""

    http: TestClient
    worker: Resources
    offset: int = 0
    # How far Postgres was at some time, as a backup has it.
    backups: list[int] = field(default_factory=lambda: [0])

    def put(self, first: int, last: int) -> dict[str, int]:
        """Lines first to last; gives the offset to go on from."""
        answer = self.http.put(
            "/api/transcripts/s",
            params={"file": FILE, "offset": STARTS[first]},
            content=b"".join(LINES[first:last]),
            headers={"content-type": "application/x-ndjson", "x-tracker-machine": "m"},
        )
        assert answer.status_code in (200, 409), answer.text
        found: dict[str, int] = answer.json() if answer.status_code == 200 else answer.json()["details"]
        return found

    def send(self, count: int) -> None:
        first = STARTS.index(self.offset)
        self.offset = self.put(first, min(first + count, len(LINES)))["offset"]

    def put_back(self, offset: int) -> None:
        """Postgres is a backup of a time when it had less."""
        execute(self.worker, "DELETE FROM transcript_ranges WHERE end_offset > %s", [offset])
        execute(self.worker, "UPDATE transcript_files SET stored_offset = coalesce((SELECT max(end_offset) FROM transcript_ranges), 0)")


@pytest.fixture
def pipeline(worker: Resources, tmp_path: Path) -> Iterator[Pipeline]:
    found = worker.settings
    app = create_app(Settings(database_url=found.database_url, redis_url=found.redis_url, blob_url=(tmp_path / "blobs").as_uri()))
    with TestClient(app, LOCAL, raise_server_exceptions=False) as http:
        yield Pipeline(http, worker)


def expected() -> bytes:
    return b"".join(LINES)


@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 9)), max_size=40), seed=st.integers(0, 2**16))
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sender_that_goes_on_where_it_is_told_brings_the_whole_file(pipeline: Pipeline, steps: list[tuple[str, int]], seed: int) -> None:
    begin_anew(pipeline)
    randomness = random.Random(seed)

    for step, number in steps:
        take(pipeline, step, number, randomness)
    # In the end all works, and what Redis knew has expired: the sender asks, and goes on until nothing is missing
    finish(pipeline)

    stored, content = stored_lines(pipeline.worker)
    assert stored == STARTS[-1]
    assert content.count(b"\n") == len(LINES)
    lines = content.splitlines(keepends=True)
    assert [line for line, sent in zip(lines, LINES, strict=True) if b"sk-ant" not in sent] == [
        sent for sent in LINES if b"sk-ant" not in sent
    ]
    assert b"sk-ant" not in content
    assert accounting(pipeline.worker).drift == 0


def take(pipeline: Pipeline, step: str, number: int, randomness: random.Random) -> None:
    match step:
        case "send":
            pipeline.send(number)
        case "send again":
            first = randomness.randrange(len(LINES))
            pipeline.put(first, min(first + number, len(LINES)))
        case "other sender":
            pipeline.put(0, number)
        case "drain":
            drain(pipeline.worker)
        case "redis forgets":
            pipeline.worker.redis.delete(KEY)
        case "redis is lost":
            pipeline.worker.redis.flushall()
            pipeline.worker.consumer.name = None
        case "postgres is put back":
            pipeline.put_back(STARTS[randomness.randrange(len(STARTS))])
        case "worker dies":
            pipeline.worker.consumer.name = None


def finish(pipeline: Pipeline) -> None:
    for _ in range(200):
        drain(pipeline.worker)
        pipeline.worker.redis.delete(KEY)
        pipeline.offset = pipeline.put(len(LINES), len(LINES))["offset"]
        if pipeline.offset == STARTS[-1]:
            return
        pipeline.send(5)
    raise AssertionError("the file never became whole")


def begin_anew(pipeline: Pipeline) -> None:
    """Each example has an empty database and journal."""
    pipeline.worker.redis.flushall()
    pipeline.worker.consumer.name = None
    pipeline.offset = 0
    execute(
        pipeline.worker, "TRUNCATE transcript_files, transcript_ranges, session_machines, dead_letters, accounts, ledger, drainers CASCADE"
    )


def test_no_line_is_missing_from_what_waits_or_died(pipeline: Pipeline) -> None:
    """After Postgres was put back, what the journal still brings is not lost: it waits behind the gap."""
    begin_anew(pipeline)
    pipeline.send(5)
    drain(pipeline.worker)
    pipeline.put_back(0)
    pipeline.send(5)
    drain(pipeline.worker)

    assert select(pipeline.worker, "SELECT stored_offset FROM transcript_files") == [(0,)]
    assert select(pipeline.worker, "SELECT start_offset, end_offset FROM transcript_ranges") == [(STARTS[5], STARTS[10])]
    # The next range is refused: the sender fills the gap, and what waited joins on
    assert pipeline.put(10, 12) == {"offset": 0, "generation": 0}
    assert pipeline.put(0, 5)["offset"] == STARTS[5]
    drain(pipeline.worker)
    assert select(pipeline.worker, "SELECT stored_offset FROM transcript_files") == [(STARTS[10],)]
