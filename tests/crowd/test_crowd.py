"""The short form of `make crowd`: slow clients never cause a refusal of quick ones."""

from pathlib import Path

from tests.crowd.story import QUICK, refused, report, tell
from tests.faults.product.stack import Stack


def test_quick_requests_are_never_refused_because_others_are_slow(tmp_path: Path) -> None:
    """given 200 writers, waiters, uploaders, watchers and readers, and workers that stand still for a while, then only slow ones hear a no."""
    tmp_path.chmod(0o755)
    stack = Stack(tmp_path)
    try:
        stack.start()
        notes = tell(stack, connections=200, seconds=20, standstill_every=5)
    finally:
        stack.stop()
    assert refused(notes) == {}, report(notes)
    assert all(notes.outcomes[kind] for kind in QUICK), report(notes)
    assert set(notes.outcomes["watch"]) <= {"200", "503"}, report(notes)
    assert all(outcome.startswith("201 ") for outcome in notes.outcomes["wait"]), report(notes)
