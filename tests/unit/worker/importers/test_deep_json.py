"""Deeply nested JSON takes time linear in its length."""

import io
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.worker.importers.formats.read_records import read_records
from services.worker.persist.records import RecordError, SessionFacts
from shared.claude_formats.upload_kinds import Kind

TIMEOUT = 120
DEPTH = 1_000_000
GAP = timedelta(minutes=5)
INDEX = b'{"version":1,"entries":[7,["x"],{"sessionId":"s-1","projectPath":"/p","tags":[{"sessionId":"none"}],"firstPrompt":"hi"}],"x":[{"sessionId":"no"}]}'
FILES: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "sessions-index.json, arrays": ("sessions_index", lambda: b'{"version":1,"entries":[{"sessionId":' + b"[" * DEPTH),
    "sessions-index.json, objects": ("sessions_index", lambda: b'{"version":1,"entries":' + b'{"entries":' * DEPTH),
    "claude.json": ("claude_json", lambda: b'{"projects":' + b'{"a":' * DEPTH),
    "transcript": ("transcript", lambda: b'{"type":"user","sessionId":"s","message":' + b"[" * DEPTH),
    "progress": (
        "transcript",
        lambda: b'{"type":"progress","sessionId":"s","data":{"type":"agent_progress","message":' + b"[" * DEPTH + b"]" * DEPTH + b"}}",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_deeply_nested_json_is_read_in_linear_time(name: str) -> None:
    """In a process of its own, which can be ended."""
    program = "import sys; from tests.unit.worker.importers.test_deep_json import codes; print(codes(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert done.stdout


def codes(name: str) -> list[str]:
    kind, content = FILES[name]
    return [
        record.code for record in read_records(io.BytesIO(content()), kind, None, GAP, datetime.now(UTC)) if isinstance(record, RecordError)
    ]


def test_nested_texts_of_an_index_entry_are_ignored() -> None:
    records = list(read_records(io.BytesIO(INDEX), "sessions_index", "ann", GAP, datetime.now(UTC)))

    [facts] = [record for record in records if isinstance(record, SessionFacts)]
    assert (facts.session_id, facts.project_path, facts.title) == ("s-1", "/p", "hi")
    assert records[-1].unknown_records == {"(none)": 2}  # type: ignore[union-attr]
