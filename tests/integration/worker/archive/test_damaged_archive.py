"""A content of the archive that is lost or damaged is an error of its own file: a reparse, a scrub and `verify --archive` name it and go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.worker.archive.segments import frame_of
from services.worker.importers.formats.transcript import transcript_reader
from services.worker.maintenance import verify
from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from shared.jobs import SCRUB
from tests.integration.worker.all_tables import tables
from tests.integration.worker.archive.imported_contents import AGENT_OF, contents, import_files, of_another_session
from tests.integration.worker.archive.reparsed_sessions import reparse
from tests.integration.worker.maintenance.scrubbed import asked_for
from tests.integration.worker.statements import select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, jsonl

CONTENT = jsonl(*WHOLE)
OTHER = jsonl(*({**row, "uuid": f"other-{row['uuid']}"} if "uuid" in row else row for row in WHOLE[:1]))
NAME, OTHER_NAME = f"{SESSION}.jsonl", f"{AGENT_OF}.jsonl"


def other_bytes(path: Path) -> None:
    path.write_bytes(frame_of(b"something else\n"))


def garbage(path: Path) -> None:
    path.write_bytes(b"no frame at all")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


DAMAGES = {"missing": Path.unlink, "other bytes": other_bytes, "garbage": garbage, "cut off": cut_off}
damages = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


@pytest.fixture
def damaged(worker: Resources, tmp_path: Path) -> Callable[[Callable[[Path], Any]], None]:
    """Two sessions are imported; then the content of the first is damaged."""
    import_files(worker, tmp_path, {NAME: CONTENT, OTHER_NAME: of_another_session(OTHER, AGENT_OF)})

    def damage_it(damage: Callable[[Path], Any]) -> None:
        [path] = [path for path in (tmp_path / "archive").glob("??/*") if path.stat().st_size > 500]
        damage(path)

    return damage_it


def noted(worker: Resources) -> list[Any]:
    statement = "SELECT f.session_id, d.reason FROM damaged_segments AS d JOIN transcript_files AS f ON f.id = d.file_id"
    return select(worker, statement)


@damages
def test_a_reparse_names_a_damaged_session_and_goes_on_with_the_others(
    worker: Resources, damaged: Callable[..., None], monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], Any]
) -> None:
    with worker.transaction() as connection:
        before = tables(connection)
    damaged(damage)
    monkeypatch.setattr(transcript_reader, "MAX_CONTENT_CHARACTERS", 5)

    done = reparse(worker)

    reason = "missing" if damage is Path.unlink else "damaged"
    assert (done["status"], done["changes"]) == ("succeeded", {"messages_changed": 1})
    assert [(error["code"], error["file"]) for error in done["errors"]] == [(f"CONTENT_{reason.upper()}", f"{SESSION}/{NAME}")]
    assert noted(worker) == [(SESSION, reason)]
    with worker.transaction() as connection:
        after = tables(connection)
    assert [row for row in after["messages"] if SESSION in row] == [row for row in before["messages"] if SESSION in row]


def test_a_scrub_names_damaged_sessions_and_succeeds(worker: Resources, tmp_path: Path) -> None:
    """given a session for each damage, and one that is whole"""
    own = [
        jsonl(*({**row, "uuid": f"{number}-{row['uuid']}"} if "uuid" in row else row for row in WHOLE)) for number in range(len(DAMAGES))
    ]
    damaged = {f"{number}{AGENT_OF[1:]}": content for number, content in enumerate(own)}
    files = {f"{session_id}.jsonl": of_another_session(content, session_id) for session_id, content in damaged.items()}
    import_files(worker, tmp_path, files | {NAME: OTHER})
    paths = [path for path in (tmp_path / "archive").glob("??/*") if path.stat().st_size > 500]
    for damage, path in zip(DAMAGES.values(), paths, strict=True):
        damage(path)
    scrub_id: UUID = asked_for(worker)

    while run_job(worker, SCRUB, scrub_id):
        pass

    assert select(worker, "SELECT status FROM jobs") == [("succeeded",)]
    found = noted(worker)
    assert {session_id for session_id, _ in found} == damaged.keys()
    assert sorted(reason for _, reason in found) == ["damaged"] * 3 + ["missing"]


@damages
def test_verifying_the_archive_names_a_damaged_file_until_it_is_imported_again(
    worker: Resources,
    damaged: Callable[..., None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], Any],
) -> None:
    assert (verify.verify_archive(worker), capsys.readouterr().out.split()) == (0, ["archive", "ok"])
    damaged(damage)

    assert verify.verify_archive(worker) == 1
    said = capsys.readouterr().out
    assert f"session {SESSION}: {NAME} (of an import) is " in said
    assert AGENT_OF not in said
    import_files(worker, tmp_path, {NAME: CONTENT})
    assert verify.verify_archive(worker) == 0
    assert (contents(worker), noted(worker)) == ([CONTENT], [])
