"""/api/exports: who starts and sees an export, what it says of itself, and its archive, whole or in part."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from services.worker.importers.job import run_shard
from services.worker.maintenance.upload_gc import sweep_exports
from services.worker.resources import Resources
from tests.integration.keys.conftest import Api, is_error

UNKNOWN = "0b9e7f5a-4f0c-4c39-9d0e-0c7f6c1d2a31"


def start(api: Api, key: str | None, **selection: Any) -> str:
    """The id of an export that waits for its worker."""
    answer = api.post(key, "/api/exports", selection)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/exports/{answer.json()['export_id']}"
    export_id: str = answer.json()["export_id"]
    return export_id


def written(api: Api, worker: Resources, key: str | None, **selection: Any) -> str:
    export_id = start(api, key, **selection)
    run_shard.run(worker, UUID(export_id), 0)
    return export_id


def file_of(api: Api, export_id: str) -> Path:
    [row] = api.select("SELECT blob_url FROM exports WHERE id = %s", export_id)
    return Path(row["blob_url"].removeprefix("file://"))


def test_an_export_is_started_watched_downloaded_and_deleted(api: Api, admin: str, worker: Resources) -> None:
    export_id = start(api, admin)

    # While it waits, it says so, and has no archive
    waiting = api.get(admin, f"/api/exports/{export_id}").json()
    assert (waiting["status"], waiting["progress"], waiting["bytes"], waiting["expires_at"]) == ("queued", 0.0, None, None)
    is_error(api.get(admin, f"/api/exports/{export_id}/archive"), 409, "CONFLICT")

    # The same again is the same export
    assert start(api, admin) == export_id

    # When it is written, its archive is what it says
    run_shard.run(worker, UUID(export_id), 0)
    [listed] = api.get(admin, "/api/exports").json()["items"]
    assert listed == api.get(admin, f"/api/exports/{export_id}").json()
    assert (listed["status"], listed["progress"], listed["selection"], listed["errors"]) == ("succeeded", 1.0, {}, [])
    answer = api.get(admin, f"/api/exports/{export_id}/archive")
    assert (len(answer.content), sha256(answer.content).hexdigest()) == (listed["bytes"], listed["sha256"])
    assert answer.headers["content-length"] == str(listed["bytes"])
    assert answer.headers["content-type"] == "application/zip"

    # When it is deleted, nobody gets it, and the sweep takes its file
    file = file_of(api, export_id)
    assert api.ask(admin, "DELETE", f"/api/exports/{export_id}").status_code == 200
    is_error(api.get(admin, f"/api/exports/{export_id}/archive"), 410, "EXPORT_GONE")
    assert api.get(admin, f"/api/exports/{export_id}").json()["status"] == "expired"
    assert file.exists()
    assert sweep_exports(worker) == 1
    assert not file.exists()

    # And the audit log has what was done
    acts = [(row["act"], row["subject"]) for row in api.select("SELECT act, subject FROM audit_log ORDER BY id")]
    assert acts == [("export.start", export_id), ("export.delete", export_id)]


def test_a_download_goes_on_where_it_stopped(api: Api, admin: str, worker: Resources) -> None:
    export_id = written(api, worker, admin)
    path = f"/api/exports/{export_id}/archive"
    whole = api.get(admin, path)

    def part(asked: str, **headers: str) -> tuple[int, bytes, str | None]:
        answer = api.ask(admin, "GET", path, headers={"Range": asked, **headers})
        return answer.status_code, answer.content, answer.headers.get("content-range")

    size = len(whole.content)
    assert part("bytes=10-19") == (206, whole.content[10:20], f"bytes 10-19/{size}")
    assert part("bytes=10-") == (206, whole.content[10:], f"bytes 10-{size - 1}/{size}")
    assert part("bytes=10-99999999999") == (206, whole.content[10:], f"bytes 10-{size - 1}/{size}")
    # A range that does not fit these bytes, or is of another archive, is answered with all of it.
    for asked in (f"bytes={size}-", "bytes=-5", "lines=1-2", "bytes=5-6,8-9"):
        assert part(asked) == (200, whole.content, None)
    assert part("bytes=10-19", **{"If-Range": '"another"'}) == (200, whole.content, None)
    assert part("bytes=10-19", **{"If-Range": whole.headers["etag"]})[0] == 206
    head = api.ask(admin, "HEAD", path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


def test_a_key_that_is_bound_to_a_user_exports_that_user_alone(api: Api, admin: str, worker: Resources) -> None:
    # Given two users, and a key of each
    for name in ("ann", "bob"):
        session = {"session_id": f"s-{name}", "project_path": "/p", "user": name}
        assert api.post(api.key("ingest", user=name), "/api/sessions/start", session).status_code == 201
        api.select("INSERT INTO users (name) VALUES (%s) RETURNING id", name)
    anns, bobs = api.key("read", user="ann"), api.key("read", user="bob")

    # When ann's key exports ann, and asks for more
    export_id = written(api, worker, anns, user="ann")
    for selection in ({}, {"user": "bob"}, {"project_id": 1}):
        is_error(api.post(anns, "/api/exports", selection), 403, "FORBIDDEN")

    # Then ann and an admin see it, and bob does not, nor anybody who is bound to no user
    assert api.get(anns, f"/api/exports/{export_id}/archive").status_code == 200
    assert api.get(admin, f"/api/exports/{export_id}").status_code == 200
    for key in (bobs, api.key("read")):
        assert api.get(key, "/api/exports").json() == {"items": []}
        for method, path in (("GET", ""), ("GET", "/archive"), ("DELETE", "")):
            is_error(api.ask(key, method, f"/api/exports/{export_id}{path}"), 404, "EXPORT_NOT_FOUND")
    assert api.get(anns, "/api/exports").json()["items"][0]["export_id"] == export_id

    # And ann does not see what an admin exports
    of_admin = start(api, admin)
    is_error(api.get(anns, f"/api/exports/{of_admin}"), 404, "EXPORT_NOT_FOUND")


def test_keys_bound_to_projects_get_nothing(api: Api) -> None:
    key = api.key("read", projects=[1])
    is_error(api.post(key, "/api/exports", {}), 403, "FORBIDDEN")
    for path in ("", f"/{UNKNOWN}", f"/{UNKNOWN}/archive"):
        is_error(api.get(key, f"/api/exports{path}"), 403, "FORBIDDEN")
    is_error(api.ask(key, "DELETE", f"/api/exports/{UNKNOWN}"), 403, "FORBIDDEN")


def test_a_key_that_only_reads_may_not_export(api: Api) -> None:
    is_error(api.post(api.key("read"), "/api/exports", {}), 403, "FORBIDDEN")


def test_what_is_not_known_is_said(api: Api, admin: str) -> None:
    is_error(api.post(admin, "/api/exports", {"user": "nobody"}), 404, "USER_NOT_FOUND")
    is_error(api.post(admin, "/api/exports", {"project_id": 77}), 404, "PROJECT_NOT_FOUND")
    is_error(api.post(admin, "/api/exports", {"user": "a", "project_id": 1}), 400, "VALIDATION_ERROR")
    is_error(api.get(admin, f"/api/exports/{UNKNOWN}"), 404, "EXPORT_NOT_FOUND")
    is_error(api.ask(admin, "DELETE", f"/api/exports/{UNKNOWN}"), 404, "EXPORT_NOT_FOUND")
    is_error(api.ask(admin, "DELETE", "/api/exports/all"), 400, "VALIDATION_ERROR")


def test_an_expired_export_and_what_a_dead_worker_left_are_swept(api: Api, admin: str, worker: Resources) -> None:
    # Given an export whose days are over, one that is kept, and one that failed in its middle
    over, kept, failed = (written(api, worker, admin) for _ in range(3))
    api.select("UPDATE exports SET expires_at = now() - interval '1 s' WHERE id = %s RETURNING id", over)
    api.select("UPDATE import_jobs SET status = 'failed' WHERE id = %s RETURNING id", failed)
    files = [file_of(api, each) for each in (over, kept, failed)]

    assert sweep_exports(worker) == 2

    assert [file.exists() for file in files] == [False, True, False]
    assert api.get(admin, f"/api/exports/{kept}/archive").status_code == 200
    is_error(api.get(admin, f"/api/exports/{failed}/archive"), 410, "EXPORT_GONE")
    # No list of imports shows them.
    assert api.get(admin, "/api/import/jobs").json()["items"] == []
