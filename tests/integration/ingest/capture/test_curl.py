"""Live capture by curl alone, as docs/how-to/hooks.md shows it, over a real socket."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from services.ingest.settings import Settings
from shared.events.messages import Envelope, decode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.bench.servers import Served, served
from tests.skips import needs

SESSION = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"


@pytest.fixture
def ingest(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    environment = {
        "TRACKER_DATABASE_URL": settings.database_url,
        "TRACKER_REDIS_URL": settings.redis_url,
        "TRACKER_BLOB_URL": settings.blob_url,
    }
    with served("services.ingest.app:create_app", environment, tmp_path / "log") as server:
        yield server


def curl(*words: str, standard_input: bytes = b"") -> bytes:
    return subprocess.run(["curl", "-fsS", "--max-time", "30", *words], input=standard_input, capture_output=True, check=True).stdout


def envelopes(settings: Settings) -> list[Envelope]:
    with Redis.from_url(settings.redis_url) as redis:
        return [decode_envelope(fields[PAYLOAD_FIELD.encode()]) for _, fields in redis.xrange(stream_key(0))]


@needs("curl")
def test_curl_sends_a_hook_and_a_transcript(ingest: Served, settings: Settings, tmp_path: Path) -> None:
    # Given a transcript of nearly a mebibyte, for which curl asks before it sends the body
    transcript = tmp_path / f"{SESSION}.jsonl"
    transcript.write_bytes(b"".join(b'{"n":%d,"x":"%s"}\n' % (n, b"y" * 1000) for n in range(1000)))
    url = f"http://127.0.0.1:{ingest.port}"
    hook = json.dumps({"session_id": SESSION, "hook_event_name": "SessionStart", "source": "startup", "cwd": "/home/ann/app"}).encode()

    answer = curl("-H", "Content-Type: application/json", "--data-binary", "@-", f"{url}/api/hooks", standard_input=hook)
    path = f"{url}/api/transcripts/{SESSION}?file={SESSION}.jsonl&offset=0"
    sent = [json.loads(curl("-T", str(transcript), "-H", "Content-Type: application/x-ndjson", path)) for _ in range(2)]

    assert answer == b""
    size = transcript.stat().st_size
    assert sent == [{"offset": size, "status": "accepted"}, {"offset": size, "status": "duplicate"}]
    first, second = envelopes(settings)
    assert json.loads(first.hooks[0].payload) == json.loads(hook)
    assert second.ranges[0].content.encode() == transcript.read_bytes()
