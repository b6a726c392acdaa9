"""Forks of the real client: each row is the origin's, whatever the ids, whichever file comes first, and whether the origin is over."""

from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest

from services.worker.resources import Resources
from tests.flow.connect.shippers import wait_for
from tests.integration.worker.all_tables import empty, is_verified
from tests.integration.worker.capture.captured import import_files, put_range, read_all
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import say, use
from tests.skips import needs

pytestmark = [needs("Claude Code")]
# Begins the ids of origin and fork.
IDS = [("f", "0"), ("0", "f")]


def id_beginning(with_digit: str) -> str:
    return f"{with_digit}{str(uuid4())[1:]}"


def said(worker: Resources, session_id: str) -> list[str]:
    """Prompts and answers of a session, in their order."""
    with worker.transaction() as connection:
        found = connection.execute(
            "SELECT content FROM messages WHERE session_id = %s AND content <> '' ORDER BY occurred_at", [session_id]
        )
        return [content for (content,) in found]


def fork_of(home: ClaudeHome, origin: str, begin: str) -> str:
    return home.run(
        "Another way.", [[say("Another.")]], "--resume", origin, "--fork-session", "--session-id", id_beginning(begin)
    ).session_id


def content(home: ClaudeHome, session_id: str) -> bytes:
    [path] = [path for path in home.transcripts() if path.stem == session_id]
    return path.read_bytes()


def bring(worker: Resources, folder: Path, way: str, files: dict[str, bytes]) -> None:
    """Each file by itself, in this order."""
    for session_id, content in files.items():
        if way == "import":
            import_files(worker, folder, content)
        else:
            with worker.transaction() as connection:
                put_range(connection, session_id, content)
            read_all(worker)


@pytest.mark.parametrize("ids", IDS, ids="-".join)
@pytest.mark.parametrize("is_open", [False, True], ids=["ended", "open"])
def test_origin_keeps_its_conversation(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path, ids: tuple[str, str], *, is_open: bool
) -> None:
    # Given a session, and a fork of it: begun while the client of the origin runs, or after
    origin = id_beginning(ids[0])
    claude_home.run("One way.", [[use("Bash", command="echo one", description="One")], [say("One.")]], "--session-id", origin)
    if is_open:
        with claude_home.started("And on.", [[use("Bash", command="echo begun; sleep 60", description="Wait")]], "--resume", origin):
            wait_for(lambda: b"echo begun" in content(claude_home, origin))
            fork = fork_of(claude_home, origin, ids[1])
            files = {each: content(claude_home, each) for each in (origin, fork)}
    else:
        fork = fork_of(claude_home, origin, ids[1])
        files = {each: content(claude_home, each) for each in (origin, fork)}

    # When one file comes after the other
    for way, order in product(("import", "live"), ((origin, fork), (fork, origin))):
        bring(worker, tmp_path, way, {each: files[each] for each in order})

        # Then the origin has what was said in it, and the fork what was said since
        assert said(worker, origin) == ["One way.", "One.", *["And on."] * is_open], (way, order)
        assert said(worker, fork) == ["Another way.", "Another."], (way, order)
        assert is_verified(worker)
        empty(worker)


def test_first_fork_has_the_conversation_until_its_origins_file_comes(claude_home: ClaudeHome, worker: Resources, tmp_path: Path) -> None:
    # Given a session of a great id, a fork of it, and a fork of the fork of a lesser one
    origin = id_beginning("f")
    claude_home.run("One way.", [[say("One.")]], "--session-id", origin)
    fork = fork_of(claude_home, origin, "8")
    second = claude_home.run(
        "A third way.", [[say("Third.")]], "--resume", fork, "--fork-session", "--session-id", id_beginning("0")
    ).session_id

    # When the forks' files come, the later first
    for session_id in (second, fork):
        import_files(worker, tmp_path, content(claude_home, session_id))

    # Then the first fork has it all but what was said in the other
    assert said(worker, fork) == ["One way.", "One.", "Another way.", "Another."]
    assert said(worker, second) == ["A third way.", "Third."]

    # When the origin's comes, then it has its own
    import_files(worker, tmp_path, content(claude_home, origin))
    assert said(worker, origin) == ["One way.", "One."]
    assert said(worker, fork) == ["Another way.", "Another."]
    assert is_verified(worker)
