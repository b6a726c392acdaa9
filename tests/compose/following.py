"""Every kind of job is asked for at the gateway and followed to its end, and what the containers have logged meanwhile has no error."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from deploy.containers import compose
from shared.retention import WHAT
from tests.compose.stack import Composed
from tests.faults.pace import stretched, wait_until

JOB_SECONDS = 180.0
ENDED = ("succeeded", "failed", "cancelled", "expired")
OLD = "2020-05-0{day}T10:00:00Z"
KEPT_DAYS = 1_000
SECRET = "a-word-that-must-go"
# As Postgres and nginx write them; ours are JSON.
SERVERS_ERRORS = (" ERROR:  ", " FATAL:  ", " PANIC:  ", "[error]", "[crit]", "[alert]", "[emerg]")
# Postgres to who asks whether it is ready yet; and to who gives way to others after a second, as VACUUM does.
EXPECTED = ("FATAL:  the database system is starting up", "ERROR:  canceling statement due to lock timeout")


def every_kind(stack: Composed) -> str:
    """AssertionError with the job that did not succeed."""
    with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
        _fill(client)
        imported = _imported_session(stack)
        jobs: dict[str, Callable[[], Any]] = {
            "export": lambda: _followed(client, "exports", _ask(client, "POST", "/api/exports", {"user": "jobs-ann"})["export_id"]),
            "move": lambda: _move(stack),
            "merge of users": lambda: _repeated(client, "/api/users/jobs-bob", {"name": "jobs-ann"}),
            "merge of projects": lambda: _merge_projects(client),
            "reprice": lambda: _followed(client, "reprices", _ask(client, "POST", "/api/reprice", {})["reprice_id"]),
            "scrub": lambda: _followed(client, "scrubs", _ask(client, "POST", "/api/scrubs", {"texts": [SECRET]})["scrub_id"]),
            "retention": lambda: _retain(client),
            "erasure of a session": lambda: _erase(client, {"session_id": imported}, imported),
            "erasure of a person": lambda: _erase(client, {"user": "jobs-ann"}, "jobs-ann"),
        }
        for what, follow in jobs.items():
            try:
                follow()
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from None
        left = client.get("/api/search", params={"q": SECRET}).json()
        assert not left["items"], left
    with stack.database() as connection:
        [(files,)] = connection.execute("SELECT count(*) FROM transcript_files WHERE session_id = %s", (imported,)).fetchall()
    assert files == 0, files
    return f"{', '.join(jobs)}: each has succeeded"


def no_errors(stack: Composed) -> str:
    """The containers that run now, from their start: AssertionError with each line of an error, and each traceback."""
    stack.use()
    found: list[str] = []
    lines = 0
    for one in compose.containers(also_stopped=True):
        output = subprocess.run(["docker", "logs", one["ID"]], capture_output=True, text=True, check=True)
        said = (output.stdout + output.stderr).splitlines()
        lines += len(said)
        found += [f"{one['Service']}: {line[:500]}" for line in said if _is_error(line)]
    assert not found, "\n".join(found[:20])
    return f"{lines:,} lines, no error"


def _is_error(line: str) -> bool:
    if line.startswith("{"):
        return json.loads(line).get("level") in ("error", "critical")
    return line.startswith("Traceback") or (any(word in line for word in SERVERS_ERRORS) and not any(each in line for each in EXPECTED))


def _ask(client: httpx.Client, method: str, path: str, body: Any) -> dict[str, Any]:
    answer = client.request(method, path, json=body, headers={"Prefer": "wait=30"})
    assert answer.status_code in (200, 201, 202), (method, path, answer.status_code, answer.text)
    found: dict[str, Any] = answer.json()
    return found


def _followed(client: httpx.Client, kind: str, job_id: str) -> dict[str, Any]:
    """Its last answer. AssertionError if it does not succeed."""
    seen: dict[str, Any] = {}

    def has_ended() -> bool:
        seen.update(client.get(f"/api/{kind}/{job_id}").json())
        return seen.get("status") in ENDED

    assert wait_until(has_ended, JOB_SECONDS) and seen["status"] == "succeeded", seen
    return seen


def _repeated(client: httpx.Client, path: str, change: dict[str, Any]) -> None:
    """A change whose rows are moved meanwhile; repeating it tells whether they are."""
    seen: dict[str, Any] = {}

    def is_done() -> bool:
        seen.update(_ask(client, "PATCH", path, change))
        return seen["status"] == "done"

    assert wait_until(is_done, JOB_SECONDS), seen


def _fill(client: httpx.Client) -> None:
    """Sessions of two people in two projects, long ago and now, with what is scrubbed, merged, priced anew and dropped."""
    for number, (user, project) in enumerate([("jobs-ann", "/jobs/one"), ("jobs-bob", "/jobs/two")] * 2):
        session_id, at = f"jobs-{number}-{uuid4()}", OLD.format(day=number + 1) if number < 2 else None
        times = {} if at is None else {"timestamp": at}
        _ask(client, "POST", "/api/sessions/start", {"session_id": session_id, "project_path": project, "user": user, "start_time": at})
        said = {"session_id": session_id, "role": "assistant", "content": f"so {SECRET} it is", "model": "claude-opus-4-6"}
        _ask(client, "POST", "/api/conversations", said | times | {"usage": {"input_tokens": 10, "output_tokens": 20}})
        _ask(client, "POST", "/api/tool-calls", {"session_id": session_id, "tool_name": "Bash", "result_status": "success"} | times)


def _imported_session(stack: Composed) -> str:
    """One whose transcript is in the archive."""
    with stack.database() as connection:
        [(session_id,)] = connection.execute(
            "SELECT f.session_id FROM transcript_files AS f JOIN transcript_segments AS s ON s.file_id = f.id ORDER BY 1 LIMIT 1"
        ).fetchall()
    return str(session_id)


def _move(stack: Composed) -> None:
    """Into the same tracker, by another of its names: everything is there already, and equal."""
    command = [sys.executable, "-P", "-m", "client", "move", "--quiet", "--url", stack.url, "--to", f"http://localhost:{stack.port}"]
    environment = os.environ | {"PYTHONPATH": str(compose.REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=stretched(JOB_SECONDS))
    assert done.returncode == 0, done.stdout + done.stderr


def _merge_projects(client: httpx.Client) -> None:
    ids = {each["path"]: each["id"] for each in client.get("/api/projects").json()}
    _repeated(client, f"/api/projects/{ids['/jobs/two']}", {"merged_into": ids["/jobs/one"]})


def _retain(client: httpx.Client) -> None:
    """A rule for each kind. The day's load and what was imported stay; the sessions of long ago go, with this run or with the day's own."""
    for what in WHAT:
        _ask(client, "PUT", "/api/retention/rules", {"what": what, "days": KEPT_DAYS})
    answers: list[httpx.Response] = []

    def has_begun() -> bool:
        # 409: the day's run goes on.
        answers.append(client.post("/api/retention/runs", json={"rewrite": True}))
        return answers[-1].status_code != 409

    assert wait_until(has_begun, JOB_SECONDS) and answers[-1].status_code == 202, answers[-1].text
    _followed(client, "retention/runs", answers[-1].json()["run_id"])
    old = client.get("/api/sessions", params={"end_date": "2020-12-31"}).json()["items"]
    assert not [each for each in old if each["session_id"].startswith("jobs-")], old


def _erase(client: httpx.Client, what: dict[str, Any], confirm: str) -> None:
    """Asked for twice, it is one. The rest is what no erasure reaches, and tables that the worker's role may not write anew."""
    asked = [_ask(client, "POST", "/api/erasures", {"what": what, "confirm": confirm})["erasure_id"] for _ in range(2)]
    assert asked[0] == asked[1], asked
    erasure = _followed(client, "erasures", asked[0])
    assert not {"archive", "exports"} & erasure["remains"].keys(), erasure
