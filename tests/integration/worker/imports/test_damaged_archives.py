"""Damaged or oversized archives: the job ends, names the place, and the readable members are imported."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from tests.integration.worker.imports.import_jobs import add_job, listed, session_file
from tests.integration.worker.statements import only_row, select
from tests.unit.worker.importers.transcript.rows_of_a_session import jsonl, prompt

SHARDS = 2
MEMBERS = [session_file(2 * number) for number in range(6)]


def as_tar_gz(members: list[bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        for number, content in enumerate(members):
            info = tarfile.TarInfo(f"projects/p/{number}.jsonl")
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def as_zip(members: list[bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for number, content in enumerate(members):
            target.writestr(f"projects/p/{number}.jsonl", content)
    return packed.getvalue()


def imported(worker: Resources, folder: Path, archive: bytes, kind: str) -> dict[str, Any]:
    """The job after each of its shards has been worked on once."""
    blob = folder / "archive"
    blob.write_bytes(archive)
    job_id = add_job(worker, listed(blob, kind), shards=SHARDS)
    for shard in range(SHARDS):
        run_shard.run(worker, job_id, shard)
    found = only_row(worker, "SELECT * FROM import_jobs WHERE id = %s", [job_id])
    return found | {"known": select(worker, "SELECT * FROM imported_files")}


@pytest.mark.parametrize(("pack", "kind"), [(as_tar_gz, "tar_gz"), (as_zip, "zip")])
def test_a_truncated_archive_is_imported_up_to_the_cut(worker: Resources, tmp_path: Path, pack: Any, kind: str) -> None:
    archive = pack(MEMBERS)

    result = imported(worker, tmp_path, archive[: len(archive) * 2 // 3], kind)

    # Then some rows are stored, the place is reported, the upload is deleted, and the truncated member is not known
    assert (result["status"], result["has_files"]) == ("failed", False)
    assert 0 < result["conversations_imported"] < 20 * len(MEMBERS)
    assert any(error["code"] == "DAMAGED" for error in result["errors"])
    assert len(result["known"]) < len(MEMBERS)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_in_an_archive_is_skipped_and_the_others_are_imported(worker: Resources, tmp_path: Path) -> None:
    bomb = jsonl(prompt(0, "u-bomb", "hello", sessionId="bomb")) + b"\0" * 100_000_000

    result = imported(worker, tmp_path, as_zip([*MEMBERS, bomb]), "zip")

    assert result["status"] == "failed"
    assert result["conversations_imported"] == 20 * len(MEMBERS) + 1
    assert len(result["known"]) == len(MEMBERS)


@pytest.mark.parametrize(("pack", "kind"), [(as_tar_gz, "tar_gz"), (as_zip, "zip")])
def test_an_archive_above_a_limit_fails_with_that_reason(worker: Resources, tmp_path: Path, pack: Any, kind: str) -> None:
    """given members of which none unpacks to too much by itself, then what was before the limit is imported."""
    # One blank line each: as many lines as bytes would take a minute to read.
    small_bomb = jsonl(prompt(0, "u-bomb", "hello", sessionId="bomb")) + b" " * 2_000_000

    result = imported(worker, tmp_path, pack([*MEMBERS, *[small_bomb] * 80]), kind)

    assert result["status"] == "failed"
    assert "LIMIT_EXCEEDED" in {error["code"] for error in result["errors"]}
    assert result["conversations_imported"] >= 20 * len(MEMBERS)
    assert list(tmp_path.iterdir()) == []


def test_repeated_content_in_an_archive_is_one_known_file(worker: Resources, tmp_path: Path) -> None:
    result = imported(worker, tmp_path, as_zip([MEMBERS[0]] * 5), "zip")

    assert (result["status"], result["conversations_imported"], len(result["known"])) == ("succeeded", 20, 1)
