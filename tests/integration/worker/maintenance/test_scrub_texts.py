"""A scrub of given texts finds them in every encoding of every store, also where a cut has divided them, and is ended by what it was given alone."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from deploy.embedded.supervision.processes import wait_until
from services.worker.archive.segments import cut_place
from services.worker.kept_out import know_kept_out
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.scrub import scrub_files, scrub_rows, scrub_texts, scrub_uploads
from services.worker.persist.dead_letters import write_dead_letter
from services.worker.resources import Resources, open_resources
from shared.archive.stored_pieces import content_of
from shared.events.messages import Activity, Conversation, SessionStart, ToolCall, Usage
from shared.jobs import SCRUB
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter
from shared.redaction.given_texts import LEAST_CUT_BYTES, keep_out
from shared.redaction.kept_out import noted_change
from shared.redaction.redact import redact_text
from shared.redaction.sealed_texts import divided
from tests.integration.worker.all_tables import differences
from tests.integration.worker.journal_entries import NOW
from tests.integration.worker.maintenance.scrubbed import ended, message, stored, tables
from tests.integration.worker.statements import execute, select
from tests.stored_transcripts import add_file

TEXT = 'Zoë/"Quuxington" 7\n8'
PLAIN = "quux-vaku-loro-mite"


@pytest.fixture(autouse=True)
def known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other process has to learn what is kept out."""
    monkeypatch.setattr(scrub_texts, "KNOWN_SECONDS", 0)


def asked_for(worker: Resources, texts: Sequence[str], *, is_dry_run: bool = False, **options: bool) -> UUID:
    """A scrub as ingest leaves it."""
    scrub_id, halves = uuid4(), divided(texts)
    worker.redis.set(halves.redis_key, halves.in_redis)
    execute(
        worker,
        "INSERT INTO jobs (kind, id, is_dry_run, options) VALUES ('scrub', %s, %s, %s)",
        (scrub_id, is_dry_run, Jsonb({"text_count": len(texts)} | options)),
    )
    execute(worker, "INSERT INTO scrub_texts VALUES (%s, %s, %s)", (scrub_id, halves.in_postgres, halves.redis_key))
    return scrub_id


def scrubbed(worker: Resources, texts: Sequence[str], **options: bool) -> dict[str, str]:
    return ended(worker, asked_for(worker, texts, **options))


def test_a_text_goes_from_every_encoding_of_a_row(worker: Resources) -> None:
    inner = json.dumps({"said": TEXT})
    written = [
        TEXT,
        inner,
        json.dumps(inner, ensure_ascii=False),
        quote(TEXT),
        base64.b64encode(f"user:{TEXT} or so".encode()).decode(),
    ]
    stored(
        worker,
        *(message(f"it is {each}.", seconds) for seconds, each in enumerate(written)),
        ToolCall(
            tool_name=f"mcp__{PLAIN}__do",
            result_status="error",
            timestamp=NOW,
            session_id="s",
            id=uuid4(),
            parameters={TEXT: [inner], "command": f"curl 'https://x/?q={quote(TEXT, safe='')}'"},
        ),
        Activity(file_path=f"/home/{PLAIN}/a", action="created", timestamp=NOW, session_id="s", id=uuid4()),
        Conversation(session_id="s", content="x", role="assistant", timestamp=NOW, id=uuid4(), model=PLAIN, usage=Usage(input_tokens=7)),
    )
    with psycopg.connect(worker.settings.database_url) as connection:
        address = f"/search?q={quote(TEXT, safe='')}"
        connection.execute("INSERT INTO saved_views (name, address) VALUES (%s, %s)", (f"of {TEXT}", address))
        broken = DeadLetter(journal_entry_id="1-1", kind=WHOLE_ENTRY, payload=f"not JSON {TEXT}".encode())
        write_dead_letter(connection, broken, f"quoted: {TEXT}")

    scrubbed(worker, [TEXT, PLAIN])

    left = str(tables(worker))
    for part in ("Quuxington", quote("Quuxington"), PLAIN, base64.b64encode(b"Quuxington").decode()[2:-4]):
        assert part not in left
    contents = [content for (content,) in select(worker, "SELECT content FROM messages WHERE role = 'user' ORDER BY occurred_at")]
    assert all(content.startswith("it is ") and "[redacted:text:" in content and content.endswith(".") for content in contents)
    # The same word, in whatever form it was
    words = {word for content in contents for word in content.split("[")[1:]}
    assert len({word[:22] for word in words}) == 1
    assert differences(worker) == {}


@pytest.mark.parametrize("kept", [0, LEAST_CUT_BYTES, 9, len(PLAIN) - 2 - LEAST_CUT_BYTES, len(PLAIN) - 2])
def test_no_part_of_a_text_is_left_at_the_edge_of_a_cut_result(worker: Resources, kept: int) -> None:
    # Given a result from whose middle so much was left out that the text was divided
    stored(worker, ToolCall(tool_name="Bash", result_status="success", timestamp=NOW, session_id="s", id=uuid4()))
    beginning, end = f"before {PLAIN[:kept]}", f"{PLAIN[kept + 2 :]} behind"
    changed = "UPDATE tool_calls SET result = %s, result_cut_at = %s, result_left_out = 2"
    execute(worker, changed, (beginning + end, len(beginning)))

    scrubbed(worker, [PLAIN])

    [(result, cut_at)] = select(worker, "SELECT result, result_cut_at FROM tool_calls")
    assert result[:cut_at].startswith("before ")
    assert result[cut_at:].endswith(" behind")
    if LEAST_CUT_BYTES <= kept < len(PLAIN):
        assert PLAIN[:LEAST_CUT_BYTES] not in result
    if 0 < len(PLAIN) - kept - 2 >= LEAST_CUT_BYTES:
        assert PLAIN[-LEAST_CUT_BYTES:] not in result


def test_a_title_that_was_cut_within_a_text_is_made_anew(worker: Resources) -> None:
    start = SessionStart(project_path="/p", start_time=NOW, session_id="s", id=uuid4())
    stored(worker, start, message(f"{'please look at this ' * 9}and at {PLAIN * 20}"))
    [(title,)] = select(worker, "SELECT title FROM sessions")
    assert PLAIN[:LEAST_CUT_BYTES] in title

    scrubbed(worker, [PLAIN * 20])

    [(title,)] = select(worker, "SELECT title FROM sessions")
    assert PLAIN[:LEAST_CUT_BYTES] not in title


@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_text_goes_from_every_line_of_ranges_and_segments(worker: Resources, as_worker: Resources, is_ascii: bool) -> None:
    """Ranges and segments end at the ends of lines, and a text is within a line: so none is divided by them."""
    lines = [json.dumps({"n": n, "text": f"{'x' * (n % 977)}{TEXT}"}, ensure_ascii=is_ascii) for n in range(3_000)]
    content = "\n".join(lines).encode() + b"\n"
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        archived = cut_place(content)
        assert archived is not None
        file_id = add_file(connection, as_worker.archive, "s", content, archived=archived, range_bytes=10_000)

    ended(as_worker, asked_for(worker, [TEXT]))

    with as_worker.transaction() as connection:
        left = b"".join(content_of(connection, file_id, as_worker.archive))
    assert left.count(b"\n") == 3_000
    values = [json.loads(line) for line in left.splitlines()]
    assert [value["n"] for value in values] == list(range(3_000))
    assert not [value for value in values if not value["text"].lstrip("x").startswith("[redacted:text:") or "Quux" in value["text"]]


def test_a_scrub_that_is_taken_over_after_every_step_ends_the_same(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_rows, "CHUNK_ROWS", 1)
    stored(worker, *(message(f"{PLAIN} {n}", n) for n in range(5)))
    scrub_id = asked_for(worker, [PLAIN], keep_out=True)

    # Each step by another worker, which knows nothing but what is stored
    while run_job(worker, SCRUB, scrub_id, run_seconds=0):
        assert PLAIN not in str(select(worker, "SELECT s::text, t::text FROM jobs AS s LEFT JOIN scrub_texts AS t ON true"))

    assert PLAIN not in str(tables(worker))
    assert select(worker, "SELECT counts -> 'changed_in' ->> 'messages', counts -> 'redactions' ->> 'text' FROM jobs")[0][0] == "5"
    assert select(worker, "SELECT count(*) FROM scrub_texts") == [(0,)]
    assert set(select(worker, "SELECT scrub_id, is_for_good FROM kept_out_texts")) == {(scrub_id, True)}


def test_a_worker_replaces_what_is_kept_out_until_the_list_is_empty(worker: Resources) -> None:
    stored(worker, message(PLAIN))
    scrubbed(worker, [PLAIN], keep_out=True)

    def replaced() -> bool:
        # With the connection that its caller has, and without one
        with worker.connection() as connection:
            know_kept_out(worker, connection)
        know_kept_out(worker)
        return redact_text(f"it is {PLAIN}").startswith("it is [redacted:text:")

    try:
        assert wait_until(replaced, 10)
        execute(worker, "DELETE FROM kept_out_texts")
        noted_change(worker.redis)
        assert wait_until(lambda: not replaced(), 10)
    finally:
        keep_out(None)


def test_a_scrub_whose_half_is_lost_fails_and_says_so(worker: Resources) -> None:
    stored(worker, message(PLAIN))
    scrub_id = asked_for(worker, [PLAIN])
    worker.redis.flushdb()

    assert run_job(worker, SCRUB, scrub_id) is False

    [(status, failure)] = select(worker, "SELECT status, failure FROM jobs")
    assert status == "failed"
    assert "Scrub again" in failure
    assert select(worker, "SELECT (SELECT count(*) FROM scrub_texts), (SELECT count(*) FROM kept_out_texts)") == [(0, 0)]


def test_a_dry_run_counts_by_store_and_keeps_nothing(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_files, "REWRITTEN_BYTES", 0)
    stored(worker, message(PLAIN), message(f"{PLAIN} {PLAIN}", 1), message("plain", 2))
    before = {name: rows for name, rows in tables(worker).items() if name != "scrub_texts"}

    scrub_id = asked_for(worker, [PLAIN], is_dry_run=True)
    assert run_job(worker, SCRUB, scrub_id) is False

    assert {name: rows for name, rows in tables(worker).items() if name != "scrub_texts"} == before
    [(changed_in, remains, locks)] = select(worker, "SELECT counts -> 'changed_in', remains, counts -> 'long_locks' FROM jobs")
    assert changed_in["messages"] == 2
    assert remains == {}
    # A large table is named, with the seconds for which it would be locked
    assert locks["public.messages"] >= 1
    assert select(worker, "SELECT count(*) FROM scrub_texts") == [(0,)]
    assert list(worker.redis.scan_iter(match="scrub:half:*")) == []


def test_a_large_table_is_written_anew_where_that_is_asked_for(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_files, "REWRITTEN_BYTES", 0)
    stored(worker, message(PLAIN))

    assert "table public.messages" in scrubbed(worker, [PLAIN])
    assert "table public.messages" not in scrubbed(worker, [PLAIN], rewrite_large=True)


def test_uploads_of_failed_imports_are_deleted_where_that_is_asked_for(
    worker: Resources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a failed import whose upload is kept for a day, and one that runs
    monkeypatch.setattr(scrub_uploads, "PATIENCE_SECONDS", 0)
    upload = tmp_path / "blobs" / uuid4().hex
    upload.parent.mkdir()
    upload.write_text(PLAIN)
    settings = worker.settings.model_copy(update={"blob_url": upload.parent.as_uri()})
    files = json.dumps([{"name": "a.jsonl", "blob_url": upload.as_uri()}])
    added = "INSERT INTO import_jobs (id, kind, status, stage, files, has_files) VALUES (%s, 'import', %s, %s, %s, true)"
    execute(worker, added, (uuid4(), "failed", "failed", files))
    execute(worker, added, (uuid4(), "running", "reading", "[]"))
    resources = open_resources(settings)

    kept = scrubbed(resources, [PLAIN])
    assert "1 imports that are not done, and of 1 that failed" in kept["uploads"]
    assert "imports" in kept
    assert upload.exists()
    left = scrubbed(resources, [PLAIN], delete_uploads=True)
    resources.close()

    assert not upload.exists()
    assert "and of 0 that failed" in left["uploads"]
    assert select(worker, "SELECT status, has_files FROM import_jobs ORDER BY status") == [("failed", False), ("running", True)]
