"""Ann, bob and zed in two projects, with private and shared sessions, and every kind of key.

Texts that only others may see have the word SECRET; those that bob shares have SHARED; ann's have OWN.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from shared.auth.keys import new_key
from tests.integration.keys.conftest import Api, log_in
from tests.integration.query import seed
from tests.stored_transcripts import add_file

SECRET, SHARED, OWN = "bobsecret", "bobshared", "annsown"
NOON: Final = datetime(2024, 5, 1, 12, tzinfo=UTC)
ANNS, BOBS_SHARED, CARLS = "annsown-session", "bobshared-session", "carl-session"
MISSING = "missing-session"

VISIBILITIES = (None, "private", "shared")
AT = "2024-05-01T12:00:00Z"


@dataclass
class People:
    """Ids of what there is. `hidden`: of rows that only others may see; `sessions`: all their sessions."""

    alpha: int
    beta: int
    users: dict[str, int]
    calls: dict[str, UUID] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    # The part of a project in which bob worked. Names of ids in paths, and of what is neither ann's nor carl's.
    parts: dict[int, int] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)


def settle(connection: psycopg.Connection[Any]) -> People:
    """Ann has a private session, bob one that he shares and carl one, in alpha and beta. All are indexed and counted."""
    alpha, beta = seed.add_project(connection, "/home/team/alpha"), seed.add_project(connection, "/home/team/beta")
    users = {name: seed.add_user(connection, name) for name in ("ann", "bob", "carl")}
    people = People(alpha, beta, users)
    add_session(connection, people, ANNS, alpha, "ann", OWN)
    add_session(connection, people, BOBS_SHARED, alpha, "bob", SHARED)
    connection.execute("UPDATE session_marks SET visibility = 'shared' WHERE session_id = %s", (BOBS_SHARED,))
    add_session(connection, people, CARLS, beta, "carl", "carls")
    seed.compute_totals(connection)
    return people


def hide(connection: psycopg.Connection[Any], people: People, project_id: int, name: str) -> str:
    """Bob's private session in a project, zed's, who shares nothing, and one of nobody. The id of bob's."""
    people.users.setdefault(f"{SECRET}-zed", 0)
    if not people.users[f"{SECRET}-zed"]:
        people.users[f"{SECRET}-zed"] = seed.add_user(connection, f"{SECRET}-zed")
    session_id = f"{SECRET}-{name}"
    add_session(connection, people, session_id, project_id, "bob", SECRET, is_hidden=True)
    # The same words, files, tools, branches and tags as ann has: only how often may tell.
    add_session(connection, people, f"{SECRET}-{name}-alike", project_id, "bob", OWN, is_hidden=True)
    add_session(connection, people, f"{SECRET}-{name}-zed", project_id, f"{SECRET}-zed", SECRET, is_hidden=True)
    add_session(connection, people, f"{SECRET}-{name}-nobody", project_id, None, SECRET, is_hidden=True)
    people.hidden.add(str(seed.add_tool_call(connection, None, NOON, f"{SECRET}Tool", parameters=f'{{"command": "{SECRET}"}}')))
    hide_part(connection, people, project_id, session_id)
    hide_what_admins_did(connection, people, project_id, session_id)
    seed.compute_totals(connection)
    return session_id


def hide_part(connection: psycopg.Connection[Any], people: People, project_id: int, session_id: str) -> None:
    """Another path of a project, in which bob alone worked: in its group, of its repository, with changes, a rule and places that name it."""
    path = f"/home/{session_id}/part"
    part = people.parts[project_id] = seed.add_project(connection, path)
    connection.execute(
        """UPDATE projects SET part_of = %(whole)s, merged_into = %(whole)s, merged_by = 'path_rule', merge_evidence = %(pattern)s, merged_at = now(),
            group_name = %(group)s, repository = %(repository)s WHERE id = %(part)s""",
        {
            "whole": project_id,
            "part": part,
            "pattern": f"/home/{session_id}/*",
            "group": f"{SECRET}-group",
            "repository": f"git.example/{SECRET}",
        },
    )
    connection.execute("UPDATE sessions SET path_project_id = %s WHERE session_id = %s", (part, session_id))
    connection.execute("UPDATE messages SET path_project_id = %s WHERE session_id = %s", (part, session_id))
    connection.execute("INSERT INTO project_rules (pattern, project_id) VALUES (%s, %s)", (f"/home/{session_id}/*", project_id))
    for changed in (part, project_id):
        note = "INSERT INTO project_changes (project_id, who, before, after) VALUES (%s, %s, '{}', %s)"
        connection.execute(note, (changed, SECRET, json.dumps({"name": SECRET})))
    place = "INSERT INTO project_places (told_by, path, remote) VALUES (%s, %s, %s)"
    connection.execute(place, (f"{SECRET}-machine", path, f"git.example/{SECRET}"))


def hide_what_admins_did(connection: psycopg.Connection[Any], people: People, project_id: int, session_id: str) -> None:
    """An export of bob's, an erasure, rules and runs of retention, a session without texts, and one that was dropped with its numbers left."""
    bob, export_id, erasure_id, run_id = people.users["bob"], some_id(), some_id(), some_id()
    people.jobs |= {"export_id": export_id, "erasure_id": erasure_id, "run_id": run_id, "job_id": export_id}
    people.hidden |= {export_id, erasure_id, run_id}
    connection.execute(
        "INSERT INTO import_jobs (id, kind, status, files, user_name, selection) VALUES (%s, 'export', 'succeeded', '[]', 'bob', %s)",
        (export_id, json.dumps({"user": SECRET})),
    )
    connection.execute(
        "INSERT INTO exports (id, bound_user, expires_at, blob_url) VALUES (%s, 'bob', now() + interval '1 day', %s)",
        (export_id, f"file:///{SECRET}.zip"),
    )
    connection.execute(
        "INSERT INTO jobs (kind, id, options, names, status) VALUES ('erasure', %s, '{\"of\": \"session\"}', %s, 'succeeded')",
        (erasure_id, [f"{session_id}-erased"]),
    )
    connection.execute("INSERT INTO jobs (kind, id, status, is_dry_run) VALUES ('retention', %s, 'succeeded', true)", (run_id,))
    connection.execute(
        "INSERT INTO retention_counts (run_id, what, project_id, sessions, rows, bytes) VALUES (%s, 'texts', %s, 7, 7, 7)",
        (run_id, project_id),
    )
    rule = "INSERT INTO retention_rules (what, project_id, days) VALUES ('texts', %s, 9)"
    connection.execute(rule, (project_id,))
    connection.execute("INSERT INTO dropped_texts (session_id, before, is_done) VALUES (%s, now(), true)", (session_id,))
    connection.execute(
        "INSERT INTO base_sessions (project_id, user_id, dated_at, last_event_at, active_ranges)"
        " SELECT %s, %s, dated_at, last_event_at, active_ranges FROM sessions WHERE session_id = %s",
        (project_id, bob, ANNS),
    )
    for table in ("activity_rollups", "usage_rollups", "file_rollups"):
        owner = "project_id, user_id" if table != "file_rollups" else "project_id"
        found = connection.execute(
            """SELECT string_agg(column_name, ', ') FROM information_schema.columns
               WHERE table_name = %(base)s AND column_name NOT IN ('project_id', 'user_id', 'path_project_id', 'brought_by')""",
            {"base": f"base_{table}"},
        ).fetchall()
        columns = found[0][0]
        connection.execute(
            f"INSERT INTO base_{table} ({owner}, {columns}) SELECT {'%(project)s, %(bob)s' if 'user' in owner else '%(project)s'}, {columns}"
            f" FROM {table} WHERE grain_minutes > 0 ORDER BY grain_minutes, bucket_start, {owner.replace(',', ' DESC,')} DESC LIMIT 1",
            {"project": project_id, "bob": bob},
        )


def add_session(
    connection: psycopg.Connection[Any],
    people: People,
    session_id: str,
    project_id: int,
    user: str | None,
    word: str,
    *,
    is_hidden: bool = False,
) -> None:
    """Everything that a session can have, each with the word."""
    user_id = 0 if user is None else people.users[user]
    at = NOON
    columns = {"title": f"{word} title", "git_branch": f"{word}-branch", "model": f"{word}-model", "source": "hook", "started_at": at}
    seed.add_session(connection, session_id, project_id, user_id, **columns)
    path = f"/home/team/{word}.py"
    ids = [
        seed.add_message(connection, session_id, at, f"{word} asks common"),
        seed.add_message(connection, session_id, at + timedelta(minutes=1), f"{word} answers common", role="assistant"),
        seed.add_activity(connection, session_id, at + timedelta(minutes=2), path, patch=f"+{word}"),
        seed.add_timeline_entry(connection, session_id, at, "command", f"/{word}", details='{"type":"prompt"}'),
        seed.add_api_call(connection, session_id, at, model=f"{word}-model", input_tokens=7, cost_nano_usd=5_000_000, price_version=word),
    ]
    call = seed.add_document(connection, session_id, at + timedelta(minutes=3), f"{word} common", result=f"{word} result", is_error=True)
    failed = seed.add_tool_call(
        connection, session_id, at, f"{word}Tool", status="error", error_class=f"{word}_class", parameters=f'{{"command": "{word}"}}'
    )
    people.calls[session_id] = call
    for kind, content in (("session", f"{word} title"), ("file", path)):
        ids.append(seed.add_document(connection, session_id, at, content, kind=kind))
    marks = "INSERT INTO session_marks (session_id, is_starred, tags, tag_keys, note) VALUES (%s, true, %s, %s, %s) ON CONFLICT DO NOTHING"
    connection.execute(marks, (session_id, [f"{word}-tag"], [f"{word}-tag"], f"{word} note"))
    machine = f"{word}-machine"
    expiring = {"session_id": session_id, "file": f"{word}.jsonl", "bytes": 1, "project_path": f"/{word}"}
    times = {"changed_at": "2024-05-01T12:00:00Z", "deleted_after": "2024-06-01T12:00:00Z"}
    report = json.dumps({"os": f"{word}-os", "expiring": [expiring | times]})
    connection.execute(
        "INSERT INTO machines (machine_id, name, user_name, report, first_seen_at, last_heard_at) VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (machine, machine, user, report, at, at),
    )
    connection.execute("INSERT INTO session_machines (session_id, machine_id) VALUES (%s, %s)", (session_id, machine))
    add_file(connection, None, session_id, f'{{"said":"{word}"}}\n'.encode(), archived=0, changed_at=at)
    seed.add_signs(connection, session_id, heard_at=at)
    connection.execute(
        "INSERT INTO quota_readings (user_id, machine_id, source, kind, resets_at, used_percentage, first_read_at, last_read_at)"
        " VALUES (%s, %s, 'status_line', %s, %s, 42, %s, %s) ON CONFLICT DO NOTHING",
        (user_id or 0, machine, f"{word}_window", at, at, at),
    )
    connection.execute("INSERT INTO status_lines (session_id, read_at, model) VALUES (%s, %s, %s)", (session_id, at, f"{word}-model"))
    connection.execute(
        "INSERT INTO session_processes (session_id, machine_id, pid, read_at, is_alive, does, does_since, heard_at)"
        " VALUES (%s, %s, 1, %s, true, 'permission', %s, %s)",
        (session_id, machine, at, at, at),
    )
    connection.execute(
        "INSERT INTO agent_signs (session_id, agent_id, began_at, worked_at, heard_at) VALUES (%s, %s, %s, %s, %s)",
        (session_id, f"{word}-agent", at, at, at),
    )
    connection.execute(
        "INSERT INTO signals (id, session_id, kind, name, occurred_at, tool_call_id, attributes, received_at, is_new)"
        " VALUES (gen_random_uuid(), %s, 'event', 'tool_result', %s, %s, %s, %s, false)",
        (session_id, at, call, json.dumps({"branch": f"{word}-telemetry", "commit": f"{word}-commit"}), at),
    )
    if is_hidden:
        people.hidden |= {str(each) for each in (*ids, call, failed)} | {session_id}


@dataclass
class Keys:
    """A key for each kind of right; `login` is a cookie of `ann`."""

    by_name: dict[str, str | None]

    def headers(self, name: str) -> dict[str, str]:
        """The headers of a request with this key."""
        key = self.by_name[name]
        if name == "login":
            return {"cookie": f"tracker_login={key}", "sec-fetch-site": "same-origin"}
        return {} if key is None else {"Authorization": f"Bearer {key}"}


def keys_of(api: Api, people: People) -> Keys:
    """Every kind."""
    ann = api.key("read", user="ann")
    return Keys(
        {
            "none": None,
            "wrong": new_key()[0],
            "ingest": api.key("ingest"),
            "read": api.key("read"),
            "numbers": api.key("numbers"),
            "metrics": api.key("metrics"),
            "admin": api.key("admin"),
            "ann": ann,
            "ann numbers": api.key("numbers", user="ann"),
            "ann writes": api.key("ingest", "read", user="ann"),
            "team": api.key("read", users=["ann", "carl"]),
            "alpha": api.key("read", projects=[people.alpha]),
            "ann in alpha": api.key("read", user="ann", projects=[people.alpha]),
            "lead": api.key("numbers", "read", users=["ann", "carl"]),
            "login": log_in(api, ann),
        }
    )


def some_id() -> str:
    """An id that nothing has."""
    return str(uuid4())


def build(connection: psycopg.Connection[Any]) -> dict[str, bool | None]:
    """A session of bob's for each word of its project and of its own. By id whether it is shared, None as the server says."""
    bob = seed.add_user(connection, "bob")
    seed.add_user(connection, "ann")
    sessions: dict[str, bool | None] = {}
    for of_project in VISIBILITIES:
        project = seed.add_project(connection, f"/{of_project}")
        connection.execute("UPDATE projects SET visibility = %s WHERE id = %s", (of_project, project))
        for own in VISIBILITIES:
            session_id = f"{of_project}-{own}"
            seed.add_session(connection, session_id, project, bob, started_at=AT)
            seed.add_message(connection, session_id, AT, f"words of {session_id}")
            if own:
                connection.execute("INSERT INTO session_marks (session_id, visibility) VALUES (%s, %s)", (session_id, own))
            said = own or of_project
            sessions[session_id] = None if said is None else said == "shared"
    seed.compute_totals(connection)
    return sessions
