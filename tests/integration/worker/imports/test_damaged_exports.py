"""An export that is damaged, forged, or brought by a key that may not: what of it is imported, and what is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.worker.importers.formats.export_manifest import VERSION
from services.worker.resources import Resources
from tests.emptied import Emptier
from tests.integration.worker.imports.exported_world import (
    NOW,
    a_tracker_with_everything,
    bring,
    session,
)
from tests.integration.worker.imports.exporting import (
    everything,
    exported,
    imported,
    rewritten,
)

Change = Callable[[dict[str, bytes], dict[str, Any]], None]


def cut_off(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def flipped(content: bytes) -> bytes:
    """A byte in the middle of a transcript, which is the last large member."""
    at = content.index(b"transcripts/") + 200
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [cut_off, flipped, lambda content: content[:-30]], ids=["cut off", "a flipped byte", "without its end"])
def test_nothing_of_a_damaged_export_is_imported(
    worker: Resources, emptier: Emptier, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    archive.write_bytes(damage(archive.read_bytes()))

    emptier()
    empty = everything(worker)
    ended = imported(worker, archive)

    assert ended["status"] == "failed"
    assert [error["code"] for error in ended["errors"]] == ["DAMAGED"]
    assert "nothing of it was imported" in ended["errors"][0]["message"]
    assert everything(worker) == empty


def wrong_hash(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    # The members stay as the manifest had them listed.
    members["rows/messages.ndjson"] += b"\n"
    manifest["listed"], manifest["members"] = manifest["members"], None


def no_manifest(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest.clear()
    manifest["members"] = None


FOREIGN: dict[str, tuple[Change, str]] = {
    "newer": (lambda _, manifest: manifest.update(version=VERSION + 1), "UNKNOWN_EXPORT"),
    "of another program": (lambda _, manifest: manifest.update(format="something else"), "UNKNOWN_EXPORT"),
    "a wrong hash": (wrong_hash, "DAMAGED"),
    "a name that leads out": (lambda members, _: members.update({"transcripts/../../etc/passwd": b"x"}), "DAMAGED"),
    "an absolute name": (lambda members, _: members.update({"/etc/passwd": b"x"}), "DAMAGED"),
    "no manifest": (no_manifest, "DAMAGED"),
}


@pytest.mark.parametrize(("change", "code"), FOREIGN.values(), ids=FOREIGN)
def test_an_export_that_is_not_what_it_says_is_refused(
    worker: Resources, emptier: Emptier, tmp_path: Path, change: Change, code: str
) -> None:
    a_tracker_with_everything(worker, tmp_path)
    foreign = rewritten(exported(worker, tmp_path / "export.zip"), tmp_path / "foreign.zip", change)

    emptier()
    empty = everything(worker)
    ended = imported(worker, foreign)

    assert (ended["status"], [error["code"] for error in ended["errors"]]) == ("failed", [code])
    assert everything(worker) == empty


def test_rows_that_cannot_be_true_are_left_out_and_the_others_are_imported(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export to whose rows somebody has added absurd ones
    a_tracker_with_everything(worker, tmp_path)
    absurd = [
        {"session_id": "wire"},
        {"id": str(uuid4()), "received_at": "2026-05-01T12:00:00", "session_id": "wire", "role": "user", "content": "no offset"},
        {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "role": "emperor", "content": "x"},
    ]
    far = {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "tool_name": "Bash", "status": "success"}

    def add(members: dict[str, bytes], _: dict[str, Any]) -> None:
        members["rows/messages.ndjson"] += b"".join(json.dumps(row).encode() + b"\n" for row in absurd) + b"no JSON\n"
        members["rows/tool_calls.ndjson"] += json.dumps(far | {"occurred_at": "9999-01-01T00:00:00+00:00"}).encode() + b"\n"
        members["rows/api_calls.ndjson"] += json.dumps(
            {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "occurred_at": NOW.isoformat(), "output_tokens": -5}
        ).encode()
        listed = members["rows/transcript_files.ndjson"].splitlines()
        changed = json.loads(listed[0]) | {"member": "transcripts/not/there"}
        members["rows/transcript_files.ndjson"] = b"\n".join([json.dumps(changed).encode(), *listed[1:]])
        members["rows/an_unknown_table.ndjson"] = b'{"a": 1}\n'

    before = everything(worker)
    foreign = rewritten(exported(worker, tmp_path / "export.zip"), tmp_path / "foreign.zip", add)

    # When it is imported
    emptier()
    ended = imported(worker, foreign)

    # Then each is an error of the job that quotes nothing of it, and the rest is there
    codes = sorted(error["code"] for error in ended["errors"])
    assert (ended["status"], codes) == ("succeeded", ["INVALID_ROW"] * 6 + ["NOT_BELIEVED"])
    assert "emperor" not in str(ended["errors"])
    after = everything(worker)
    assert len(after.pop("transcripts")) == len(before.pop("transcripts")) - 1
    assert after == before


def test_a_bound_key_brings_its_own_users_sessions_alone(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export of all users, and a tracker that knows carl's sessions
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    bring(worker, tmp_path, {"file-1.jsonl": session(1)}, user="carl")
    mine = everything(worker)

    # When ann's key brings the export
    ended = imported(worker, archive, user="ann")

    # Then carl's session is as it was, whatever is new is ann's, and neither users, machines nor views came
    assert "SESSION_OF_ANOTHER_USER" in {error["code"] for error in ended["errors"]}
    after = everything(worker)
    assert [row for row in after["messages"] if '"file-1"' in row] == [row for row in mine["messages"] if '"file-1"' in row]
    assert after["names"] == [("ann", None), ("carl", None)]
    assert after["machines"] == after["saved_views"] == []
    assert {json.loads(row)["u"] for row in after["sessions"] if '"file-1"' not in row} == {"ann"}
