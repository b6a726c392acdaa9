"""Ranges become segments of the archive, and what is not kept goes: without changing what is read, whatever else happens meanwhile."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from services.worker.archive.archive_locks import lock_referring, refer_to
from services.worker.archive.compaction import compact, compact_some, keep_up
from services.worker.archive.retention import collect_garbage
from services.worker.archive.segments import SEGMENT_BYTES
from services.worker.maintenance.retention.drop_archive import drop_archive
from services.worker.maintenance.retention.retention_stage import Step
from services.worker.resources import Resources, open_resources
from services.worker.sweep.scheduler import NO_CALL, ONE_CALL, Looks
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY
from shared.archive.stored_pieces import pieces_of
from shared.blobs.store import BlobStoreAway
from tests.integration.worker.capture.captured import put_range
from tests.integration.worker.statements import execute, select
from tests.stored_transcripts import stored

SESSION = "22222222-2222-4333-8444-555555555555"


def lines(size: int, salt: int = 0) -> bytes:
    rng = random.Random(salt)
    found = bytearray()
    while len(found) < size:
        found += json.dumps({"n": len(found), "text": rng.randbytes(rng.choice([20, 300, 3000])).hex()}).encode() + b"\n"
    return bytes(found)


def ranges_of(content: bytes, size: int) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + size) + 1 or len(content)
        yield content[start:end]
        start = end


def put(worker: Resources, content: bytes, *, size: int = 100_000, grown_by: int = 0, is_parsed: bool = True) -> int:
    """Ranges of a live file, each `grown_by` bytes longer on its machine than here. The file's id."""
    with worker.transaction() as connection:
        for part in ranges_of(content, size):
            file_id = put_range(connection, SESSION, part, original_bytes=len(part) + grown_by)
        if is_parsed:
            connection.execute("UPDATE transcript_files SET parsed_offset = stored_offset")
    return file_id


def segments(worker: Resources) -> list[tuple[Any, ...]]:
    return select(worker, "SELECT sha256, raw_bytes, end_offset FROM transcript_segments ORDER BY file_id, number")


def ranges(worker: Resources) -> int:
    with worker.transaction() as connection:
        return int(connection.execute("SELECT count(*) FROM transcript_ranges").fetchone()[0])  # type: ignore[index]


def be_quiet(worker: Resources, for_: str = "2 hours") -> None:
    execute(worker, "UPDATE transcript_files SET changed_at = least(changed_at, now() - %s::interval)", [for_])


@pytest.mark.parametrize("grown_by", [0, 700, -70])
def test_a_file_with_many_ranges_becomes_segments(worker: Resources, looks: Looks, grown_by: int) -> None:
    """given ranges of five megabytes, redacted or not, then they are moved, and the content stays."""
    worker.redis.set(ARCHIVE_COLLECTED_KEY, 4_000_000_000)
    content = lines(5_000_000)
    assert looks.archive() == NO_CALL
    file_id = put(worker, content, grown_by=grown_by)
    assert looks.archive() == ONE_CALL

    while keep_up(worker):
        pass

    assert looks.archive() == NO_CALL
    assert ranges(worker) == 0
    assert stored(worker, file_id) == content
    found = segments(worker)
    assert all(SEGMENT_BYTES <= raw_bytes < SEGMENT_BYTES + 7000 for _, raw_bytes, _ in found[:-1])
    [(stored_offset,)] = select(worker, "SELECT stored_offset FROM transcript_files")
    assert found[-1][2] == stored_offset
    assert sorted({end for _, _, end in found}) == [end for _, _, end in found]


def test_segments_do_not_depend_on_how_the_content_arrived(worker: Resources) -> None:
    """given the same content in other ranges, moved at other times, then the segments are the same, so they are stored once."""
    content = lines(3_500_000)
    first = put(worker, content, size=300_000)
    be_quiet(worker)
    assert compact(worker)
    expected = [row[:2] for row in segments(worker)]
    execute(worker, "DELETE FROM transcript_files WHERE id = %s", [first])

    for part in ranges_of(content, 900_000):
        file_id = put(worker, part, size=40_000)
        compact_some(worker, file_id)

    assert [row[:2] for row in segments(worker)] == expected
    assert stored(worker, file_id) == content


def test_a_small_file_is_moved_when_it_is_quiet(worker: Resources, looks: Looks) -> None:
    worker.redis.set(ARCHIVE_COLLECTED_KEY, 4_000_000_000)
    content = lines(3000)
    file_id = put(worker, content)
    assert looks.archive() == NO_CALL
    be_quiet(worker)
    assert looks.archive() == ONE_CALL

    keep_up(worker)

    assert (ranges(worker), len(segments(worker))) == (0, 1)
    assert stored(worker, file_id) == content


def test_unread_ranges_are_not_archived(worker: Resources) -> None:
    """given a file of which the first half is read, then only that is moved."""
    content = lines(400_000)
    file_id = put(worker, content, size=100_000, is_parsed=False)
    [(parsed,)] = select(
        worker,
        "UPDATE transcript_files SET parsed_offset = (SELECT end_offset FROM transcript_ranges ORDER BY start_offset OFFSET 1 LIMIT 1)"
        " RETURNING parsed_offset",
    )
    be_quiet(worker)

    keep_up(worker)

    assert [row[2] for row in segments(worker)] == [parsed]
    assert stored(worker, file_id) == content


def test_a_reader_sees_the_same_content_while_ranges_are_moved(worker: Resources) -> None:
    """given a reader in the middle of a file, then compaction under it changes nothing of what it gives, from any position."""
    content = lines(3_000_000)
    file_id = put(worker, content, size=150_000)
    got = bytearray()
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        for n, piece in enumerate(pieces_of(connection, file_id, worker.archive, 1234)):
            assert piece.position == 1234 + len(got)
            got += piece.content
            if n == 3:
                compact_some(worker, file_id)
            if n == 5:
                put(worker, more := lines(500_000, salt=1), size=150_000)
                compact_some(worker, file_id)
    assert bytes(got) == (content + more)[1234:]


def drop_files(worker: Resources) -> int:
    """A step of a run of retention. How many files it dropped."""
    with worker.transaction() as connection:
        return sum(count.rows for count in drop_archive(Step(worker, connection, uuid4(), None, False, datetime.now(UTC))).counts)


def test_days_that_are_over_delete_files_and_then_their_contents(worker: Resources, looks: Looks) -> None:
    """given an old file and a new one with the same first megabyte, then the old one goes, and of the contents those that only it had."""
    worker.redis.set(ARCHIVE_COLLECTED_KEY, 4_000_000_000)
    shared_part = next(ranges_of(lines(SEGMENT_BYTES), SEGMENT_BYTES - 1))
    put(worker, shared_part + lines(2000, salt=1), size=3_000_000)
    be_quiet(worker)
    keep_up(worker)
    execute(worker, "UPDATE transcript_files SET session_id = 'old', changed_at = now() - interval '31 days'")
    put(worker, shared_part + lines(2000, salt=2), size=3_000_000)
    be_quiet(worker)
    keep_up(worker)
    assert len(list(worker.archive.stored())) == 3
    aged = Resources(worker.settings.model_copy(update={"archive_days": 30}), worker.engine, worker.redis, worker.consumer)

    assert (drop_files(worker), drop_files(aged), drop_files(aged)) == (0, 1, 0)
    assert collect_garbage(worker) == 0
    assert collect_garbage(worker, min_age=timedelta(0)) == 1
    assert [row[0] for row in select(worker, "SELECT session_id FROM transcript_files")] == [SESSION]
    assert {stored.name for stored in worker.archive.stored()} == {row[0].hex() for row in segments(worker)}


def test_with_the_archive_off_quiet_live_files_go_and_archived_ones_stay(worker: Resources) -> None:
    off = Resources(worker.settings.model_copy(update={"archive": False}), worker.engine, worker.redis, worker.consumer)
    put(worker, lines(3000))
    be_quiet(worker)
    keep_up(worker)
    execute(worker, "UPDATE transcript_files SET session_id = 'archived'")
    put(worker, lines(3000))
    be_quiet(worker, "2 hours")

    keep_up(off)
    assert ranges(worker) == 1
    be_quiet(worker, "25 hours")
    keep_up(off)

    assert [row[0] for row in select(worker, "SELECT session_id FROM transcript_files")] == ["archived"]


def test_garbage_is_left_alone_while_somebody_refers_to_contents(worker: Resources) -> None:
    """given a transaction that has put a content and not committed, then no garbage is collected; after it, its content is not garbage."""
    content = b'{"a":1}\n'
    digest = sha256(content).digest()
    worker.archive.put(digest.hex(), b"frame")
    worker.archive.put("0" * 64, b"garbage")
    holding, done = Event(), Event()

    def refer() -> None:
        with worker.engine.connect() as pooled:
            connection = pooled.connection.driver_connection
            assert isinstance(connection, Connection)
            lock_referring(connection)
            holding.set()
            done.wait(30)
            connection.execute("INSERT INTO transcript_files (session_id, file_name) VALUES ('s', 's.jsonl')")
            connection.execute(
                "INSERT INTO transcript_segments SELECT id, 0, 8, %s, 8, 5 FROM transcript_files WHERE session_id = 's'", [digest]
            )
            connection.commit()

    other = open_resources(worker.settings)
    thread = Thread(target=refer)
    thread.start()
    assert holding.wait(30)
    assert collect_garbage(other, min_age=timedelta(0)) == 0
    done.set()
    thread.join()

    assert collect_garbage(other, min_age=timedelta(0)) == 1
    assert [stored.name for stored in worker.archive.stored()] == [digest.hex()]
    other.close()


def test_a_lost_segment_holds_up_no_file(worker: Resources) -> None:
    """given a file whose last segment the store has lost, then its new ranges and other files are archived, and what was lost may come back."""
    file_id = put(worker, first := lines(3000))
    be_quiet(worker)
    keep_up(worker)
    [lost] = [stored.name for stored in worker.archive.stored()]
    frame = worker.archive.get(lost)
    worker.archive.delete(lost)
    put(worker, second := lines(4000, salt=1))
    be_quiet(worker)

    while keep_up(worker):
        pass

    assert ranges(worker) == 0
    assert len(segments(worker)) == 2
    worker.archive.put(lost, frame)
    assert stored(worker, file_id) == first + second


def test_a_file_that_goes_on_while_old_ones_are_deleted_stays(worker: Resources) -> None:
    """given an old file to which a range is being added, then it is not deleted with the range."""
    file_id = put(worker, first := lines(3000))
    be_quiet(worker, "31 days")
    aged = Resources(worker.settings.model_copy(update={"archive_days": 30}), worker.engine, worker.redis, worker.consumer)
    deleting = Thread(target=drop_files, args=(aged,))
    with psycopg.connect(worker.settings.database_url) as drain, psycopg.connect(worker.settings.database_url, autocommit=True) as watching:
        put_range(drain, SESSION, second := lines(3000, salt=1))
        deleting.start()
        while deleting.is_alive() and not is_waiting(watching):
            deleting.join(0.01)
        drain.commit()
    deleting.join()

    assert stored(worker, file_id) == first + second


def is_waiting(connection: Connection[Any]) -> bool:
    """Whether anybody waits for a lock of a row or transaction."""
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    return bool(connection.execute(waiting).fetchone()[0])  # type: ignore[index]


def test_a_content_that_is_gone_cannot_be_referred_to(worker: Resources) -> None:
    with pytest.raises(BlobStoreAway, match="put again"), worker.transaction() as connection:
        refer_to(connection, worker.archive, [bytes(32)])
