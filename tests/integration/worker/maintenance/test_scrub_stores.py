"""A scrub goes over every store: names that numbers are kept by, names that must differ, the live feed, the keys of Redis, and the files behind them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from services.worker.archive.segments import SEGMENT_BYTES
from services.worker.drain.stream_reader import make_group
from services.worker.importers.job import run_shard
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.scrub import scrub_files
from services.worker.resources import Resources
from shared.events.messages import Conversation, SessionStart, ToolCall, Usage
from shared.feed import FEED_KEY, ITEMS_FIELD, REWRITTEN_FIELD, TEXT_CHARACTERS, FeedItem, decode_items, encode_items
from shared.jobs import SCRUB
from shared.journal.streams import stream_key, transcript_key
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.exporting import add_export, export_row
from tests.integration.worker.journal_entries import NOW, append
from tests.integration.worker.maintenance.scrubbed import SECRET, WORD, asked_for, ended, message, stored
from tests.integration.worker.statements import select
from tests.servers import Server
from tests.stored_transcripts import add_file


def scrubbed(worker: Resources) -> dict[str, str]:
    return ended(worker, asked_for(worker))


def test_names_that_numbers_are_kept_by_are_scrubbed_and_the_numbers_stay(worker: Resources) -> None:
    # Given calls of a tool and of a model whose names are secrets, and of the same under the names that they get today
    stored(
        worker,
        *(
            ToolCall(tool_name=name, result_status=status, timestamp=NOW, session_id="s", id=uuid4(), execution_time_ms=5)
            for name in (SECRET, WORD)
            for status in ("success", "error")
        ),
        *(
            Conversation(session_id="s", content="x", role="assistant", timestamp=NOW, id=uuid4(), model=name, usage=Usage(input_tokens=7))
            for name in (SECRET, WORD)
        ),
    )

    scrubbed(worker)

    assert select(worker, "SELECT DISTINCT tool_name FROM tool_calls") == [(WORD,)]
    cells = "project_id = -1 AND user_id = -1 AND grain_minutes = 0"
    assert select(worker, f"SELECT tool_name, calls, errors, max_ms FROM tool_rollups WHERE {cells}") == [(WORD, 4, 2, 5)]
    assert select(worker, f"SELECT model, input_tokens FROM usage_rollups WHERE {cells}") == [(WORD, 14)]
    assert differences(worker) == {}


def test_names_that_must_differ_still_do_after_a_scrub(worker: Resources) -> None:
    # Given a project, a user and a transcript whose names are secrets, and others that have the names that these will get
    with psycopg.connect(worker.settings.database_url) as connection:
        for name in (SECRET, WORD):
            connection.execute("INSERT INTO users (name) VALUES (%s)", (name,))
            connection.execute("INSERT INTO projects (path, name) VALUES (%s, %s)", (f"/p/{name}", name))
            connection.execute("INSERT INTO transcript_files (session_id, file_name) VALUES ('s', %s)", (f"agents/{name}.jsonl",))

    scrubbed(worker)

    [(first, second)] = select(worker, "SELECT min(id), max(id) FROM users")
    assert select(worker, "SELECT name FROM users ORDER BY id") == [(f"{WORD} {first}",), (WORD,)]
    assert sorted(path for (path,) in select(worker, "SELECT path FROM projects"))[0] == f"/p/{WORD}"
    names = [name for (name,) in select(worker, "SELECT file_name FROM transcript_files ORDER BY id")]
    assert names[1] == f"agents/{WORD}.jsonl"
    assert names[0].startswith(f"agents/{WORD}-")
    assert names[0].endswith(".jsonl")
    assert second == first + 1


def test_the_live_feed_is_rewritten_with_its_ids(worker: Resources) -> None:
    # Given a feed with a secret, one that is cut off at the end of a text, and items without any
    cut = "x" * (TEXT_CHARACTERS - 20) + " " + SECRET
    told = [f"a {SECRET}", "plain", cut[:TEXT_CHARACTERS]]
    ids = [
        worker.redis.xadd(FEED_KEY, {ITEMS_FIELD: value})
        for text in told
        for value in encode_items([FeedItem(kind="prompt", session_id=SECRET, content=text)])
    ]

    scrubbed(worker)

    *entries, (_, marker) = worker.redis.xrange(FEED_KEY)
    assert [entry_id for entry_id, _ in entries] == ids
    items = [decode_items(fields[ITEMS_FIELD])[0] for _, fields in entries]
    assert [item.content for item in items[:2]] == [f"a {WORD}", "plain"]
    assert "ghp_" not in str(items[2].content)
    # An id is a name that others refer to
    assert items[0].session_id == SECRET
    assert (decode_items(marker[ITEMS_FIELD]), REWRITTEN_FIELD in marker) == ([], True)
    # A second scrub has nothing to do
    scrubbed(worker)
    assert worker.redis.xlen(FEED_KEY) == len(ids) + 1


def test_users_in_the_keys_of_redis_are_scrubbed(worker: Resources) -> None:
    file = transcript_key(stream_key(0), "s", "m", "s.jsonl")
    worker.redis.set("session:s", json.dumps({"project_id": 3, "user": SECRET}), ex=1000)
    worker.redis.hset(file, mapping={"generation": 0, "offset": 9, "user": SECRET})
    worker.redis.expire(file, 1000)
    worker.redis.set("of-somebody-else", SECRET)

    remains = scrubbed(worker)

    assert json.loads(worker.redis.get("session:s") or b"") == {"project_id": 3, "user": WORD}
    assert worker.redis.hgetall(file) == {b"generation": b"0", b"offset": b"9", b"user": WORD.encode()}
    assert 0 < worker.redis.ttl("session:s") <= 1000
    assert 0 < worker.redis.ttl(file) <= 1000
    assert "of-somebody-else" in remains["redis_keys"]


def test_a_scrub_waits_for_what_was_on_the_journal(worker: Resources) -> None:
    # Given an event on the journal with a secret that other rules let through, and that no worker has stored
    make_group(worker.redis, stream_key(0))
    append(worker, message(SECRET), received_at=datetime.now(UTC))
    scrub_id = asked_for(worker)

    assert run_job(worker, SCRUB, scrub_id, run_seconds=0.5) is True
    assert select(worker, "SELECT at_stage FROM jobs") == [("journal",)]
    stored(worker)
    while run_job(worker, SCRUB, scrub_id):
        pass

    assert select(worker, "SELECT content FROM messages") == [(WORD,)]


@pytest.mark.usefixtures("redis_server")
def test_the_files_of_every_store_are_free_of_what_was_scrubbed(
    worker: Resources, as_worker: Resources, postgres_server: Server, redis_server: Server
) -> None:
    # Given the same secret in rows, in a row that is deleted, in the archive and in Redis
    session = SessionStart(project_path="/p", start_time=NOW, session_id="s", git_branch=SECRET, user=SECRET, id=uuid4())
    stored(worker, session, message(SECRET))
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO session_marks (session_id, tags, tag_keys) VALUES ('s', %s, %s)", ([SECRET], [SECRET.lower()]))
        connection.execute("INSERT INTO machines (machine_id, name, report) VALUES ('m', 'x', '{}'), ('n', %s, '{}')", (SECRET,))
        connection.execute("DELETE FROM machines WHERE machine_id = 'n'")
        content = b"".join(json.dumps({"n": n, "text": f"{SECRET} {'words ' * 100}"}).encode() + b"\n" for n in range(3_000))
        add_file(connection, as_worker.archive, "s", content, archived=SEGMENT_BYTES, range_bytes=30_000)
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
    contents = {content.name for content in as_worker.archive.stored()}
    assert any(SECRET.encode() in file for file in redis_server.files())

    # When the worker of a composed stack scrubs
    remains = scrubbed(as_worker)

    # Then nothing of it is in the files of Redis, and of the archive no content that was there before
    assert not any(SECRET.encode() in file for file in redis_server.files())
    assert contents
    assert not contents & {content.name for content in as_worker.archive.stored()}
    assert not [row for row in select(worker, "SELECT t::text FROM session_marks AS t") if SECRET.lower() in str(row).lower()]
    # The tables that this role may not write are named.
    assert remains.keys() == scrub_files.ALWAYS_REMAINS.keys() | {"table pg_catalog.pg_statistic", "write_ahead_log"}


def test_the_indexes_of_a_table_that_vacuum_has_emptied_are_written_anew(worker: Resources) -> None:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (name) VALUES (%s)", (SECRET,))
        connection.execute("DELETE FROM users")
        connection.execute("VACUUM (TRUNCATE) users")
    index = "SELECT pg_relation_size('users'), pg_relation_filenode('users_name_key')"
    [(table_bytes, before)] = select(worker, index)
    assert table_bytes == 0

    scrubbed(worker)

    [(_, after)] = select(worker, index)
    assert after != before


def test_files_that_are_too_large_to_be_written_anew_are_named(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_files, "REWRITTEN_BYTES", 0)
    stored(worker, message(SECRET))

    remains = scrubbed(worker)

    assert "Run VACUUM FULL public.messages" in remains["table public.messages"]


def test_a_dry_run_says_nothing_of_what_remains(worker: Resources) -> None:
    scrub_id = asked_for(worker, is_dry_run=True)

    assert run_job(worker, SCRUB, scrub_id) is False

    assert select(worker, "SELECT status, remains FROM jobs") == [("succeeded", {})]


def test_a_scrub_deletes_the_archives_of_exports(worker: Resources) -> None:
    # Given an export that is written, and one that waits
    written, waiting = add_export(worker), add_export(worker)
    run_shard.run(worker, written, 0)
    archive = Path(export_row(worker, written)["blob_url"].removeprefix("file://"))
    assert archive.exists()

    scrubbed(worker)

    # Then the one is gone, and the other is not begun: its rows could be those from before
    assert not archive.exists()
    run_shard.run(worker, waiting, 0)
    assert export_row(worker, waiting)["status"] == "cancelled"
