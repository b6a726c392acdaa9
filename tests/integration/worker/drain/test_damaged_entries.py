"""Journal entries that are damaged or of another release: readable events are kept, the others stay together."""

import json
from pathlib import Path

import msgspec
import psycopg
import pytest

from services.worker.drain.drain_partition import drain
from services.worker.drain.entry_decoder import salvage
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import Conversation, Envelope, decode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key

SAMPLES = Path(__file__).parents[3] / "unit" / "shared" / "journal_samples"
GOOD = b'{"type":"conversation","session_id":"s","content":"good","role":"user","timestamp":"2026-03-01T10:00:00Z"}'


def entry(*events: bytes, version: int = 1) -> bytes:
    head = json.dumps({"version": version, "request_id": "r-1", "received_at": "2026-03-01T10:00:00Z"}).encode()
    return head[:-1] + b',"events":[' + b",".join(events) + b"]}"


@pytest.mark.parametrize(
    "bad", [b'{"type":"no such kind"}', b'{"type":"conversation"}', b'"text"', GOOD.replace(b"good", b"\xff"), b'{"type":1e400}']
)
def test_readable_events_are_separated_from_damaged_ones(bad: bytes) -> None:
    salvaged = salvage(entry(GOOD, bad, GOOD, bad))
    assert salvaged is not None
    assert [type(event) for event in salvaged.readable.events] == [Conversation, Conversation]
    assert (salvaged.readable.request_id, salvaged.readable.received_at.year) == ("r-1", 2026)
    assert salvaged.reason.startswith("2 of 4 events not readable: ")
    # The rest is an entry again, so that it can be put back once somebody has mended it.
    assert salvaged.rest == entry(bad, bad).replace(b": ", b":").replace(b", ", b",")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", entry(b'{"a":NaN}', GOOD), entry(GOOD, b"[" * 200_000 + b"]" * 200_000), b"\xff"])
def test_an_entry_without_separable_events_is_left_whole(payload: bytes) -> None:
    assert salvage(payload) is None


def test_an_entry_of_a_newer_version_is_not_salvaged() -> None:
    assert salvage(entry(GOOD, b'{"type":"conversation"}', version=99)) is None


def test_unknown_fields_of_a_later_release_are_ignored() -> None:
    later = json.loads(entry(GOOD)) | {"shard": 7}
    later["events"][0] |= {"mood": "sunny", "usage": {"input_tokens": 3, "thinking_tokens": 9}}
    read: Envelope = decode_envelope(msgspec.json.encode(later))
    [event] = read.events
    assert isinstance(event, Conversation)
    assert event.content == "good"
    assert event.usage is not None
    assert event.usage.input_tokens == 3


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_entries_of_an_earlier_release_are_stored(worker: Resources, file: Path) -> None:
    # Given a journal of that release: every event alone, then all of them in one entry
    *singles, batch = file.read_bytes().splitlines()
    for entry_of_then in (*singles, batch):
        worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: entry_of_then})
    drain(worker)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        ledger = connection.execute("SELECT sum(persisted), sum(duplicates), sum(dead) FROM ledger").fetchone()
        assert ledger == (len(singles), len(singles), 0)
        assert not any(verify(connection, worker.idle_gap).values())
