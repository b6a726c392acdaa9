"""Uploads in a bucket: nothing on local disks, nothing left in the bucket, and constant memory."""

import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.session
import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack, running_stack
from tests.flow.imports.canaries import canary, claude_json
from tests.s3_server import BUCKET, s3_environment, s3_server

IMPORT = "/api/import/claude-data"
JOB_SECONDS = 60
MB = 1024**2
LARGE_MB = 200
# The memory that a part of 8 MiB may cost while it is sent: itself, what has come of the next, and the library's copies.
GROWTH_MB = 60


@dataclass(frozen=True)
class Scene:
    """A pipeline whose uploads are in a bucket."""

    stack: Stack
    s3: Any

    def in_the_bucket(self) -> list[str]:
        """Objects, their versions and parts of unfinished ones."""
        versions = self.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
        return [item["Key"] for item in (*versions, *self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))]

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job, at its end."""
        path = f"/api/import/jobs/{job_id}"
        assert wait_until(lambda: self.stack.http.get(path).json()["status"] not in ("queued", "running"), JOB_SECONDS)
        job: dict[str, Any] = self.stack.http.get(path).json()
        return job


@pytest.fixture(scope="module")
def scene(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with s3_server() as port:
        settings = s3_environment(port)
        client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=settings["AWS_ENDPOINT_URL_S3"],
            region_name=settings["AWS_DEFAULT_REGION"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=BUCKET)
        settings["TRACKER_BLOB_URL"] = f"s3://{BUCKET}/uploads"
        with running_stack(tmp_path_factory.mktemp("bucket"), postgres_url, redis_server_url, 2, **settings) as stack:
            yield Scene(stack, client)


def test_a_zip_is_imported_and_leaves_nothing_in_the_bucket(scene: Scene) -> None:
    # Given an archive of two shares with secrets in it
    name = uuid4().hex
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(4):
            archive.writestr(f"home/{n}/.claude.json", json.dumps(claude_json(f"{name}/{n}")))

    answer = scene.stack.http.post(IMPORT, files={"file": ("home.zip", packed.getvalue())}, headers={"prefer": "respond-async"})
    job = scene.ended(answer.json()["job_id"])

    assert (job["status"], job["projects_imported"], job["sessions_imported"], job["errors"]) == ("succeeded", 4, 4, [])
    assert scene.stack.select(
        "SELECT DISTINCT starts_with(f ->> 'blob_url', 's3://tracker-uploads/uploads/') FROM import_jobs, jsonb_array_elements(files) f"
    ) == [(True,)]
    projects = {project["path"] for project in scene.stack.http.get("/api/projects?limit=100").json()}
    assert {f"/imported/{name}/{n}" for n in range(4)} <= projects
    assert wait_until(lambda: scene.in_the_bucket() == [], JOB_SECONDS)
    for log in scene.stack.log_folder.glob("*.log"):
        text = log.read_text()
        assert canary() not in text
        assert "tracker-secret" not in text


def test_a_refused_upload_leaves_nothing_in_the_bucket(scene: Scene) -> None:
    large = b'{"projects": {"/p": {}}, "x": "' + b"y" * (20 * MB) + b'", "claudeAiOauth": {"accessToken": "sk-canary"}}'
    answer = scene.stack.http.post(IMPORT, files={"file": ("claude.json", large)})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FILE")
    assert scene.in_the_bucket() == []


def test_memory_does_not_grow_with_the_upload_size(scene: Scene, tmp_path: Path) -> None:
    # Given processes that have had an upload before
    archive = tmp_path / "large.zip"
    noise = random.Random(1)
    with zipfile.ZipFile(archive, "w") as packed, packed.open("noise.bin", "w") as member:
        for _ in range(LARGE_MB):
            member.write(noise.randbytes(MB))
        member.close()
        packed.writestr(".claude.json", json.dumps(claude_json(uuid4().hex)))
    pids = [scene.stack.pids["api"], *_children(scene.stack.pids["worker"])]
    before = {pid: _begin_to_watch(pid) for pid in pids}

    job = scene.ended(_uploaded(scene, archive))

    assert (job["status"], job["projects_imported"]) == ("succeeded", 1)
    assert job["bytes_total"] > LARGE_MB * MB
    growth_mb = {pid: (_kb(pid, "VmHWM") - before[pid]) / 1024 for pid in pids}
    print(f"200 MB: growth of the peak by process, MB: {list(growth_mb.values())}")
    assert max(growth_mb.values()) < GROWTH_MB, growth_mb
    assert wait_until(lambda: scene.in_the_bucket() == [], JOB_SECONDS)


def _uploaded(scene: Scene, archive: Path) -> str:
    """The id of the job. After a 503 it is sent again, as the answer asks: on a busy machine a database may need more than a second."""
    headers = {"prefer": "respond-async", "idempotency-key": uuid4().hex}
    answers: list[Any] = []

    def is_taken() -> bool:
        with archive.open("rb") as file:
            answers.append(scene.stack.http.post(IMPORT, files={"file": (archive.name, file)}, headers=headers, timeout=120))
        return answers[-1].status_code != 503

    assert wait_until(is_taken, JOB_SECONDS) and answers[-1].is_success, [answer.text for answer in answers]
    return str(answers[-1].json()["job_id"])


def _begin_to_watch(pid: int) -> int:
    """Resets the peak (proc(5): clear_refs). Its memory now, in kB."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _kb(pid, "VmRSS")


def _kb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
