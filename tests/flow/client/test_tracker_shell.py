"""`tracker` in a shell: its version, its help, its completion, and the time that it needs to start."""

import os
import resource
import subprocess
import sys
import tomllib

import pytest

from tests.flow.conftest import REPOSITORY, TRACKER

# 300 ms on an idle machine is the promise; three times as much is a mistake, not a slow machine.
MOST_CPU_SECONDS = 0.9
# Only an import, or a session on a terminal, needs them; they cost 40 ms.
LATE = ("client.history.importing", "zstandard", "tarfile", "ijson", "rich.markdown", "pygments")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    changed = os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment
    return subprocess.run([*TRACKER, *arguments], env=changed, capture_output=True, text=True, timeout=60, check=False)


def test_version_is_that_of_the_project() -> None:
    expected = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"tracker {expected}\n")


def test_help_lists_the_commands_in_groups_on_one_screen() -> None:
    done = run("--help", COLUMNS="80")
    places = [done.stdout.index(name) for name in ("Questions", "report", "History", "import", "Administration", "verify")]
    assert places == sorted(places)
    assert len(done.stdout.splitlines()) <= 70


def test_no_arguments_show_the_help() -> None:
    assert "Usage: tracker" in run().stdout


@pytest.mark.parametrize(
    ("typed", "expected"), [("tracker se", {"search", "sessions"}), ("tracker report --w", {"--week"}), ("tracker keys re", {"revoke"})]
)
def test_completion_offers_commands_and_options(typed: str, expected: set[str]) -> None:
    offered = run(_TRACKER_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(typed.count(" ")))
    assert set(offered.stdout.split()) == expected


def test_completion_script_can_be_shown_for_a_shell() -> None:
    for shell in ("bash", "zsh", "fish"):
        shown = run("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert "_TRACKER_COMPLETE" in shown.stdout, shell


def test_a_question_starts_without_what_only_an_import_needs() -> None:
    code = f"import sys, client.command_line; print([name for name in {LATE!r} if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    loaded = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_a_question_costs_little_processor_time() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run("report", "--url", "http://127.0.0.1:1").returncode == 3
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_CPU_SECONDS
