"""`tracker erase` on a real server: what it erased is let in again by the beginning of its id, as people copy it."""

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run


def test_a_tombstone_is_lifted_by_the_beginning_of_the_id(tracker: Run, home: ClaudeHome) -> None:
    session_id = home.transcript(1).stem
    assert tracker("import", "--quiet").returncode == 0
    erased = tracker("erase", "session", session_id[:8], "--confirm", session_id)
    assert erased.returncode == 0, erased.stderr
    assert f"erase session {session_id} --lift`" in erased.stdout

    lifted = tracker("erase", "session", session_id[:8], "--lift")

    assert (lifted.returncode, lifted.stdout.split(":")[0]) == (0, "1 tombstone lifted"), lifted.stderr
    again = tracker("erase", "session", session_id, "--lift")
    assert (again.returncode, again.stderr) == (1, "Nothing keeps this out: it has no tombstone.\n")


def test_a_beginning_that_no_transcript_here_has_asks_for_the_whole_id(tracker: Run) -> None:
    lifted = tracker("erase", "session", "0123abcd", "--lift")

    assert (lifted.returncode, lifted.stderr) == (
        1,
        "Give the whole id: a tombstone is found by nothing less, and no transcript of this machine begins with 0123abcd.\n",
    )
