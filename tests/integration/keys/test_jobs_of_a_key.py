"""A key with only the scope `ingest` sees the import jobs it sent. A key with `read` sees all."""

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


def test_an_ingest_key_lists_only_its_own_jobs(api: Api) -> None:
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


def test_a_metrics_key_cannot_list_jobs(api: Api) -> None:
    is_error(api.get(api.key("metrics"), "/api/import/jobs"), 403, "FORBIDDEN")
