"""Machines: what their shippers report, who sees it, and machines that are forgotten."""

from typing import Any

import psycopg
import pytest

from tests.integration.keys.conftest import Api, is_error
from tests.integration.query import seed

SESSION = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
TRANSCRIPT = {
    "session_id": SESSION,
    "file": f"{SESSION}.jsonl",
    "project_path": "/p/one/",
    "bytes": 1000,
    "changed_at": "2026-01-01T00:00:00",
    "deleted_after": "2026-01-31T00:00:00+01:00",
}
REPORT = {
    "name": "ann-laptop",
    "tracker_version": "0.1.0",
    "claude_version": "2.1.197",
    "os": "Linux",
    "spool_files": 2,
    "spool_bytes": 900,
    "oldest_unsent_at": "2026-01-01T00:00:00Z",
    "files_unsent": 1,
    "bytes_unsent": 120,
    "cleanup_period_days": 30,
    "expiring": [TRANSCRIPT],
}


def report(api: Api, key: str | None, machine_id: str, **fields: Any) -> Any:
    return api.ask(key, "PUT", f"/api/machines/{machine_id}", json=REPORT | fields)


def machines(api: Api, key: str | None, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(key, f"/api/machines{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def store_transcript(api: Api, stored_offset: int, machine_id: str = "") -> None:
    sql = "INSERT INTO transcript_files (machine_id, session_id, file_name, stored_offset) VALUES (%s, %s, %s, %s)"
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute(sql, (machine_id, SESSION, f"{SESSION}.jsonl", stored_offset))


def test_a_report_makes_the_machine_and_the_next_one_replaces_it(api: Api, admin: str) -> None:
    first = report(api, admin, "m-1", user="ann")
    assert first.status_code == 200, first.text
    assert first.json()["now"].endswith("Z")
    [machine] = machines(api, admin)
    assert {name: machine[name] for name in REPORT if name != "expiring"} == {name: REPORT[name] for name in REPORT if name != "expiring"}
    assert (machine["user"], machine["is_silent"], machine["sessions_count"]) == ("ann", False, 0)

    # A report without a user keeps the one that is known
    assert report(api, admin, "m-1", name="ann-desk", spool_files=0, expiring=[]).status_code == 200

    [later] = machines(api, admin)
    assert (later["name"], later["user"], later["spool_files"], later["expiring_count"]) == ("ann-desk", "ann", 0, 0)
    assert later["first_seen_at"] == machine["first_seen_at"]
    assert later["last_heard_at"] > machine["last_heard_at"]


@pytest.mark.parametrize(
    ("stored", "machine_id", "is_here"), [(1000, "", True), (1000, "m-9", True), (999, "m-1", False), (None, "", False)]
)
def test_a_transcript_is_here_if_any_machine_or_import_brought_all_of_it(
    api: Api, admin: str, stored: int | None, machine_id: str, is_here: bool
) -> None:
    report(api, admin, "m-1")
    if stored is not None:
        store_transcript(api, stored, machine_id)

    [machine] = machines(api, admin)

    assert (machine["expiring_count"], machine["expiring_missing_count"]) == (1, 0 if is_here else 1)
    times = {"changed_at": "2026-01-01T00:00:00Z", "deleted_after": "2026-01-30T23:00:00Z"}
    assert machine["expiring"] == [TRANSCRIPT | {"project_path": "/p/one", "is_here": is_here} | times]


def test_a_rewritten_transcript_is_here_by_its_last_generation(api: Api, admin: str) -> None:
    report(api, admin, "m-1")
    store_transcript(api, 1000, "m-1")
    api.select(
        "INSERT INTO transcript_files (machine_id, session_id, file_name, generation, stored_offset) VALUES ('m-1', %s, %s, 1, 10) RETURNING id",
        SESSION,
        f"{SESSION}.jsonl",
    )
    assert machines(api, admin)[0]["expiring_missing_count"] == 1


def test_transcripts_that_are_not_here_are_listed_first_and_at_most_fifty(api: Api, admin: str) -> None:
    store_transcript(api, 1000)
    missing = [TRANSCRIPT | {"file": f"subagents/agent-{number}.jsonl", "deleted_after": "2026-03-01T00:00:00Z"} for number in range(60)]
    report(api, admin, "m-1", expiring=[TRANSCRIPT, *missing])

    [machine] = machines(api, admin)

    assert (machine["expiring_count"], machine["expiring_missing_count"], len(machine["expiring"])) == (61, 60, 50)
    assert not any(each["is_here"] for each in machine["expiring"])


def test_the_list_of_machines_is_complete_page_by_page(api: Api, admin: str) -> None:
    for number in range(5):
        report(api, admin, f"m-{number}", name=f"name-{number // 2}")
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(admin, f"/api/machines?limit=2{cursor and '&cursor='}{cursor}").json()
        seen += [item["machine_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"m-{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("machine_id", "fields", "code", "status"),
    [
        ("m.1", {}, "VALIDATION_ERROR", 400),
        ("m" * 65, {}, "VALIDATION_ERROR", 400),
        ("m-1", {"name": ""}, "VALIDATION_ERROR", 400),
        ("m-1", {"name": "a\nb"}, "VALIDATION_ERROR", 400),
        ("m-1", {"spool_files": -1}, "VALIDATION_ERROR", 400),
        ("m-1", {"expiring": [TRANSCRIPT | {"bytes": "many"}]}, "VALIDATION_ERROR", 400),
        ("m-1", {"expiring": [TRANSCRIPT] * 201}, "VALIDATION_ERROR", 400),
        ("m-1", {"last_error": "x" * 1_100_000}, "PAYLOAD_TOO_LARGE", 413),
    ],
)
def test_a_report_that_is_not_valid_is_refused(
    api: Api, admin: str, machine_id: str, fields: dict[str, Any], code: str, status: int
) -> None:
    is_error(report(api, admin, machine_id, **fields), status, code)
    assert machines(api, admin) == []


def test_times_of_a_disk_that_cannot_be_are_stored_and_a_path_that_is_none_is_left_out(api: Api, admin: str) -> None:
    odd = {"changed_at": "0001-01-01T00:00:00+14:00", "deleted_after": "9999-12-31T23:59:59Z", "project_path": "not absolute"}
    assert report(api, admin, "m-1", expiring=[TRANSCRIPT | odd]).status_code == 200

    [machine] = machines(api, admin)

    assert machine["expiring"][0]["project_path"] is None
    assert machine["expiring"][0]["changed_at"].startswith("1970-01-01")


def test_a_report_is_redacted(api: Api, admin: str) -> None:
    secret = "AKIA" + "Q3EGRI7NVKZ2XJ5A"
    report(api, admin, "m-1", last_error=f"refused: {secret}")
    [machine] = machines(api, admin)
    assert secret not in machine["last_error"]
    assert "[redacted:" in machine["last_error"]


def test_a_key_that_is_bound_to_a_user_reports_and_sees_that_users_machines(api: Api, admin: str) -> None:
    ann, bob = (api.key("ingest", "read", user=name) for name in ("ann", "bob"))
    assert report(api, ann, "m-1", user="bob").status_code == 200
    assert report(api, bob, "m-2").status_code == 200

    # Another user's machine cannot be taken over
    is_error(report(api, bob, "m-1"), 403, "FORBIDDEN")

    assert [(item["machine_id"], item["user"]) for item in machines(api, ann)] == [("m-1", "ann")]
    assert [(item["machine_id"], item["user"]) for item in machines(api, bob)] == [("m-2", "bob")]
    assert machines(api, bob, "?user=ann") == []
    assert [item["machine_id"] for item in machines(api, admin, "?user=ann")] == ["m-1"]


def test_a_renamed_users_machine_stays_that_users(api: Api, admin: str) -> None:
    ann = api.key("ingest", "read", user="ann")
    api.select("INSERT INTO users (name) VALUES ('ann') RETURNING id")
    assert report(api, ann, "m-1").status_code == 200
    assert api.ask(admin, "PATCH", "/api/users/ann", json={"name": "anna"}).status_code == 200

    assert report(api, ann, "m-1").status_code == 200

    assert [item["user"] for item in machines(api, ann)] == ["anna"]


def test_a_key_that_is_bound_to_projects_sees_machines_and_transcripts_of_these(api: Api, admin: str) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        one, two = (seed.add_project(connection, path) for path in ("/p/one", "/p/two"))
        for session_id, project in (("s-1", one), ("s-2", two)):
            seed.add_session(connection, session_id, project)
        connection.execute("INSERT INTO session_machines VALUES ('s-1', 'm-1'), ('s-2', 'm-1'), ('s-2', 'm-2')")
    foreign = TRANSCRIPT | {"session_id": "s-2", "file": "s-2.jsonl", "project_path": "/p/two"}
    for machine_id in ("m-1", "m-2", "m-3"):
        report(api, admin, machine_id, expiring=[TRANSCRIPT, foreign])

    [machine] = machines(api, api.key("read", projects=[one]))

    assert (machine["machine_id"], machine["sessions_count"]) == ("m-1", 1)
    assert [each["file"] for each in machine["expiring"]] == [TRANSCRIPT["file"]]
    assert len(machines(api, admin)) == 3


def test_a_key_that_sees_only_numbers_sees_no_name_of_a_file_or_project(api: Api, admin: str) -> None:
    report(api, admin, "m-1", last_error="cannot read /p/one/secret.txt")

    [machine] = machines(api, api.key("numbers"))

    [transcript] = machine["expiring"]
    assert (transcript["session_id"], transcript["file"], transcript["project_path"], machine["last_error"]) == (None,) * 4
    assert (machine["name"], machine["claude_version"], transcript["bytes"], transcript["is_here"]) == (
        "ann-laptop",
        "2.1.197",
        1000,
        False,
    )


def test_an_admin_forgets_a_machine_but_not_its_sessions(api: Api, admin: str) -> None:
    report(api, admin, "m-1")
    store_transcript(api, 1000, "m-1")

    forgotten = api.ask(admin, "DELETE", "/api/machines/m-1")

    assert (forgotten.status_code, forgotten.json()["name"]) == (200, "ann-laptop")
    is_error(api.ask(admin, "DELETE", "/api/machines/m-1"), 404, "NOT_FOUND")
    assert machines(api, admin) == []
    assert api.select("SELECT count(*) AS n FROM transcript_files") == [{"n": 1}]
    assert api.get(admin, "/api/audit").json()["items"][0]["act"] == "machine.forget"
