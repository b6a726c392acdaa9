"""Uploads that a proxy on the way rejects as too large, although the tracker's own limit allows them."""

import random
from pathlib import Path
from typing import Any

import pytest

from client.history.hash_cache import HashCache
from client.history.importing import Importer, origin_of
from client.history.jobs import COUNTS
from client.history.plan import HashedFile, Plan
from client.http.server import Server
from client.output.display import Quiet
from tests.unit.client.local_files import local_file
from tests.unit.client.scripted_server import Scripted, after_the_body, answer

LIMIT = 10**9


def too_large(**details: Any) -> Any:
    return after_the_body(answer(413, {"error": True, "message": "Too much.", "code": "PAYLOAD_TOO_LARGE", "details": details}))


def job(name: str) -> Any:
    return answer(200, dict.fromkeys(COUNTS, 1) | {"job_id": name, "status": "succeeded", "progress": 1.0, "errors": []})


def accepted(name: str) -> Any:
    return after_the_body(answer(202, {"job_id": name}))


def plan_of(tmp_path: Path, *sizes: int) -> Plan:
    files = [local_file(tmp_path / f"{index}.jsonl", random.Random(index).randbytes(size)) for index, size in enumerate(sizes)]
    return Plan(to_send=[HashedFile(file, file.name) for file in files], max_upload_bytes=LIMIT)


def send(scripted: Scripted, tmp_path: Path, plan: Plan) -> Any:
    return Importer(Server(scripted.url, None, lambda _: None), Quiet(), HashCache(tmp_path / "cache"), "ann").send(plan)


def test_an_upload_refused_as_too_large_is_split_by_the_size_in_the_answer(tmp_path: Path) -> None:
    answers = [too_large(max_bytes=300_000), accepted("a"), job("a"), accepted("b"), job("b")]
    with Scripted(*answers) as scripted:
        result = send(scripted, tmp_path, plan_of(tmp_path, 150_000, 150_000))
    assert [sent["job_id"] for sent in result.jobs] == ["a", "b"]
    assert (result.files_sent, result.total("sessions_imported"), result.is_whole) == (2, 2, True)


def test_an_upload_refused_without_a_size_is_halved_down_to_single_files(tmp_path: Path) -> None:
    with Scripted(too_large(), accepted("a"), job("a"), too_large()) as scripted:
        result = send(scripted, tmp_path, plan_of(tmp_path, 10, 20))
    assert (result.files_sent, len(result.jobs), result.is_whole) == (1, 1, False)
    assert [problem.path for problem in result.problems] == [str(tmp_path / "1.jsonl")]


def test_idempotency_keys_differ_between_uploads_and_between_runs(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        with Scripted(accepted("a"), job("a")) as scripted:
            send(scripted, tmp_path, plan_of(tmp_path, 10))
        keys.add(scripted.seen[0][2]["idempotency-key"])
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["/home/ann/.claude", "/home/ann/.claude.json"], "~/.claude and ~/.claude.json on ann-laptop"),
        (["/home/ann/.claude/projects"], "~/.claude/projects on ann-laptop"),
        (["/mnt/disk/old.claude.json"], "old.claude.json on ann-laptop"),
        (["/home/ann/a", "/home/ann/b", "/home/ann/c"], "~/a and 2 more on ann-laptop"),
        (["/home/ann"], "ann on ann-laptop"),
        (["/"], "/ on ann-laptop"),
    ],
)
def test_an_import_is_named_after_its_paths_and_its_machine(paths: list[str], name: str) -> None:
    assert origin_of([Path(path) for path in paths], Path("/home/ann"), "ann-laptop") == name
