"""Texts that somebody gives to a scrub are in no store afterwards, are not kept anywhere while it runs, and do not come in again."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import STOP_SECONDS, Stack, running_stack, start
from tests.flow.redaction.planted_secrets import SECONDS, UNKNOWN, Secrets, plant_everywhere, transcript
from tests.searched_stores import Stores
from tests.servers import Server
from tests.worker_command import WORKER_COMMAND

# Each test has a database of its own, in Postgres and in Redis.
NUMBERS = {
    "test_given_texts_are_in_no_store_after_a_scrub_and_do_not_come_again": 17,
    "test_a_worker_that_is_killed_between_stages_leaves_no_text": 18,
}
_NDJSON = {"Content-Type": "application/x-ndjson", "X-Tracker-Machine": "planted-machine"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def filled(folder: Path, request: pytest.FixtureRequest, postgres_url: str, redis_server_url: str) -> Iterator[Stack]:
    """A stack with today's rules, which know nothing of the texts."""
    settings = {"TRACKER_ARCHIVE_URL": (folder / "archive").as_uri(), "TRACKER_BLOB_URL": (folder / "blobs").as_uri()}
    number = NUMBERS[request.function.__name__]
    with running_stack(folder, postgres_url, redis_server_url, number, **settings) as running:
        yield running


def started(stack: Stack, texts: list[str], **options: Any) -> str:
    answer = stack.http.post("/api/scrubs", json={"texts": texts} | options)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def ended(stack: Stack, location: str) -> dict[str, Any]:
    assert wait_until(lambda: stack.http.get(location).json()["status"] not in ("queued", "running"), 3 * SECONDS)
    scrub: dict[str, Any] = stack.http.get(location).json()
    assert scrub["status"] == "succeeded", scrub
    return scrub


def brought_again(stack: Stack, texts: list[str]) -> None:
    """The texts by every door that takes texts, as a laptop would send them that still has them."""
    session_id = str(uuid4())
    said = f"it is {' and '.join(texts)} as I said"
    wait = {"Prefer": "wait=20"}
    stack.http.post(
        "/api/sessions/start", json={"session_id": session_id, "project_path": f"/home/{texts[0]}/x", "user": texts[1]}, headers=wait
    )
    stack.http.post("/api/conversations", json={"session_id": session_id, "role": "user", "content": said}, headers=wait)
    call = {
        "session_id": session_id,
        "tool_name": texts[2],
        "result_status": "success",
        "parameters": {texts[3]: said},
        "result": {"text": said},
    }
    stack.http.post("/api/tool-calls", json=call, headers=wait)
    batch = [{"type": "conversation", "session_id": session_id, "role": "user", "content": said}]
    stack.http.post("/api/events", json=batch, headers=wait)
    hook = {"session_id": session_id, "cwd": f"/home/{texts[4]}", "hook_event_name": "UserPromptSubmit", "prompt": said}
    stack.http.post("/api/hooks", content=json.dumps(hook).encode(), headers={"Content-Type": "application/json"})
    captured, imported = str(uuid4()), str(uuid4())
    again = iter(texts * 3)
    lines = b"".join(transcript(captured, lambda _: next(again), "range"))  # type: ignore[arg-type]  # it names no field
    path = f"/api/transcripts/{captured}"
    assert stack.http.put(path, params={"file": f"{captured}.jsonl", "offset": 0}, content=lines, headers=_NDJSON).status_code == 200
    lines = b"".join(transcript(imported, lambda _: next(again), "import"))  # type: ignore[arg-type]
    files = {"file": (f"{texts[5]}.jsonl", lines)}
    answer = stack.http.post("/api/import/claude-data", files=files, data={"user": texts[6]}, headers={"Prefer": "wait=50"})
    assert answer.json()["status"] == "succeeded", answer.text
    assert stack.http.patch(f"/api/sessions/{session_id}", json={"tags": [texts[7]], "note": said, "title": texts[8]}).status_code == 200
    stored = f"SELECT count(*) FROM messages WHERE session_id IN ('{session_id}', '{captured}', '{imported}')"
    assert wait_until(lambda: int(str(stack.select(stored)[0][0])) >= 6, SECONDS), stack.select(stored)
    assert wait_until(lambda: stack.select("SELECT count(*) FROM hook_payloads") == [(0,)] and stack.is_searchable(), SECONDS)


def kill(worker: int) -> None:
    """The worker with the processes of its pool, none of which gets to end anything."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    for pid in (worker, *map(int, children)):
        os.kill(pid, signal.SIGKILL)


def test_given_texts_are_in_no_store_after_a_scrub_and_do_not_come_again(
    filled: Stack, postgres_server: Server, redis_server: Server
) -> None:
    # Given texts that no rule knows, one in every text of every door
    plant = Secrets(UNKNOWN)
    plant_everywhere(filled, plant)
    texts = list(plant.by_secret)
    stores = Stores(filled, postgres_server, redis_server)
    assert len(texts) > 70
    assert plant.by_secret.keys() - stores.places_of(texts).keys() == set()

    # When a dry run counts them
    counted = ended(filled, started(filled, texts[:20], dry_run=True))

    # Then it tells where they are, changes nothing, and keeps nothing
    assert counted["rows_changed"] == sum(counted["changed_in"].values()) > 10
    assert {"files", "names", "users", "redis"} <= counted["changed_in"].keys()
    assert filled.select("SELECT (SELECT count(*) FROM scrub_texts), (SELECT count(*) FROM kept_out_texts)") == [(0, 0)]
    assert set(texts[:20]) <= stores.places_of(texts).keys()

    # When all are scrubbed
    for at in range(0, len(texts), 20):
        scrub = ended(filled, started(filled, texts[at : at + 20]))
        assert scrub["redactions"].keys() == {"text"}

    # Then they are in no row, file, key, folder, log or answer, and what was given is kept nowhere
    assert stores.places_of(texts) == {}
    assert filled.select("SELECT count(*) FROM scrub_texts") == [(0,)]
    assert {"backups", "logs", "replicas", "copies", "identifiers", "texts"} == scrub["remains"].keys()

    # When a machine that still has them brings them again
    brought_again(filled, texts)

    # Then they are replaced before anything is stored
    found = stores.places_of(texts)
    assert found == {}


def test_a_worker_that_is_killed_between_stages_leaves_no_text(
    filled: Stack, postgres_server: Server, redis_server: Server, folder: Path
) -> None:
    # Given texts in every store, and a scrub of them
    plant = Secrets(UNKNOWN, seed=2)
    plant_everywhere(filled, plant)
    texts = list(plant.by_secret)[:20]
    stores = Stores(filled, postgres_server, redis_server)
    location = started(filled, texts, keep_out=False)

    # When its worker dies in the middle, again and again
    worker, killed = filled.pids["worker"], set[str]()
    again: list[subprocess.Popen[bytes]] = []
    try:
        stage = f"SELECT coalesce(at_stage, '') FROM jobs WHERE id = '{location.rpartition('/')[2]}'"
        while True:
            assert wait_until(lambda: str(filled.select(stage)[0][0]) not in {"", "texts", "journal"} | killed, 2 * SECONDS)
            at = str(filled.select(stage)[0][0])
            if at == "done" or len(killed) == 2:
                break
            killed.add(at)
            kill(worker)
            # While it is dead, what was given is in no file.
            assert not [place for place in stores.places_of(texts, feed=False).values() if any("scrub" in each for each in place)]
            again.append(start(f"worker-{len(killed)}", WORKER_COMMAND, filled.environment, folder))
            worker = again[-1].pid

        # Then the scrub goes on to its end, nothing is left, and what was given is kept nowhere
        scrub = ended(filled, location)
        assert len(killed) == 2, killed
        assert stores.places_of(texts) == {}
        assert filled.select("SELECT (SELECT count(*) FROM scrub_texts), (SELECT count(*) FROM kept_out_texts)") == [(0, 0)]
        assert scrub["redactions"].keys() == {"text"}
    finally:
        for process in again:
            process.send_signal(signal.SIGTERM)
        for process in again:
            process.wait(STOP_SECONDS)
