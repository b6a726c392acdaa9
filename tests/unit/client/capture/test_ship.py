"""`tracker ship`: what reaches the server."""

import json
from pathlib import Path

from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person


def payload_of(transcript: Path, event: str = "Stop", **more: object) -> bytes:
    named = {"session_id": transcript.stem, "transcript_path": str(transcript), "cwd": "/home/ann/shop", "hook_event_name": event}
    return json.dumps(named | more).encode()


def test_spool_and_transcripts_are_sent_once(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript(2)
    person.hook(payload_of(transcript, "SessionStart"), TRACKER_CAPTURE_DIR="")
    person.hook(payload_of(transcript, "Stop"), TRACKER_CAPTURE_DIR="")

    first, requests = person.ship(), len(server.requests)
    second = person.ship()

    assert (first.returncode, first.stderr) == (0, "")
    assert [hook["hook_event_name"] for hook in server.hooks] == ["SessionStart", "Stop"]
    assert server.content(transcript.stem) == transcript.read_bytes()
    assert list(person.spool.iterdir()) == []
    assert second.returncode == 0
    assert not [path for path in server.paths[requests:] if "machines" not in path]
