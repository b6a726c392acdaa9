"""`tracker retention` against the real API and worker: says what would go, drops it, and lets it come again."""

import json
from uuid import uuid4

import psycopg

from deploy.embedded.supervision.processes import wait_until
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack

WAIT = {"Prefer": "wait=30"}


def texts_of(stack: Stack, session_id: str) -> list[str]:
    found = stack.http.get("/api/conversations", params={"session_id": session_id}).json()["items"]
    return sorted(message["content"] for message in found)


def start(stack: Stack, project: str) -> str:
    """A session of February with one prompt; its id."""
    session_id, at = str(uuid4()), "2026-02-01T10:00:00Z"
    begun = {"session_id": session_id, "project_path": f"/home/ann/{project}", "start_time": at, "user": "ann"}
    assert stack.http.post("/api/sessions/start", json=begun, headers=WAIT).status_code == 201
    said = {"session_id": session_id, "content": "Keep this for a while.", "role": "user", "timestamp": at}
    assert stack.http.post("/api/conversations", json=said, headers=WAIT).status_code == 201
    return session_id


def test_texts_of_a_project_go_after_their_days(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    project = f"kept-{uuid4().hex[:8]}"
    session_id = start(stack, project)
    # The day's run is over, so that beat begins none between the dry run and the look.
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(
            """INSERT INTO jobs (id, kind, status, options, finished_at)
               VALUES (gen_random_uuid(), 'retention', 'succeeded', '{"is_scheduled": true}', now())"""
        )

    done = tracker("retention", "set", "texts", "30", "--project", project)
    assert f"texts are kept for 30 days, of project {project}." in done.stdout, done.stderr
    said = json.loads(tracker("retention", "--dry-run", "--json").stdout)
    # More may be due in this stack, which other tests have left.
    assert [(each["sessions"], each["rows"]) for each in said["dropped"] if each["project_name"] == project] == [(1, 1)]
    assert texts_of(stack, session_id) == ["Keep this for a while."]

    # Another test's run may still be going on, and there is one at a time.
    assert wait_until(lambda: tracker("retention", "run").returncode == 0, 60)

    assert texts_of(stack, session_id) == [""]
    assert stack.http.get(f"/api/sessions/{session_id}").json()["messages_count"] == 1
    shown = tracker("retention", COLUMNS="120").stdout
    assert f"project {project}" in shown
    assert "30 days" in shown
    assert "Its texts may come again." in tracker("retention", "allow", session_id).stdout
    assert "The rule is taken back." in tracker("retention", "unset", "texts", "--project", project).stdout
    assert tracker("retention", "unset", "texts", "--project", project).returncode == 1


def test_a_rule_is_said_in_the_number_of_its_word_and_a_run_need_not_be_waited_for(stack: Stack, tracker: Run) -> None:
    said = [tracker("retention", "set", what, "36500").stdout.splitlines()[0] for what in ("archive", "audit", "jobs")]

    assert said == [f"{what} kept for 36,500 days." for what in ("archive is", "audit is", "jobs are")]
    assert wait_until(lambda: "The run has started" in tracker("retention", "run", "--no-wait").stdout, 60)
    for what in ("archive", "audit", "jobs"):
        assert tracker("retention", "unset", what).returncode == 0
    assert wait_until(lambda: tracker("retention", "run", "--wait").returncode == 0, 60)


def test_numbers_of_dropped_sessions_stand_apart_where_their_branch_is_not_known(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    # Given a session of February with an answer, which goes
    project = f"gone-{uuid4().hex[:8]}"
    answer = {"session_id": start(stack, project), "content": "Kept.", "role": "assistant", "model": "claude-opus-4-6"}
    answer |= {"timestamp": "2026-02-01T10:01:00Z", "usage": {"input_tokens": 1_000_000, "output_tokens": 10}}
    assert stack.http.post("/api/conversations", json=answer, headers=WAIT).status_code == 201
    of_it = ("--project", project, "--since", "2026-02-01", "--until", "2026-02-01", "--tz", "UTC")
    [block] = json.loads(tracker("blocks", *of_it, "--json").stdout)
    tracker("retention", "set", "sessions", "30", "--project", project)
    assert wait_until(lambda: tracker("retention", "run").returncode == 0, 60)
    assert wait_until(lambda: stack.http.get(f"/api/sessions/{answer['session_id']}").status_code == 404, 60)

    # When the terminal is asked for them, then it has the numbers, and says what nobody knows any more
    [row] = json.loads(tracker("usage", "--by", "branch", *of_it, "--json").stdout)
    assert (row["is_kept"], row["branch"], row["cost_usd"]) == (False, None, block["cost_usd"])
    for question in ("report", "usage"):
        for by in ("branch", "machine", "session"):
            shown = tracker(question, "--by", by, *of_it, COLUMNS="140").stdout
            assert ("sessions not kept" in shown, f"${block['cost_usd']:.2f}" in shown) == (True, True), shown
    said = tracker("blocks", *of_it, COLUMNS="140").stdout.splitlines()[2]
    assert f"${block['cost_usd']:.2f}" in said
    assert "claude-opus" not in said
    [dropped] = json.loads(tracker("blocks", *of_it, "--json").stdout)
    assert (block["sessions"], dropped["sessions"], dropped["dropped_calls"]) == (1, None, 1)
    compared = tracker("report", "--compare", "--by", "branch", *of_it, COLUMNS="140").stdout
    assert "sessions not kept" in compared


def test_what_is_no_number_of_days_is_refused(tracker: Run) -> None:
    refused = tracker("retention", "set", "texts", "soon")

    assert refused.returncode == 1
    assert "`forever`" in refused.stderr
