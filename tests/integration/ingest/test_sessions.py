"""Sessions: their ids are usable at once, and a retry gets the same one."""

from uuid import UUID

import psycopg
import pytest

from shared.events.messages import SessionEnd, SessionStart
from tests.integration.ingest.conftest import Service, is_error

START = {"project_path": "/path/to/project", "start_time": "2024-01-15T10:30:00", "user": "username"}


def test_a_start_returns_the_documented_fields(service: Service) -> None:
    answer = service.post("/api/sessions/start", START)
    assert answer.status_code == 201
    session_id = answer.json()["session_id"]
    assert answer.json() == {"session_id": session_id, "project_id": 1, "message": "Session started successfully"}
    assert UUID(session_id)


def test_a_start_writes_project_and_session_to_postgres_and_the_event_to_the_journal(service: Service) -> None:
    session_id = service.post("/api/sessions/start", START).json()["session_id"]
    assert service.select("SELECT id, path, name FROM projects") == [{"id": 1, "path": "/path/to/project", "name": "project"}]
    assert service.select("SELECT session_id, project_id, counted, started_at FROM sessions") == [
        {"session_id": session_id, "project_id": 1, "counted": False, "started_at": None}
    ]
    [start] = service.journal()
    assert isinstance(start, SessionStart)
    assert (start.session_id, start.user, start.project_path) == (session_id, "username", "/path/to/project")
    assert start.id is not None


@pytest.mark.parametrize("path", ["c:\\work\\app\\", "C:/work/./app", "c:/work/x/../app/"])
def test_path_variants_of_a_folder_are_one_project(service: Service, path: str) -> None:
    first = service.start("s-1", project_path="C:/work/app")
    assert service.start("s-2", project_path=path)["project_id"] == first["project_id"]


def test_a_second_start_resumes_the_session_in_its_first_project(service: Service) -> None:
    first = service.start("s-1", project_path="/a")
    again = service.start("s-1", project_path="/b")
    assert again == first
    assert [event.project_path for event in service.journal() if isinstance(event, SessionStart)] == ["/a", "/a"]
    assert service.select("SELECT path FROM projects") == [{"path": "/a"}]


def test_a_session_without_a_project_gets_that_of_its_start(service: Service) -> None:
    service.execute("INSERT INTO sessions (session_id, project_id, counted) VALUES ('s-1', 0, true)")
    assert service.start("s-1", project_path="/a")["project_id"] == 1
    assert service.select("SELECT project_id FROM sessions") == [{"project_id": 0}]  # the worker moves it, with its aggregates


@pytest.mark.parametrize("again", [{"Idempotency_Key": "start-1"}, {}])
def test_a_retried_start_gets_the_same_session(service: Service, again: dict[str, str]) -> None:
    body = START if again else START | {"id": "0192f0c1-2345-7abc-8def-0123456789ab"}
    first = service.post("/api/sessions/start", body, **again).json()
    second = service.post("/api/sessions/start", body, **again).json()
    assert first == second
    assert len({event.id for event in service.journal()}) == 1
    assert len(service.select("SELECT FROM sessions")) == 1


def test_an_end_returns_the_project_of_the_session(service: Service) -> None:
    service.start("s-1", start_time="2024-01-15T10:30:00")
    answer = service.post("/api/sessions/end", {"session_id": "s-1", "end_time": "2024-01-15T11:30:00"})
    assert answer.status_code == 200
    event_id = answer.json()["id"]
    assert answer.json() == {
        "session_id": "s-1",
        "project_id": 1,
        "message": "Session ended successfully",
        "id": event_id,
        "status": "queued",
    }
    end = service.journal()[-1]
    assert isinstance(end, SessionEnd)
    assert str(end.id) == event_id


def test_a_session_can_be_ended_twice(service: Service) -> None:
    service.start("s-1")
    assert [service.post("/api/sessions/end", {"session_id": "s-1"}).status_code for _ in range(2)] == [200, 200]


def test_an_unknown_session_cannot_be_ended(service: Service) -> None:
    assert is_error(service.post("/api/sessions/end", {"session_id": "nobody"}), 404, "SESSION_NOT_FOUND") == {"session_id": "nobody"}
    assert service.journal() == []


def test_a_session_cannot_end_before_its_earliest_start(service: Service) -> None:
    service.start("s-1", start_time="2024-01-15T10:30:00")
    service.start("s-1", start_time="2024-01-15T12:00:00")
    between = service.post("/api/sessions/end", {"session_id": "s-1", "end_time": "2024-01-15T11:00:00"})
    before = service.post("/api/sessions/end", {"session_id": "s-1", "end_time": "2024-01-15T10:29:59"})
    assert between.status_code == 200
    assert list(is_error(before, 400, "VALIDATION_ERROR")) == ["end_time"]


def test_a_start_time_known_only_to_postgres_bounds_the_end(service: Service) -> None:
    service.execute("INSERT INTO sessions (session_id, project_id, counted, started_at) VALUES ('old', 7, true, '2024-01-15 10:30+00')")
    early = service.post("/api/sessions/end", {"session_id": "old", "end_time": "2024-01-15T10:00:00"})
    late = service.post("/api/sessions/end", {"session_id": "old", "end_time": "2024-01-15T11:00:00"})
    is_error(early, 400, "VALIDATION_ERROR")
    assert late.json()["project_id"] == 7


def test_a_start_does_not_wait_for_a_worker_that_locks_the_session(service: Service) -> None:
    """given a worker that has changed the session's row and stands still, when the session is resumed, then that does not wait for it."""
    started = service.start("s-1")
    with psycopg.connect(service.settings.database_url) as worker:
        worker.execute("UPDATE sessions SET last_event_at = now() WHERE session_id = 's-1'")
        assert service.start("s-1")["project_id"] == started["project_id"]
        worker.rollback()
