"""Of imports, a key that may only send sees those that it has sent, as README says; one that may read sees all."""

from tests.integration.keys.conftest import Api, is_error


def imported(api: Api, key: str) -> str:
    files = {"file": ("claude.json", b'{"projects": {}}')}
    answer = api.ask(key, "POST", "/api/import/claude-data", files=files, headers={"Prefer": "respond-async"})
    job_id: str = answer.json()["job_id"]
    return job_id


def listed(api: Api, key: str) -> list[str]:
    answer = api.get(key, "/api/import/jobs")
    assert answer.status_code == 200, answer.text
    return [job["job_id"] for job in answer.json()["items"]]


def test_a_key_that_may_only_send_lists_its_own_jobs_with_their_files(api: Api) -> None:
    for mine, other in (
        (api.key("ingest"), api.key("ingest")),
        (api.key("ingest", user="ann"), api.key("ingest", user="bob")),
        (api.key("ingest", "metrics"), api.key("ingest", "metrics", user="ann")),
    ):
        job_id, others = imported(api, mine), imported(api, other)
        assert listed(api, mine) == [job_id]
        shown = api.get(mine, f"/api/import/jobs/{job_id}").json()
        assert [file["name"] for file in shown["files"]] == ["claude.json"]
        for path in (f"/api/import/jobs/{others}", f"/api/import/jobs/{others}/events"):
            is_error(api.get(mine, path), 404, "JOB_NOT_FOUND")
        assert set(listed(api, api.key("read"))) >= {job_id, others}


def test_a_key_that_may_only_count_lists_no_jobs(api: Api) -> None:
    is_error(api.get(api.key("metrics"), "/api/import/jobs"), 403, "FORBIDDEN")
