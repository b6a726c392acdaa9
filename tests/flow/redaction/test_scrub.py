"""A scrub from request to redacted rows: over HTTP and by `tracker scrub`, with a real worker."""

import json
from pathlib import Path
from uuid import uuid4

import psycopg

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Run, Stack

SECONDS = 60


def stored_before_there_were_rules(stack: Stack) -> tuple[str, str]:
    """A session's id and the secret of its message, put there behind the services' back."""
    session_id, secret = str(uuid4()), f"hf_{uuid4().hex}{uuid4().hex[:2]}"
    stack.http.post("/api/sessions/start", json={"session_id": session_id, "project_path": "/home/ann/old"})
    body = {"session_id": session_id, "role": "user", "content": "plain words"}
    message = stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=20"}).json()
    assert message["status"] == "persisted"
    with psycopg.connect(stack.database_url) as connection:
        content = f"export TOKEN={secret}"
        connection.execute("UPDATE messages SET content = %s WHERE id = %s", (content, message["id"]))
    assert found(stack, secret) == 1
    return session_id, secret


def found(stack: Stack, words: str) -> int:
    total: int = stack.http.get("/api/conversations/search", params={"q": words}).json()["total"]
    return total


def test_a_scrub_removes_stored_secrets(stack: Stack) -> None:
    session_id, secret = stored_before_there_were_rules(stack)

    answer = stack.http.post("/api/scrubs", json={})

    assert (answer.status_code, answer.json()["dry_run"]) == (202, False)
    location = answer.headers["location"]
    assert location == f"/api/scrubs/{answer.json()['scrub_id']}"
    assert wait_until(lambda: stack.http.get(location).json()["status"] == "succeeded", SECONDS), stack.http.get(location).text
    scrub = stack.http.get(location).json()
    assert scrub["rows_changed"] >= 1
    assert scrub["redactions"]["huggingface_token"] >= 1
    assert found(stack, secret) == 0
    [message] = stack.http.get("/api/conversations", params={"session_id": session_id}).json()["items"]
    assert message["content"].startswith("export TOKEN=[redacted:huggingface_token:")


def test_the_scrub_command_counts_in_a_dry_run_and_then_changes(stack: Stack, tracker: Run) -> None:
    _, secret = stored_before_there_were_rules(stack)

    counted = tracker("scrub", "--dry-run", "--watch", "--json")
    assert (counted.returncode, json.loads(counted.stdout)["status"]) == (0, "succeeded"), counted.stderr
    assert json.loads(counted.stdout)["redactions"]["huggingface_token"] >= 1
    assert json.loads(counted.stdout)["remains"] == {}
    assert found(stack, secret) == 1

    changed = tracker("scrub", "--watch")
    assert changed.returncode == 0, changed.stderr
    assert "huggingface_token" in changed.stdout
    assert "What it could not reach:\n  backups: Backups from before" in changed.stdout
    assert found(stack, secret) == 0


def test_the_scrub_command_takes_texts_that_no_rule_knows(stack: Stack, tracker: Run, tmp_path: Path) -> None:
    # Given a message with a text that no rule knows
    session_id, text = str(uuid4()), f"vaku-{uuid4().hex[:12]}"
    stack.http.post("/api/sessions/start", json={"session_id": session_id, "project_path": "/home/ann/old"})
    body = {"session_id": session_id, "role": "user", "content": f"the word is {text}"}
    stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=20"})
    assert wait_until(lambda: found(stack, text) == 1, SECONDS)
    given = tmp_path / "texts"
    given.write_text(f"{text}\n\n")

    # When they are counted, then replaced
    counted = tracker("scrub", "--text-file", given, "--dry-run", "--wait")
    changed = tracker("scrub", "--text-file", given, "--wait", "--json")

    # Then it tells in which store they were, and they are gone
    assert (counted.returncode, changed.returncode) == (0, 0), counted.stderr + changed.stderr
    assert "By store: messages 1, redis 1, sessions 1." in counted.stdout
    assert text not in counted.stdout + changed.stdout
    scrub = json.loads(changed.stdout)
    assert scrub["changed_in"]["messages"] == 1
    assert (scrub["texts"], scrub["keep_out"]) == (1, True)
    assert found(stack, text) == 0

    # When the same is sent again, then it is replaced, until it is let in
    def sent_again() -> str:
        stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=20"})
        return str(stack.http.get("/api/conversations", params={"session_id": session_id}).json()["items"][0]["content"])

    assert sent_again().startswith("the word is [redacted:text:")
    let_in = tracker("scrub", "--let-in", scrub["scrub_id"])
    assert (let_in.returncode, let_in.stdout) == (0, "The texts are no longer kept out.\n"), let_in.stderr
    assert wait_until(lambda: text in sent_again(), SECONDS)


def test_a_text_is_no_argument_of_the_scrub_command(tracker: Run, tmp_path: Path) -> None:
    refused = tracker("scrub", "--text", "wv7K-2mPq-x9Rt")
    empty = tmp_path / "empty"
    empty.write_text("\n")

    assert refused.returncode == 2
    assert "shell's history" in refused.stderr.replace("\n", " ").replace("│ ", "")
    assert tracker("scrub", "--text-file", empty).stderr == "There is no text to scrub: give one on each line.\n"
    assert "cannot be read as text" in tracker("scrub", "--text-file", tmp_path / "none").stderr


def test_a_retried_request_is_the_same_scrub(stack: Stack) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = (stack.http.post("/api/scrubs", json={"dry_run": True}, headers=headers).json() for _ in range(2))
    assert first == again


def test_unknown_and_invalid_scrubs_are_refused(stack: Stack) -> None:
    unknown = stack.http.get(f"/api/scrubs/{uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "SCRUB_NOT_FOUND")
    refused = stack.http.post("/api/scrubs", json={"dry_run": "maybe"})
    assert (refused.status_code, refused.json()["details"]) == (400, {"dry_run": "must be true or false, not a text"})
