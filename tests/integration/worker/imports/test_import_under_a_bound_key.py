"""Imports under a key bound to a user: rows of other users stay unchanged, the rest is stored."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.worker.resources import Resources
from tests.integration.worker.all_tables import all_tables
from tests.integration.worker.imports.import_jobs import add_job, add_key, imported, listed
from tests.integration.worker.statements import select


def row(session_id: str, number: int, text: str, cwd: str = "/p") -> dict[str, Any]:
    """A person's words in a transcript; the same number is the same message, also in the file of a fork."""
    at = f"2026-05-01T12:{number:02}:00.000Z"
    message = {"role": "user", "content": text}
    return {
        "type": "user",
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "sessionId": session_id,
        "timestamp": at,
        "cwd": cwd,
        "message": message,
    }


@pytest.fixture
def bring(worker: Resources, tmp_path: Path) -> Any:
    """Imports a transcript as a user; `by_key`: unbound | bound. `projects`: paths that the key is bound to. The job as it ended."""

    def bring(user: str, by_key: str, *rows: dict[str, Any], projects: list[str] | None = None) -> dict[str, Any]:
        path = tmp_path / uuid4().hex
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        key_id = add_key(worker, ["ingest"], user if by_key == "bound" else None, projects)
        return imported(worker, add_job(worker, listed(path, "transcript", "a.jsonl"), user_name=user, key_id=key_id))

    return bring


def owners(worker: Resources) -> list[Any]:
    sql = "SELECT m.session_id, u.name, m.content FROM messages AS m JOIN users AS u ON u.id = m.user_id ORDER BY 1, 3"
    return select(worker, sql)


def test_a_session_of_another_user_is_unchanged(worker: Resources, bring: Any) -> None:
    # Given a session of bob's
    bring("bob", "unbound", row("bobs", 5, "mine"))
    before = all_tables(worker)

    # When ann's key brings the same session, begun earlier, with a longer reading of bob's message and one of her own
    ended = bring("ann", "bound", row("bobs", 1, "was here first"), row("bobs", 5, "mine, and longer"))

    # Then nothing of it has changed, and the job says why
    assert all_tables(worker) == before
    assert ended["conversations_imported"] == 0
    assert [error["code"] for error in ended["errors"]] == ["SESSION_OF_ANOTHER_USER"]
    assert "of session bobs were left out" in ended["errors"][0]["message"]


def known_files(worker: Resources) -> int:
    [(known,)] = select(worker, "SELECT count(*) FROM imported_files")
    return int(known)


def test_a_file_with_rejected_records_is_not_known_and_they_are_counted(worker: Resources, bring: Any) -> None:
    # Given a session of bob's of which one message is stored
    bring("bob", "unbound", row("bobs", 1, "mine"))
    assert known_files(worker) == 1

    # When ann's key brings a copy of the whole of it
    ended = bring("ann", "bound", *(row("bobs", number, f"message {number}") for number in range(1, 21)))

    # Then nothing of it is stored, the job counts the rejected records, and the file is not known
    assert ended["conversations_imported"] == 0
    assert ended["skipped_records"] == {"another user's": 22}
    assert known_files(worker) == 1

    # And bob can still bring it
    again = bring("bob", "bound", *(row("bobs", number, f"message {number}") for number in range(1, 21)))
    assert (again["conversations_imported"], again["skipped_records"]) == (19, {})
    assert known_files(worker) == 2


def test_a_copy_of_another_users_message_does_not_change_its_owner(worker: Resources, bring: Any) -> None:
    # Given a message of bob's
    bring("bob", "unbound", row("s-2", 1, "mine"))

    # When a file of ann's holds it under a session that would have the better claim, and a message of its own
    ended = bring("ann", "bound", row("s-1", 1, "mine"), row("s-1", 2, "new"))

    # Then it is still bob's, and hers is hers
    assert owners(worker) == [("s-1", "ann", "new"), ("s-2", "bob", "mine")]
    assert [error["message"].split(" ")[:5] for error in ended["errors"]] == [["1", "records", "of", "session", "s-1"]]


def test_own_and_unowned_sessions_are_imported(worker: Resources, bring: Any) -> None:
    first = bring("ann", "bound", row("anns", 1, "one"))
    again = bring("ann", "bound", row("anns", 1, "one"), row("anns", 2, "two"))

    assert first["errors"] == again["errors"] == []
    assert owners(worker) == [("anns", "ann", "one"), ("anns", "ann", "two")]


def test_an_unbound_key_imports_everything(worker: Resources, bring: Any) -> None:
    bring("bob", "unbound", row("bobs", 1, "one"))
    ended = bring("ann", "unbound", row("bobs", 2, "two"))

    assert (ended["conversations_imported"], ended["errors"]) == (1, [])


def test_a_key_bound_to_projects_imports_what_begins_there(worker: Resources, bring: Any) -> None:
    # Given a project, and a session of another
    bring("ann", "unbound", row("old", 1, "old"))
    bring("ann", "unbound", row("elsewhere", 9, "mine", "/q"))

    # When its key brings a new session, more of the old one, and a session that begins in a third project
    ended = bring(
        "ann",
        "unbound",
        row("new", 2, "new"),
        row("old", 3, "older"),
        row("third", 4, "third", "/r"),
        row("elsewhere", 5, "moved"),
        projects=["/p"],
    )

    # Then the first two are stored, and the job names the others
    assert [session_id for session_id, _, _ in owners(worker)] == ["elsewhere", "new", "old", "old"]
    assert ended["conversations_imported"] == 2
    assert {error["code"] for error in ended["errors"]} == {"SESSION_OF_ANOTHER_PROJECT"}
    assert sorted(error["message"].split(" ")[4] for error in ended["errors"]) == ["elsewhere", "third"]
    assert set(ended["skipped_records"]) == {"another project's"}

    # And nothing else of the third project is there
    assert select(worker, "SELECT FROM projects WHERE path = '/r'") == []
    assert select(worker, "SELECT FROM sessions WHERE session_id = 'third'") == []


def test_a_key_bound_to_projects_goes_on_with_its_own_session_of_several_chunks(worker: Resources, bring: Any) -> None:
    bring("ann", "unbound", row("old", 1, "old"))

    ended = bring("ann", "unbound", *(row("long", number, f"message {number}") for number in range(10, 59)), projects=["/p"])
    again = bring("ann", "unbound", *(row("long", number, f"message {number}") for number in range(9, 59)), projects=["/p"])

    assert (ended["conversations_imported"], ended["errors"]) == (49, [])
    assert (again["conversations_imported"], again["errors"]) == (1, [])
