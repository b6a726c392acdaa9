"""A client asks which of its files the server has read completely, and need not send those."""

import random
from hashlib import sha256
from typing import Any

import httpx2 as httpx
import pytest

from services.ingest.imports.upload_manifest import MAX_FILES
from shared.claude_formats.upload_kinds import READER_VERSION
from tests.integration.ingest.conftest import Service, is_error

MANIFEST = "/api/import/manifest"
TRIES = 10


def hash_of(content: str) -> bytes:
    return sha256(content.encode()).digest()


def entry(content: str, **changes: Any) -> dict[str, Any]:
    return {"path": f"projects/{content}.jsonl", "size": len(content), "sha256": hash_of(content).hex()} | changes


def imported(service: Service, *contents: str, user: str | None = None, reader_version: int = READER_VERSION) -> None:
    """By two jobs of the user."""
    for _ in range(2):
        [job] = service.select("INSERT INTO import_jobs (id, files, user_name) VALUES (gen_random_uuid(), '[]', %s) RETURNING number", user)
        for content in contents:
            service.execute(
                "INSERT INTO imported_files (sha256, job_number, reader_version) VALUES (%s, %s, %s)",
                hash_of(content),
                job["number"],
                reader_version,
            )


def answered(service: Service, files: list[dict[str, Any]]) -> httpx.Response:
    """A machine that is busy with other things may hold up the database for a second; then a client asks again, as the 503 says."""
    for _ in range(TRIES):
        if (answer := service.post(MANIFEST, {"files": files})).status_code != 503:
            break
    return answer


def test_imported_files_are_known_and_the_others_are_listed_by_index(service: Service) -> None:
    imported(service, "b", "d")

    answer = service.post(MANIFEST, {"files": [entry(content) for content in "abcda"]})

    assert answer.status_code == 200
    assert answer.json() == {"unseen": [0, 2, 4], "known": 2, "max_upload_bytes": service.settings.max_upload_bytes}


def test_a_file_is_known_only_for_the_user_who_imported_it(service: Service) -> None:
    imported(service, "anns", user="ann")
    imported(service, "nobodys")

    def unseen(**fields: str) -> Any:
        return service.post(MANIFEST, {"files": [entry("anns"), entry("nobodys")]} | fields).json()["unseen"]

    assert unseen(user="ann") == [1]
    assert unseen(user="bob") == [0, 1]
    assert unseen() == []


def test_a_file_read_by_an_older_reader_is_requested_again(service: Service) -> None:
    imported(service, "old", reader_version=READER_VERSION - 1)
    imported(service, "new")

    assert service.post(MANIFEST, {"files": [entry("old"), entry("new")]}).json()["unseen"] == [0]


def test_an_empty_manifest_has_no_unseen_files(service: Service) -> None:
    assert service.post(MANIFEST, {"files": []}).json()["unseen"] == []


def test_a_manifest_of_maximum_size_is_answered(service: Service) -> None:
    imported(service, "7")
    files = [entry(str(n)) for n in range(MAX_FILES)]
    random.Random(1).shuffle(files)

    answer = answered(service, files)

    assert answer.status_code == 200, answer.text
    assert answer.json()["known"] == 1
    [known] = set(range(MAX_FILES)) - set(answer.json()["unseen"])
    assert files[known] == entry("7")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "files"),
        ({"files": {}}, "files"),
        ({"files": [entry("a")] * (MAX_FILES + 1)}, "files"),
        ({"files": [entry("a"), {"path": "x", "size": 1}]}, "files[1].sha256"),
        ({"files": [entry("a", sha256="A" * 64)]}, "files[0].sha256"),
        ({"files": [entry("a", sha256="a" * 63)]}, "files[0].sha256"),
        ({"files": [entry("a", sha256="a" * 64 + "\n")]}, "files[0].sha256"),
        ({"files": [entry("a", size=-1)]}, "files[0].size"),
        ({"files": [entry("a", size="1")]}, "files[0].size"),
        ({"files": [entry("a", path="")]}, "files[0].path"),
        ({"files": [], "user": ""}, "user"),
        ({"files": [], "user": 7}, "user"),
    ],
)
def test_an_invalid_manifest_is_400_and_names_the_field(service: Service, body: Any, field: str) -> None:
    assert list(is_error(service.post(MANIFEST, body), 400, "VALIDATION_ERROR")) == [field]


def test_malformed_json_is_400(service: Service) -> None:
    is_error(service.http.post(MANIFEST, content=b"{", headers={"content-type": "application/json"}), 400, "INVALID_JSON")
