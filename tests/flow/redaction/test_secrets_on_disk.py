"""Secrets of every kind, in every context and by every route: hardly one is in any file on disk afterwards."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import re2

from tests.flow.conftest import Stack
from tests.seeded_secrets import Seeded, corpus
from tests.servers import Server

NEEDED_SHARE = 0.99


@pytest.fixture
def session_id(stack: Stack) -> str:
    session_id = str(uuid4())
    answer = stack.http.post("/api/sessions/start", json={"session_id": session_id, "project_path": "/home/ann/vault", "user": "ann"})
    assert answer.status_code == 201
    return session_id


def one_by_one(stack: Stack, session_id: str, seeded: list[Seeded]) -> None:
    for number, secret in enumerate(seeded):
        if number % 2:
            path, body = "/api/conversations", {"role": "user", "content": secret.text}
        else:
            path, body = "/api/tool-calls", {"tool_name": "Bash", "result_status": "success", "parameters": {"command": [secret.text]}}
        answer = stack.http.post(
            path, json=body | {"session_id": session_id}, headers={"Prefer": "wait=20" if number > len(seeded) - 3 else ""}
        )
        assert answer.status_code == 201, answer.text


def at_once(stack: Stack, session_id: str, seeded: list[Seeded]) -> None:
    items = [{"type": "conversation", "session_id": session_id, "role": "assistant", "content": secret.text} for secret in seeded]
    # An item that is refused is not quoted either.
    items += [item | {"role": item["content"]} for item in items[:50]]
    answer = stack.http.post("/api/events", json=items, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["status"]) == (200, len(seeded), "persisted")
    assert not leaked(seeded, [answer.content])


def as_claude_json(stack: Stack, _session_id: str, seeded: list[Seeded]) -> None:
    history = [{"display": secret.text, "pastedContents": {}} for secret in seeded]
    uploaded(stack, "claude.json", json.dumps({"numStartups": 1, "projects": {f"/{uuid4()}": {"history": history}}}).encode())


def as_transcript(stack: Stack, _session_id: str, seeded: list[Seeded]) -> None:
    uploaded(stack, "session.jsonl", transcript(seeded))


def as_archive(stack: Stack, _session_id: str, seeded: list[Seeded]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for start in range(0, len(seeded), 100):
            archive.writestr(f"projects/-home-ann/{start}.jsonl", transcript(seeded[start : start + 100]))
    uploaded(stack, "laptop.zip", content.getvalue())


def transcript(seeded: Iterable[Seeded]) -> bytes:
    """A prompt, an answer or a call of each, in turn."""
    session_id, rows = str(uuid4()), []
    for number, secret in enumerate(seeded):
        match number % 3:
            case 0:
                message: dict[str, Any] = {"role": "user", "content": secret.text}
            case 1:
                message = {
                    "role": "assistant",
                    "id": f"msg_{uuid4().hex}",
                    "model": "claude-opus-4-5",
                    "content": [{"type": "text", "text": secret.text}],
                }
            case _:
                call = {
                    "type": "tool_use",
                    "id": f"toolu_{uuid4().hex}",
                    "name": "Write",
                    "input": {"file_path": "/a", "content": secret.text},
                }
                message = {"role": "assistant", "id": f"msg_{uuid4().hex}", "model": "claude-opus-4-5", "content": [call]}
        row = {
            "type": message["role"],
            "uuid": str(uuid4()),
            "sessionId": session_id,
            "timestamp": "2026-11-20T10:00:00.000Z",
            "cwd": "/home/ann",
            "message": message,
        }
        rows.append(json.dumps(row))
    return "\n".join(rows).encode() + b"\n"


def uploaded(stack: Stack, name: str, content: bytes) -> None:
    answer = stack.http.post("/api/import/claude-data", files={"file": (name, content)}, headers={"Prefer": "wait=30"})
    assert (answer.status_code, answer.json()["status"], answer.json()["errors"]) == (200, "succeeded", []), answer.text
    job = stack.http.get(f"/api/import/jobs/{answer.json()['job_id']}").json()
    assert sum(job["redactions"].values()) > 100


WAYS: dict[str, Callable[[Stack, str, list[Seeded]], None]] = {
    "one by one": one_by_one,
    "at once": at_once,
    "claude.json": as_claude_json,
    "transcript": as_transcript,
    "zip": as_archive,
}


def leaked(seeded: list[Seeded], contents: Iterable[bytes]) -> Counter[tuple[str, str]]:
    """The secrets that are found, by kind and surrounding."""
    options = re2.Options()
    options.max_mem = 256 * 1024**2
    needles = re2.Set.SearchSet(options)
    owners = [number for number, secret in enumerate(seeded) for needle in secret.needles if needles.Add(re2.escape(needle)) >= 0]
    needles.Compile()
    found = {owners[index] for content in contents for index in needles.Match(content) or ()}
    return Counter((seeded[number].kind, seeded[number].surrounding) for number in found)


def files_of(folder: Path) -> Iterable[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_almost_no_seeded_secret_reaches_any_file(
    stack: Stack, session_id: str, postgres_server: Server, redis_server: Server, way: str
) -> None:
    # Given a secret of every kind in every surrounding, and one message that proves that such things are found
    seeded = list(corpus(sum(way.encode())))
    marker = Seeded("marker", "none", f"marker{uuid4().hex}", ())

    # When all of it comes in
    WAYS[way](stack, session_id, [*seeded, marker])
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")

    # Then at least 99 of 100 are in no file of the databases, logs and uploads, the write-ahead logs included
    everywhere = chain(postgres_server.files(), redis_server.files(), files_of(stack.log_folder))
    contents = [content for content in everywhere if content]
    assert any(marker.text.encode() in content for content in contents)
    found = leaked(seeded, contents)
    print(f"{way}: {found.total()} of {len(seeded)} on the disk {found or ''}")
    assert found.total() <= (1 - NEEDED_SHARE) * len(seeded), found
    # Nor in a row, where a file would have it compressed.
    rows = [
        str(stack.select(f"SELECT t::text FROM {table} AS t")).encode()
        for (table,) in stack.select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    assert leaked(seeded, rows).total() <= (1 - NEEDED_SHARE) * len(seeded)


def test_redactions_are_counted(stack: Stack, session_id: str) -> None:
    stack.http.post("/api/conversations", json={"session_id": session_id, "role": "user", "content": "npm_" + "a1B2" * 9})
    assert 'tracker_redactions_total{kind="npm_token"}' in stack.http.get("/metrics").text
