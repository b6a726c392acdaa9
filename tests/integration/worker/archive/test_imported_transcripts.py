"""Imports archive: each transcript's content, redacted, under its session and file; whole or not at all, whatever happens to the worker."""

import io
import tarfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from services.query.queries.lists.transcripts import transcript_files
from services.worker.archive import imported_content
from services.worker.archive.imported_content import Archiver, ImportedContent
from services.worker.archive.imported_files import place_of
from services.worker.archive.retention import collect_garbage
from services.worker.archive.segments import SEGMENT_BYTES
from services.worker.importers.job import run_shard, shards
from services.worker.importers.job.chunks import WholeFiles
from services.worker.importers.job.lease import StallWatch
from services.worker.resources import Resources
from shared.archive.stored_pieces import content_of
from shared.blobs.store import BlobStoreAway
from shared.redaction.redacted_lines import redact_lines
from tests.example_counts import examples
from tests.integration.worker.archive.imported_contents import AGENT_OF, add_job, contents, import_files, of_another_session, undo
from tests.integration.worker.statements import execute, select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, jsonl

SECRET = b"ghp_aB3dE6gH9jK2mN5pQ8sTaB3dE6gH9jK2mN5p"
CONTENT = jsonl(*WHOLE)


def long_transcript(size: int, session_id: str = SESSION) -> bytes:
    """Prompts of one session, some with a secret."""
    rows = []
    prompt = next(row for row in WHOLE if row["type"] == "user")
    for n in range(size // 1000):
        message = {"role": "user", "content": f"{n} " + "words " * 150 + (SECRET.decode() if n % 100 == 7 else "")}
        rows.append(prompt | {"uuid": str(UUID(int=n + 1)), "sessionId": session_id, "message": message, "promptId": f"p{n}"})
    return jsonl(*rows)


def stored(worker: Resources) -> dict[tuple[str, str], bytes]:
    """The content of each file by session and name."""
    with worker.transaction() as connection:
        found = connection.execute("SELECT id, session_id, file_name, stored_offset, parsed_offset FROM transcript_files").fetchall()
        assert all(stored == parsed for *_, stored, parsed in found)
        return {(session, name): b"".join(content_of(connection, id, worker.archive)) for id, session, name, *_ in found}


def listed(worker: Resources) -> list[int]:
    """The sizes of the versions that the session's list of files shows."""
    with psycopg.connect(worker.settings.database_url, row_factory=dict_row) as connection:
        return [row.bytes for row in transcript_files(connection, SESSION)]


def test_each_transcript_is_kept_under_its_session_and_name(worker: Resources, tmp_path: Path) -> None:
    """given sessions, a subagent below its session, one beside them, a file with another name, and one of no session"""
    agent = of_another_session(CONTENT, AGENT_OF)
    import_files(
        worker,
        tmp_path,
        {
            f"home/.claude/projects/-home-ann-app/{SESSION}.jsonl": CONTENT,
            f"projects/-home-ann-app/{SESSION}/subagents/agent-a1.jsonl": CONTENT[: CONTENT.index(b"\n") + 1],
            "projects/-home-ann-app/agent-b2.jsonl": agent,
            "projects/-home-ann-app/what-i-did.jsonl": agent,
        },
    )

    assert stored(worker) == {
        (SESSION, f"{SESSION}.jsonl"): CONTENT,
        (SESSION, "subagents/agent-a1.jsonl"): CONTENT[: CONTENT.index(b"\n") + 1],
        (AGENT_OF, "subagents/agent-b2.jsonl"): agent,
        (AGENT_OF, f"{AGENT_OF}.jsonl"): agent,
    }


@pytest.mark.parametrize(
    ("name", "session", "expected"),
    [
        (f"a/{SESSION}.jsonl", None, (SESSION, f"{SESSION}.jsonl")),
        (f"{SESSION}.jsonl", "other", (SESSION, f"{SESSION}.jsonl")),
        (f"p/{SESSION}/subagents/workflows/x/agent-1.jsonl", None, (SESSION, "subagents/workflows/x/agent-1.jsonl")),
        ("agent-1.jsonl", "s", ("s", "subagents/agent-1.jsonl")),
        ("agent-1.jsonl", None, None),
        ("x.jsonl", "s" * 201, None),
        ("x.jsonl", "a\0b", None),
        (f"{SESSION}/subagents/{'x' * 2000}.jsonl", None, None),
    ],
)
def test_session_and_name_are_found_by_path_then_by_records(name: str, session: str | None, expected: tuple[str, str] | None) -> None:
    assert place_of(name, session) == expected


def test_the_content_is_redacted_and_in_segments(worker: Resources, tmp_path: Path) -> None:
    content = long_transcript(2_500_000)

    import_files(worker, tmp_path, {f"{SESSION}.jsonl": content}, kind="transcript")

    assert stored(worker)[SESSION, f"{SESSION}.jsonl"] == redact_lines(content, {})
    sizes = [row[0] for row in select(worker, "SELECT raw_bytes FROM transcript_segments ORDER BY number")]
    assert select(worker, "SELECT stored_offset, user_name FROM transcript_files") == [(len(content), "ann")]
    assert len(sizes) > 2
    assert all(SEGMENT_BYTES <= size < SEGMENT_BYTES + 2000 for size in sizes[:-1])
    assert not any(SECRET in worker.archive.get(each.name) for each in worker.archive.stored())


def test_a_file_that_grew_is_kept_as_it_was_too_and_shares_its_segments(worker: Resources, tmp_path: Path) -> None:
    content = long_transcript(1_800_000)
    half = content[: content.find(b"\n", 1_500_000) + 1]
    name = f"{SESSION}.jsonl"

    for version in (half, content, half, content):
        import_files(worker, tmp_path, {name: version})

    assert contents(worker) == [redact_lines(content, {}), redact_lines(half, {})]
    assert listed(worker) == [len(redact_lines(content, {}))]
    # One segment is shared. The shorter one has an end of its own, the longer one two segments more.
    assert len(list(worker.archive.stored())) == 4
    assert collect_garbage(worker, timedelta(0)) == 0


def test_of_copies_in_one_archive_each_is_kept_and_the_longest_is_listed(worker: Resources, tmp_path: Path) -> None:
    half = CONTENT[: CONTENT.index(b"\n", 1000) + 1]
    name = f"{SESSION}.jsonl"

    import_files(worker, tmp_path, {f"monday/{name}": half, f"friday/{name}": CONTENT, f"tuesday/{name}": half})

    assert contents(worker) == [CONTENT, half]
    assert listed(worker) == [len(CONTENT)]


def test_an_undo_takes_back_what_only_its_import_brought(worker: Resources, tmp_path: Path) -> None:
    other = of_another_session(CONTENT, AGENT_OF)
    first = import_files(worker, tmp_path, {f"{SESSION}.jsonl": CONTENT})
    second = import_files(worker, tmp_path, {f"{SESSION}.jsonl": CONTENT, f"{AGENT_OF}.jsonl": other})

    undo(worker, second)
    assert stored(worker) == {(SESSION, f"{SESSION}.jsonl"): CONTENT}
    undo(worker, first)
    assert stored(worker) == {}
    collect_garbage(worker, timedelta(0))
    assert list(worker.archive.stored()) == []


def test_a_killed_import_leaves_no_half_file_and_goes_on(worker: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a worker that dies after each chunk, then a file is there when its last chunk is, and all of it."""
    monkeypatch.setattr("services.worker.importers.job.chunks.CHUNK_RECORDS", 300)
    content, other = long_transcript(1_200_000), long_transcript(400_000, AGENT_OF).replace(b'"uuid": "0', b'"uuid": "f')
    whole = {(SESSION, f"{SESSION}.jsonl"): redact_lines(content, {}), (AGENT_OF, f"{AGENT_OF}.jsonl"): redact_lines(other, {})}
    job_id = add_job(worker, tmp_path, {f"{SESSION}.jsonl": content, f"{AGENT_OF}.jsonl": other})
    for _ in range(20):
        with worker.transaction() as connection:
            connection.execute("UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
            shard = shards.take(connection, job_id, 0)
        assert shard is not None
        watch = StallWatch()
        with DyingArchiver(worker) as archiver:
            chunks = run_shard.read_chunks(shard, worker.idle_gap, watch, archiver, redacts=True)
            first = next(chunks)
            run_shard.store_chunk(worker, shard, first, WholeFiles())
            is_last = next(chunks, None) is None
        found = stored(worker)
        assert found.items() <= whole.items()
        if is_last:
            break
    assert found == whole


class DyingArchiver:
    """An archiver of a worker that dies: what it had in hand is dropped."""

    def __init__(self, worker: Resources) -> None:
        self.archiver = Archiver(worker.archive)

    def __enter__(self) -> Archiver:
        return self.archiver

    def __exit__(self, *_: object) -> None:
        self.archiver.close()


def test_an_archive_that_is_away_makes_the_import_wait(worker: Resources, tmp_path: Path) -> None:
    """given a full disk, then nothing of the file is stored, and the shard goes on when there is room."""
    job_id = add_job(worker, tmp_path, {f"{SESSION}.jsonl": CONTENT})
    (tmp_path / "archive").write_bytes(b"no folder")

    with pytest.raises(BlobStoreAway):
        run_shard.run(worker, job_id, 0)
    assert stored(worker) == {}
    (tmp_path / "archive").unlink()
    execute(worker, "UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
    run_shard.run(worker, job_id, 0)

    assert stored(worker) == {(SESSION, f"{SESSION}.jsonl"): CONTENT}


def test_with_the_archive_off_nothing_is_kept(worker: Resources, tmp_path: Path) -> None:
    off = Resources(worker.settings.model_copy(update={"archive": False}), worker.engine, worker.redis, worker.consumer)

    import_files(off, tmp_path, {f"{SESSION}.jsonl": CONTENT})

    assert (stored(worker), list(worker.archive.stored())) == ({}, [])


def test_a_damaged_archive_keeps_what_was_read(worker: Resources, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        member = tarfile.TarInfo(f"{SESSION}.jsonl")
        content = long_transcript(300_000)
        member.size = len(content)
        target.addfile(member, io.BytesIO(content))
    job_id = add_job(worker, tmp_path, {"home.tar.gz": packed.getvalue()[: len(packed.getvalue()) * 9 // 10]}, kind="tar_gz")

    run_shard.run(worker, job_id, 0)

    [kept] = stored(worker).values()
    assert 0 < len(kept) < len(content)
    assert redact_lines(content, {}).startswith(kept[: kept.rfind(b"\n")])


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=30)


@settings(deadline=None, max_examples=examples(60))
@given(LINES, st.booleans(), st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_how_a_file_is_read_does_not_change_its_segments(lines: list[bytes], is_ended: bool, sizes: list[int]) -> None:
    """given any lines, read in pieces of any size, then the segments are those of the whole content; too long lines are empty."""
    content = b"\n".join(lines) + (b"\n" if is_ended and lines else b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imported_content, "MAX_LINE_BYTES", 30)
        patch.setattr("services.worker.archive.segments.SEGMENT_BYTES", 64)
        patch.setattr(imported_content, "SEGMENT_BYTES", 64)
        store = _Memory()
        archiver = Archiver(store)  # type: ignore[arg-type]
        file = io.BytesIO(content)
        archived = ImportedContent(file, file.tell, archiver)
        n = 0
        while archived.read(sizes[n % len(sizes)]):
            n += 1
        found = archived.finished()
        for put in found.putting:
            put.result()
        archiver.close()
    kept = b"".join(store.raw(segment.sha256.hex()) for segment in found.segments)
    assert found.size == len(content)
    assert kept.count(b"\n") == content.count(b"\n")
    for got, line in zip(kept.split(b"\n"), content.split(b"\n"), strict=True):
        assert got == line or (got == b"" and len(line) > 30) or len(line) > 30
    assert all(b"\n" in store.raw(segment.sha256.hex())[63:] for segment in found.segments[:-1])


class _Memory:
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        self.contents[name] = data

    def raw(self, name: str) -> bytes:
        from shared.archive.stored_pieces import decompressed

        return decompressed(self.contents[name])
