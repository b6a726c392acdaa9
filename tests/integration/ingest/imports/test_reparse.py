"""`POST /api/reparse`: a job for the archived transcripts of a session, of a project, or for all."""

import pytest

from tests.integration.ingest.conftest import Service, is_error


@pytest.fixture
def archived(service: Service) -> None:
    """A transcript of a session, of project 1."""
    service.execute("INSERT INTO projects (path, name) VALUES ('/p', 'p')")
    service.execute("INSERT INTO sessions (session_id, project_id) SELECT 's1', id FROM projects")
    service.execute("INSERT INTO transcript_files (session_id, file_name, stored_offset) VALUES ('s1', 's1.jsonl', 10)")


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("body", [{}, {"session_id": "s1"}, {"project_id": 1}])
def test_a_reparse_is_a_queued_job(service: Service, body: dict[str, object]) -> None:
    """given an archived session, when a reparse is asked for, then it is a job with that selection, its task is sent, and the audit log has it."""
    if "project_id" in body:
        [project] = service.select("SELECT id FROM projects")
        body["project_id"] = project["id"]

    answer = service.http.post("/api/reparse", json=body)

    assert answer.status_code == 202
    [job] = service.select("SELECT id, kind, status, selection FROM import_jobs")
    assert answer.json() == {
        "job_id": str(job["id"]),
        "status": "queued",
        "message": "The rows of the archived transcripts are being derived anew.",
        "undoes": None,
    }
    assert answer.headers["location"] == f"/api/import/jobs/{job['id']}"
    assert (job["kind"], job["status"], job["selection"]) == ("reparse", "queued", body)
    assert service.select("SELECT act FROM audit_log") == [{"act": "reparse.start"}]
    assert service.redis.llen("celery:import") == 1


@pytest.mark.usefixtures("archived")
def test_a_dry_run_and_a_limit_are_part_of_the_job(service: Service) -> None:
    answers = [service.http.post("/api/reparse", json=body) for body in ({"dry_run": True}, {"max_removed": 0}, {"max_removed": -1})]

    assert [answer.status_code for answer in answers] == [202, 202, 400]
    assert answers[0].json()["message"] == "What a reparse of the archived transcripts would change is being counted."
    selections = [job["selection"] for job in service.select("SELECT selection FROM import_jobs ORDER BY number")]
    assert selections == [{"dry_run": True}, {"max_removed": 0}]


@pytest.mark.usefixtures("archived")
def test_a_repeated_key_is_the_same_job(service: Service) -> None:
    answers = [service.http.post("/api/reparse", json={}, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(service.select("SELECT FROM import_jobs")) == 1


@pytest.mark.usefixtures("archived")
def test_a_reparse_of_nothing_in_the_archive_is_404(service: Service) -> None:
    is_error(service.http.post("/api/reparse", json={"session_id": "s2"}), 404, "SESSION_NOT_FOUND")
    is_error(service.http.post("/api/reparse", json={"project_id": 99}), 404, "PROJECT_NOT_FOUND")
    assert service.select("SELECT FROM import_jobs") == []


def test_a_session_and_a_project_exclude_each_other(service: Service) -> None:
    is_error(service.http.post("/api/reparse", json={"session_id": "s1", "project_id": 1}), 400, "VALIDATION_ERROR")


@pytest.mark.usefixtures("archived")
def test_a_running_reparse_can_be_cancelled_and_not_undone(service: Service) -> None:
    job_id = service.http.post("/api/reparse", json={}).json()["job_id"]
    assert service.http.post(f"/api/import/jobs/{job_id}/cancel").status_code == 202
    is_error(service.http.delete(f"/api/import/jobs/{job_id}"), 409, "CONFLICT")
