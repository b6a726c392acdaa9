"""Schemathesis with all checks against the running pipeline, with open access and with keys: no 5xx, nothing undocumented."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.example_counts import IS_NIGHTLY
from tests.flow.conftest import REPOSITORY, Stack, running_stack, second_api
from tests.skips import needs

# compose-test sends the like through the gateway.
pytestmark = needs("the embedded servers")

# Beside those of the phases that are not random.
EXAMPLES_PER_OPERATION = 4 if IS_NIGHTLY else 1


@pytest.fixture(scope="module")
def stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A pipeline of its own: any request includes one that renames the user of all other tests."""
    folder = tmp_path_factory.mktemp("schema")
    with running_stack(folder, postgres_url, redis_server_url, 11, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


def check(http: httpx.Client, folder: Path, *more: str, examples: int = EXAMPLES_PER_OPERATION) -> None:
    command = [str(Path(sys.executable).with_name("st")), "--config-file", str(REPOSITORY / "schemathesis.toml"), "run"]
    options = ["--max-examples", str(examples), "--seed", "1", "--generation-database", "none", "--no-color", *more]

    result = subprocess.run(
        [*command, str(http.base_url.join("/openapi.json")), *options], cwd=folder, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout[-20_000:]


def test_answers_to_any_request_are_documented(stack: Stack, tmp_path: Path) -> None:
    check(stack.http, tmp_path)


def test_answers_with_an_admin_key_are_documented(stack: Stack, tmp_path: Path) -> None:
    key = stack.http.post("/api/keys", json={"name": "schemathesis", "scopes": ["admin"]}).json()["key"]
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        assert http.get("/api/sessions").status_code == 401
        # Once is enough for what is the same without keys.
        check(http, tmp_path, "-H", f"Authorization: Bearer {key}", "--phases", "fuzzing", examples=1)


def test_answers_without_a_needed_key_are_documented(stack: Stack, tmp_path: Path) -> None:
    stack.http.post("/api/keys", json={"name": "somebody's", "scopes": ["admin"]})
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        check(
            http,
            tmp_path,
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            # Every answer is the refusal of a layer before all operations: one request to each shows it.
            "--phases",
            "fuzzing",
            examples=1,
        )
