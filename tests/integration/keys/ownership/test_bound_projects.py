"""Keys bound to projects see what everybody sees of these projects and nothing else, and write only into their sessions."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.keys.conftest import Api, is_error
from tests.integration.keys.ownership.owners import forget, journaled_events
from tests.integration.query import world
from tests.stored_transcripts import add_file

LISTS = [
    "/api/sessions",
    "/api/sessions?by=active&include_share=true&start_date=2024-03-10&end_date=2024-03-31",
    "/api/conversations",
    "/api/conversations/search?q=message",
    "/api/conversations/search?sort=newest",
    "/api/activities",
    "/api/tool-calls",
    "/api/tool-calls?include_result=true",
]
SEARCHES = [
    "/api/conversations/search?q=prompt+or+message",
    "/api/activities?file_path=/home/dev/src/*",
    "/api/activities?file_path=/home/dev/src/file1.py",
]


@pytest.fixture
def alpha(api: Api) -> int:
    """The first project of a world of several; the second has the next id."""
    with psycopg.connect(api.database_url, autocommit=True, options="-c timezone=UTC") as connection:
        [first, *_] = world.build(connection).projects
    api.catch_up()
    return first


def listed(api: Api, key: str, path: str) -> list[Any]:
    answer = api.get(key, f"{path}{'&' if '?' in path else '?'}limit=1000")
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return [{name: value for name, value in item.items() if name != "score"} for item in items]


def test_lists_show_only_the_bound_projects(api: Api, alpha: int) -> None:
    everybody, bound, both = api.key("read"), api.key("read", projects=[alpha]), api.key("read", projects=[alpha, alpha + 1])
    for path in LISTS + SEARCHES:
        everything = listed(api, everybody, path)
        assert {item["project_id"] for item in everything} > {alpha}, path
        for key, projects in ((bound, {alpha}), (both, {alpha, alpha + 1})):
            expected = [item for item in everything if item["project_id"] in projects]
            seen = listed(api, key, path)
            if "q=" in path and "sort=newest" not in path:  # ranked among the newest of what the key sees
                seen, expected = (sorted(items, key=lambda item: item["id"]) for items in (seen, expected))
            assert seen == expected, path


def test_one_call_of_another_project_is_not_there(api: Api, alpha: int) -> None:
    key = api.key("read", projects=[alpha])
    calls = listed(api, api.key("read"), "/api/tool-calls")
    own = next(call for call in calls if call["project_id"] == alpha)
    other = next(call for call in calls if call["project_id"] != alpha)

    assert api.get(key, f"/api/tool-calls/{own['id']}").json()["id"] == own["id"]
    for path in (f"/api/tool-calls/{other['id']}", f"/api/tool-calls/{other['id']}/result"):
        assert is_error(api.get(key, path), 404, "TOOL_CALL_NOT_FOUND")


def test_pages_of_a_bound_list_are_complete(api: Api, alpha: int) -> None:
    key = api.key("read", projects=[alpha])
    whole, pages, cursor = listed(api, key, "/api/conversations"), [], ""
    while cursor is not None:
        page = api.get(key, f"/api/conversations?limit=7{cursor and f'&cursor={cursor}'}").json()
        pages += page["items"]
        cursor = page["next_cursor"]
    assert [item["id"] for item in pages] == [item["id"] for item in whole]


def test_a_cursor_is_refused_under_another_binding(api: Api, alpha: int) -> None:
    everybody, bound, other = api.key("read"), api.key("read", projects=[alpha]), api.key("read", projects=[alpha + 1])
    cursors = {key: api.get(key, "/api/conversations?limit=1").json()["next_cursor"] for key in (everybody, bound, other)}
    for mine in cursors:
        for theirs, cursor in cursors.items():
            answer = api.get(mine, f"/api/conversations?limit=1&cursor={cursor}")
            assert answer.status_code == (200 if mine == theirs else 400)
    assert api.get(api.key("read", projects=[alpha]), f"/api/conversations?limit=1&cursor={cursors[bound]}").status_code == 200


def test_objects_of_other_projects_are_404(api: Api, alpha: int) -> None:
    everybody, bound = api.key("read"), api.key("read", projects=[alpha])
    foreign = next(item for item in listed(api, everybody, "/api/sessions") if item["project_id"] == alpha + 1)["session_id"]
    own = next(item for item in listed(api, everybody, "/api/sessions") if item["project_id"] == alpha)["session_id"]
    assert api.get(bound, f"/api/sessions/{own}").json() == api.get(everybody, f"/api/sessions/{own}").json()
    assert listed(api, bound, f"/api/tool-calls/session/{own}") == listed(api, everybody, f"/api/tool-calls/session/{own}")
    is_error(api.get(bound, f"/api/sessions/{foreign}"), 404, "SESSION_NOT_FOUND")
    for path, what in (("timeline", "items"), ("turns", "items"), ("outcome", "cost")):
        shown = api.get(everybody, f"/api/sessions/{own}/{path}").json()
        assert shown[what]
        assert api.get(bound, f"/api/sessions/{own}/{path}").json()[what] == shown[what]
        is_error(api.get(bound, f"/api/sessions/{foreign}/{path}"), 404, "SESSION_NOT_FOUND")
    is_error(api.get(bound, f"/api/tool-calls/session/{foreign}"), 404, "SESSION_NOT_FOUND")
    is_error(api.get(bound, f"/api/projects/{alpha + 1}"), 404, "PROJECT_NOT_FOUND")
    is_error(api.get(bound, f"/api/projects/{alpha + 1}/stats"), 404, "PROJECT_NOT_FOUND")
    assert [project["id"] for project in api.get(bound, "/api/projects").json()] == [alpha]
    for path in ("/api/conversations", "/api/activities"):
        assert listed(api, bound, f"{path}?session_id={foreign}") == listed(api, bound, f"{path}?project_id={alpha + 1}") == []
    assert api.get(bound, f"/api/tool-calls/stats?project_id={alpha + 1}").json()["total_calls"] == 0
    assert api.get(bound, f"/api/usage?project_id={alpha + 1}").json()["totals"]["total_tokens"] == 0


RANGES = ["", "start_date=2024-03-01&end_date=2024-11-30", "start_date=2024-03-09T03:20:00Z&end_date=2024-03-30&tz=Europe/Berlin"]


@pytest.mark.parametrize("dates", RANGES)
def test_statistics_of_a_bound_project_equal_the_unbound_ones(api: Api, alpha: int, dates: str) -> None:
    everybody, bound = api.key("read"), api.key("read", projects=[alpha])
    of_project = api.get(everybody, f"/api/projects/{alpha}/stats?{dates}").json()
    assert api.get(bound, f"/api/projects/{alpha}/stats?{dates}").json() == of_project
    # Without a project, the one that it is bound to.
    assert api.get(bound, f"/api/stats?{dates}").json() == of_project | {"project": None}
    for path in (
        "/api/tool-calls/stats?",
        "/api/tool-calls/stats?include_latency=true&",
        "/api/tool-calls/errors?",
        "/api/tool-calls/errors?interval=day&",
        "/api/usage?",
        "/api/usage?group_by=model&",
        "/api/usage?group_by=user&",
        "/api/usage?model=claude-opus&",
    ):
        seen = api.get(bound, f"{path}{dates}").json()
        expected = api.get(everybody, f"{path}project_id={alpha}&{dates}").json()
        assert seen | {"price_versions": None} == expected | {"price_versions": None}, path


def test_a_key_bound_to_several_projects_must_name_one_for_sums(api: Api, alpha: int) -> None:
    everybody, both = api.key("read"), api.key("read", projects=[alpha, alpha + 1])
    for path in ("/api/stats", "/api/tool-calls/stats", "/api/tool-calls/errors", "/api/usage", "/api/usage?group_by=user"):
        assert f"{alpha}, {alpha + 1}" in is_error(api.get(both, path), 400, "VALIDATION_ERROR")
    assert (
        api.get(both, f"/api/usage?project_id={alpha}").json()["totals"]
        == api.get(everybody, f"/api/usage?project_id={alpha}").json()["totals"]
    )
    for model in ("", "&model=claude-opus"):
        everything = api.get(everybody, f"/api/usage?group_by=project{model}").json()["items"]
        mine = [item for item in everything if item["project_id"] in (alpha, alpha + 1)]
        assert len(everything) > len(mine) or model
        assert api.get(both, f"/api/usage?group_by=project{model}").json()["items"] == mine


def test_a_key_bound_to_several_projects_gets_their_days_within_dates(api: Api, alpha: int) -> None:
    everybody, both = api.key("read"), api.key("read", projects=[alpha, alpha + 1])
    is_error(api.get(both, "/api/usage?group_by=project,day"), 400, "VALIDATION_ERROR")
    path = "/api/usage?group_by=project,day&start_date=2024-03-01&end_date=2024-11-30"
    mine = [item for item in api.get(everybody, path).json()["items"] if item["project_id"] in (alpha, alpha + 1)]
    assert api.get(both, path).json()["items"] == mine


def test_sums_of_several_bound_projects_are_those_of_each_also_while_a_session_goes_on(api: Api, alpha: int) -> None:
    both = api.key("read", projects=[alpha, alpha + 1])
    # Given dates that begin in the middle of a session
    began = datetime.fromisoformat(listed(api, both, "/api/sessions")[0]["start_time"])
    start, end = began + timedelta(minutes=30), began + timedelta(days=1)
    path = f"/api/usage?group_by=project&start_date={start:%Y-%m-%dT%H:%MZ}&end_date={end:%Y-%m-%dT%H:%MZ}"

    seen = api.get(both, path).json()

    assert any(item["active_sessions"] > item["sessions"] for item in seen["items"])
    for name in ("sessions", "active_sessions", "messages", "tool_calls", "api_calls", "total_tokens"):
        assert seen["totals"][name] == sum(item[name] for item in seen["items"]), name
    assert seen["totals"]["messages"] > 0


def test_a_key_bound_to_several_projects_gets_the_days_of_its_sessions(api: Api, alpha: int) -> None:
    everybody, both, other = api.key("read"), api.key("read", projects=[alpha, alpha + 1]), api.key("read", projects=[alpha + 1, alpha + 2])
    mine = listed(api, everybody, f"/api/sessions?project_id={alpha}")[0]["session_id"]
    for group_by in ("day", "day,model", "machine"):
        path = f"/api/usage?session_id={mine}&group_by={group_by}"

        seen, hidden = api.get(both, path).json(), api.get(other, path).json()

        assert seen["items"] == api.get(everybody, path).json()["items"] != []
        assert (hidden["items"], hidden["totals"]["api_calls"]) == ([], 0)


def test_a_day_of_a_bound_key_has_only_its_projects(api: Api, alpha: int) -> None:
    everybody, bound, both = api.key("read"), api.key("read", projects=[alpha]), api.key("read", projects=[alpha, alpha + 1])
    path = "/api/days/2024-03-10?tz=Europe/Berlin"
    of_all, of_alpha = api.get(everybody, path).json(), api.get(everybody, f"{path}&project_id={alpha}").json()
    assert {session["project_id"] for session in of_all["sessions"]} >= {alpha, alpha + 1}

    seen, seen_of_both = api.get(bound, path).json(), api.get(both, path).json()

    assert seen == of_alpha
    assert api.get(bound, f"{path}&project_id={alpha + 1}").json()["sessions"] == []
    mine = [session for session in of_all["sessions"] if session["project_id"] in (alpha, alpha + 1)]
    assert seen_of_both["sessions"] == mine
    assert seen_of_both["totals"]["api_calls"] == sum(session["share"]["api_calls"] for session in mine)


def test_a_bound_key_cannot_read_the_metrics_of_all_projects(api: Api, alpha: int) -> None:
    is_error(api.get(api.key("metrics", projects=[alpha]), "/metrics"), 403, "FORBIDDEN")
    assert api.get(api.key("metrics", projects=[alpha]), "/api/stats").status_code == 200


def test_a_bound_key_sees_only_its_own_imports(api: Api, alpha: int) -> None:
    bound, other = api.key("ingest", "read", projects=[alpha]), api.key("ingest", "read", projects=[alpha])
    sent = api.ask(
        bound, "POST", "/api/import/claude-data", files={"file": ("claude.json", b'{"projects": {}}')}, headers={"Prefer": "respond-async"}
    )
    job_id = sent.json()["job_id"]
    api.select("UPDATE import_jobs SET status = 'succeeded' RETURNING id")
    for key, status in ((bound, 200), (other, 404), (api.key("ingest"), 404), (api.key("read"), 200)):
        assert api.get(key, f"/api/import/jobs/{job_id}").status_code == status
        assert api.get(key, f"/api/import/jobs/{job_id}/events").status_code == status
    assert [len(listed(api, key, "/api/import/jobs")) for key in (bound, other, api.key("read"))] == [1, 0, 1]


def test_a_pooled_connection_keeps_no_binding(api: Api, alpha: int) -> None:
    everybody, bound = api.key("read"), api.key("read", projects=[alpha])
    for _ in range(20):
        assert len(api.get(bound, "/api/projects").json()) == 1
        assert len(api.get(everybody, "/api/projects").json()) == 4


def test_row_level_security_hides_other_projects(database_url: str, alpha: int) -> None:
    with psycopg.connect(database_url) as connection:
        counts = "SELECT (SELECT count(*) FROM messages), (SELECT count(DISTINCT project_id) FROM messages), (SELECT count(*) FROM activity_rollups WHERE project_id < 1)"
        connection.execute("SET LOCAL ROLE tracker_bound")
        assert connection.execute(counts).fetchone() == (0, 0, 0)
        connection.execute("SELECT set_config('tracker.projects', %s, true)", (f"{{{alpha}}}",))
        found = connection.execute(counts).fetchone()
        assert found is not None
        assert found[0] > 0
        assert found[1:] == (1, 0)
        for table in ("api_keys", "audit_log", "dead_letters", "imported_files"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT FROM {table}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("UPDATE messages SET content = ''")


def test_users_outside_the_bound_projects_are_hidden(api: Api, alpha: int) -> None:
    api.select("INSERT INTO users (name) VALUES ('elsewhere') RETURNING id")
    bound = api.key("read", projects=[alpha])
    assert api.get(bound, "/api/sessions?user=elsewhere").json()["items"] == []
    with psycopg.connect(api.database_url) as connection:
        connection.execute("SELECT set_config('tracker.projects', %s, true), set_config('role', 'tracker_bound', true)", (f"{{{alpha}}}",))
        names = {name for (name,) in connection.execute("SELECT name FROM users").fetchall()}
        paths = {path for (path,) in connection.execute("SELECT file_path FROM files").fetchall()}
    assert names
    assert names <= {"ada", "bob"}
    assert paths


def test_a_bound_key_sees_the_users_of_its_projects(api: Api, alpha: int) -> None:
    everybody, bound = api.key("read"), api.key("read", projects=[alpha])
    assert api.get(bound, "/api/users").json() == api.get(everybody, f"/api/users?project_id={alpha}").json()
    assert api.get(bound, f"/api/users?project_id={alpha + 1}").json()["items"] == []


def test_transcripts_are_those_of_the_bound_projects(api: Api, database_url: str, alpha: int) -> None:
    """given a transcript in each of two projects, then a key of one sees that one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        found = connection.execute("SELECT DISTINCT ON (project_id) project_id, session_id FROM sessions WHERE project_id IS NOT NULL")
        sessions = dict(found.fetchall())
        for session_id in sessions.values():
            add_file(connection, None, session_id, b'{"a":1}\n', archived=0)
    bound = api.key("read", projects=[alpha])

    for suffix in ("/transcript", "/transcript/files"):
        assert api.get(bound, f"/api/sessions/{sessions[alpha]}{suffix}").status_code == 200
        is_error(api.get(bound, f"/api/sessions/{sessions[alpha + 1]}{suffix}"), 404, "SESSION_NOT_FOUND")


WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "session_end": ("/api/sessions/end", {}),
    "conversation": ("/api/conversations", {"role": "user", "content": "How?"}),
    "activity": ("/api/activities", {"file_path": "a.py", "action": "created"}),
    "tool_call": ("/api/tool-calls", {"tool_name": "Bash", "result_status": "success"}),
}


def start(api: Api, key: str, session_id: str, path: str) -> int:
    answer = api.post(key, "/api/sessions/start", {"session_id": session_id, "project_path": path})
    assert answer.status_code == 201, answer.text
    project_id: int = answer.json()["project_id"]
    return project_id


@pytest.fixture
def bound(api: Api, admin: str) -> str:
    """A key of project /b, which has the session `of-b`; there is `of-a` in project /a."""
    start(api, admin, "of-a", "/a")
    return api.key("ingest", projects=[start(api, admin, "of-b", "/b")])


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_a_session_of_another_project_is_404(api: Api, admin: str, bound: str, redis_url: str, write: str, is_forgotten: bool) -> None:
    if is_forgotten:
        forget(redis_url)
    path, body = WRITES[write]
    before = len(journaled_events(redis_url))
    for session_id in ("of-a", "unknown"):
        is_error(api.post(bound, path, body | {"session_id": session_id}), 404, "SESSION_NOT_FOUND")
    items = [body | {"type": write, "session_id": session_id} for session_id in ("of-a", "of-b")]
    answer = api.post(bound, "/api/events", items).json()
    assert (answer["accepted"], [(item["index"], item["code"]) for item in answer["rejected"]]) == (1, [(0, "SESSION_NOT_FOUND")])
    assert api.post(bound, path, body | {"session_id": "of-b"}).status_code in (200, 201)
    assert [event.session_id for event in journaled_events(redis_url)[before:]] == ["of-b", "of-b"]
    assert api.post(admin, path, body | {"session_id": "of-a"}).status_code in (200, 201)


@pytest.mark.parametrize("is_batched", [False, True])
def test_a_bound_key_starts_sessions_in_its_projects_and_creates_no_project(api: Api, bound: str, is_batched: bool) -> None:
    def begin(session_id: str, path: str) -> str:
        body = {"session_id": session_id, "project_path": path}
        if not is_batched:
            answer = api.post(bound, "/api/sessions/start", body)
            return "" if answer.status_code == 201 else str(answer.json()["code"])
        found = api.post(bound, "/api/events", [body | {"type": "session_start"}]).json()
        return "" if found["accepted"] else str(found["rejected"][0]["code"])

    assert begin("new", "/b") == ""
    assert begin("of-b", "/b") == ""
    for session_id, path in (("newer", "/a"), ("newest", "/c"), ("of-a", "/a"), ("of-a", "/b")):
        assert begin(session_id, path) == "FORBIDDEN"
    assert [row["path"] for row in api.select("SELECT path FROM projects WHERE id > 0 ORDER BY path")] == ["/a", "/b"]
    assert api.select("SELECT FROM sessions WHERE session_id IN ('newer', 'newest')") == []


def test_a_batch_may_write_to_the_session_it_starts(api: Api, bound: str) -> None:
    items = [
        {"type": "session_start", "session_id": "new", "project_path": "/b"},
        {"type": "conversation", "session_id": "new", "role": "user", "content": "How?"},
        {"type": "session_start", "session_id": "newer", "project_path": "/a"},
        {"type": "conversation", "session_id": "newer", "role": "user", "content": "How?"},
    ]
    answer = api.post(bound, "/api/events", items).json()
    assert (answer["accepted"], [(item["index"], item["code"]) for item in answer["rejected"]]) == (
        2,
        [(2, "FORBIDDEN"), (3, "SESSION_NOT_FOUND")],
    )


def test_a_tool_call_without_session_gets_one_of_the_bound_projects(api: Api, bound: str, redis_url: str) -> None:
    call = {"tool_name": "Bash", "result_status": "success"}
    # Two are open, and one of them is the key's
    assert api.post(bound, "/api/tool-calls", call).json()["session_id"] == "of-b"
    assert api.post(bound, "/api/events", [call | {"type": "tool_call"}]).json()["accepted"] == 1
    assert [event.session_id for event in journaled_events(redis_url)[-2:]] == ["of-b", "of-b"]
