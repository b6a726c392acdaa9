"""Every command with repeated options and with errors that nobody expected, by the commands themselves."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked_tracker import TrackerForks
from tests.unit.client.scripted_server import Scripted, answer

Run = Callable[..., "subprocess.CompletedProcess[str]"]
REPOSITORY = Path(__file__).parents[3]
USAGE_ROW = {
    "user": "ann", "model": "opus", "input_tokens": 1, "output_tokens": 2, "cache_creation_tokens": 3, "cache_read_tokens": 4, "total_tokens": 10,
    "api_calls": 1, "unpriced_calls": 0, "cost_usd": 0.5, "cache_saved_usd": 0.1,
}  # fmt: skip


@pytest.fixture
def tracker(forks: TrackerForks) -> Run:
    def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "COLUMNS": "200"}
        return forks.run(arguments, env=environment, cwd=home)

    return run


@pytest.mark.parametrize("by", [["--by", "user", "--by", "model"], ["--by", "user,model"]])
def test_usage_groups_by_two_dimensions_repeated_or_with_a_comma(tracker: Run, tmp_path: Path, by: list[str]) -> None:
    with Scripted(
        answer(200, {"items": [USAGE_ROW], "totals": USAGE_ROW | {"user": None, "model": None}, "dropped_sessions": 0})
    ) as server:
        done = tracker(tmp_path, "usage", *by, "--url", server.url)

    assert done.returncode == 0, done.stderr
    assert "group_by=user%2Cmodel" in server.seen[0][1]
    head, *rows = done.stdout.splitlines()
    assert head.split()[:2] == ["User", "Model"]
    assert any(row.split()[:2] == ["ann", "opus"] for row in rows)


@pytest.mark.parametrize("by", ["user,nope", "user,user", "day,week", "user,model,day", "user,tool"])
@pytest.mark.parametrize("command", ["usage", "report"])
def test_dimensions_that_do_not_go_together_are_an_error_in_one_sentence(tracker: Run, tmp_path: Path, command: str, by: str) -> None:
    done = tracker(tmp_path, command, "--by", by)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for --by" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["sessions", "--user", "ann", "--user", "bob"],
        ["report", "--since", "1d", "--since=2d"],
        ["jobs", "--limit", "1", "--limit", "2"],
        ["keys", "create", "--name", "a", "--name", "b", "--scope", "read"],
    ],
)
def test_an_option_that_takes_one_value_cannot_be_repeated(tracker: Run, tmp_path: Path, arguments: list[str]) -> None:
    done = tracker(tmp_path, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "is given more than once" in done.stderr


def test_an_option_that_takes_several_values_can_be_repeated(tracker: Run, tmp_path: Path) -> None:
    with Scripted(answer(200, {"key": "k", "key_id": "i", "name": "n", "scopes": ["read", "ingest"]})) as server:
        done = tracker(tmp_path, "keys", "create", "--name", "n", "--scope", "read", "--scope", "ingest", "--json", "--url", server.url)

    assert done.returncode == 0, done.stderr


def test_an_unexpected_error_is_one_sentence_with_a_way_to_report_it(tracker: Run, tmp_path: Path) -> None:
    with Scripted(answer(200, {"items": 7, "totals": "\x1b]0;odd\x07"})) as server:
        done = tracker(tmp_path, "usage", "--url", server.url)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (70, "", 1)
    assert "TypeError" in done.stderr
    assert "--debug" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("is_first", [True, False])
def test_debug_shows_the_trace_wherever_it_stands(tracker: Run, tmp_path: Path, is_first: bool) -> None:
    with Scripted(answer(200, {"items": 7, "totals": {}})) as server:
        command = ["usage", "--url", server.url]
        done = tracker(tmp_path, *(["--debug", *command] if is_first else [*command, "--debug"]))

    assert done.returncode == 70
    assert "Traceback" in done.stderr
