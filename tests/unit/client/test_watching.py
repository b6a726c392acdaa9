"""A growing file is due once it is quiet, or a minute after it was sent last."""

from pathlib import Path

from client.history.claude_files import LocalFile
from client.history.watching import LONGEST_WAIT_SECONDS, QUIET_SECONDS, Watch

NOW = 1_800_000_000.0


def grown(size: int, changed_at: float) -> LocalFile:
    return LocalFile(Path("/a.jsonl"), "a.jsonl", size, round(changed_at * 1e9))


def test_a_file_is_due_once_it_stopped_growing() -> None:
    file = grown(1, NOW)
    watch = Watch()
    watch.mark_handled([grown(0, NOW - 5)], NOW - 5)
    assert watch.due([file], NOW + QUIET_SECONDS / 2) == []
    assert watch.due([file], NOW + QUIET_SECONDS) == [file]


def test_a_file_that_keeps_growing_is_due_every_minute() -> None:
    watch = Watch()
    watch.mark_handled([grown(1, NOW)], NOW)
    at = NOW + LONGEST_WAIT_SECONDS
    assert watch.due([grown(2, at - 2)], at - 1) == []
    assert watch.due([grown(2, at)], at) != []


def test_a_sent_file_is_not_due_until_it_changes() -> None:
    watch = Watch()
    watch.mark_handled([grown(1, NOW)], NOW)
    assert watch.due([grown(1, NOW)], NOW + 1000) == []
    assert watch.due([grown(2, NOW)], NOW + 1000) == [grown(2, NOW)]


def test_a_modification_time_in_the_future_does_not_delay_a_file() -> None:
    assert Watch().due([grown(1, NOW + 1e6)], NOW) == [grown(1, NOW + 1e6)]
