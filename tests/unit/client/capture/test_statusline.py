"""The status line, as Claude Code calls it: it keeps the reading first, then shows one line, or what another status line shows."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from client.capture.readings import processes
from deploy.embedded.supervision.processes import wait_until
from tests.unit.client.capture.conftest import Person

STATUS_LINE = Path(processes.__file__).with_name("statusline.sh")
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["busybox", "ash"], ["zsh", "--emulate", "sh"]) if shutil.which(shell[0])]
SESSION = "481432a0-fc8b-4345-b600-963376b27490"


@pytest.fixture(autouse=True)
def _connected(person: Person) -> None:
    """With a start script that only says that it was called, and the hook beside it."""
    person.folder.mkdir(mode=0o700)
    (person.folder / "config.json").write_text("{}")
    shutil.copy(STATUS_LINE.parents[1] / "hooks/hook.sh", person.folder)
    (person.folder / "ship").write_text('#!/bin/sh\necho "$$" >>"$TRACKER_CAPTURE_DIR/started"\n')
    (person.folder / "ship").chmod(0o700)


def given(**more: Any) -> bytes:
    """The status line's input, as Claude Code writes it."""
    value = {"session_id": SESSION, "cwd": "/home/ann/shop", "cost": {"total_cost_usd": 0.4242, "total_duration_ms": 4_321_000}}
    return json.dumps(value | more, separators=(",", ":"), ensure_ascii=False).encode()


def run(
    person: Person, content: bytes, *command: str, shell: list[str] | None = None, **changes: str
) -> "subprocess.CompletedProcess[bytes]":
    old = ["--", *command] if command else []
    return subprocess.run(
        [*(shell or ["sh"]), str(STATUS_LINE), str(person.folder), *old],
        input=content,
        capture_output=True,
        env=person.environment | {"TZ": "UTC"} | changes,
        timeout=30,
        check=False,
    )


def shown(person: Person, content: bytes, **changes: str) -> str:
    done = run(person, content, **changes)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def kept(person: Person) -> dict[str, bytes]:
    folder = person.folder / "readings"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def at(seconds: float, form: str = "%H:%M") -> str:
    return time.strftime(form, time.gmtime(seconds))


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_everything_is_on_one_line_in_every_shell(person: Person, shell: list[str]) -> None:
    now = time.time()
    transcript = person.home.transcript()
    os.utime(transcript, (now, now))
    (person.folder / "today").write_text(f"{at(now, '%Y-%m-%d')}|$12.34 · 3 h 05 min\n")
    content = given(
        session_name='"total_cost_usd":99,"warm":false',
        transcript_path=str(transcript),
        context_window={"used_percentage": 77},
        prompt_cache={"warm": True, "caching_observed": True, "expires_at": None, "hit_ratio": 0.934, "last_miss_cause": None},
        rate_limits={
            "five_hour": {"used_percentage": 42.3, "resets_at": int(now) + 3_600},
            "seven_day": {"used_percentage": 13, "resets_at": int(now) + 300_000},
        },
    )

    done = run(person, content, shell=shell)

    limits = f"5 h 42 % until {at(now + 3_600)} · 7 d 13 % until {at(int(now) + 300_000, '%a %H:%M')} (as of {at(now)})"
    assert done.stdout.decode() == f"$0.42 · 1 h 12 min | today $12.34 · 3 h 05 min | {limits} | cache warm, 93 % hits\n"
    assert (done.returncode, done.stderr) == (0, b"")
    assert kept(person) == {SESSION: content}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (given(), "$0.42 · 1 h 12 min\n"),
        (given(cost={"total_cost_usd": 0, "total_duration_ms": 321}), "$0.00 · <1 min\n"),
        (given(cost={"total_cost_usd": 1.5e-7, "total_duration_ms": 0}), "$0.00 · 0 min\n"),
        (given(prompt_cache={"warm": False, "caching_observed": True}), "$0.42 · 1 h 12 min | cache cold\n"),
        (given(prompt_cache={"warm": False, "caching_observed": False}), "$0.42 · 1 h 12 min\n"),
        (given(rate_limits={"five_hour": {"used_percentage": 42.3, "resets_at": 1_700_000_000}}), "$0.42 · 1 h 12 min\n"),
        (given(rate_limits={"five_hour": None}), "$0.42 · 1 h 12 min\n"),
        (given(cost=None), "\n"),
        (b"", "\n"),
        (b"nonsense \xff \"' $(exit 3)", "\n"),
    ],
    ids=["only cost", "a start", "an exponent", "cold", "no cache", "a window that is over", "no window", "nothing", "empty", "no JSON"],
)
def test_what_is_not_known_is_not_shown(person: Person, content: bytes, line: str) -> None:
    assert shown(person, content) == line


def test_yesterdays_sums_are_not_todays(person: Person) -> None:
    (person.folder / "today").write_text(f"{at(time.time() - 86_400, '%Y-%m-%d')}|$12.34 · 3 h 05 min\n")
    assert shown(person, given()) == "$0.42 · 1 h 12 min\n"


def test_limits_that_another_session_read_say_when(person: Person) -> None:
    now = int(time.time())
    (person.folder / "limits").write_text(f"42.3 {now + 3_600} - - {now - 172_800}\n")

    line = shown(person, given())

    assert line == f"$0.42 · 1 h 12 min | 5 h 42 % until {at(now + 3_600)} (as of {at(now - 172_800, '%a %H:%M')})\n"


def test_times_are_local_and_english_whatever_the_language(person: Person) -> None:
    now = int(time.time())
    content = given(rate_limits={"seven_day": {"used_percentage": 13, "resets_at": now + 300_000}})

    line = shown(person, content, TZ="UTC-5:30", LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")

    assert f"7 d 13 % until {at(now + 300_000 + 19_800, '%a %H:%M')} (as of {at(now + 19_800)[:3]}" in line


# `date` as on macOS, and as busybox has it.
OTHER_DATES = {
    "BSD": 'case $1 in -d | -f) exit 1 ;; -r) case $2 in *[!0-9]*) ;; *) exec /bin/date -d "@$2" "$3" ;; esac ;; esac; exec /bin/date "$@"',
    "busybox": 'case $1 in -f) exit 1 ;; esac; exec /bin/date "$@"',
}


@pytest.mark.parametrize("script", OTHER_DATES.values(), ids=OTHER_DATES.keys())
def test_times_are_the_same_where_date_is_another(person: Person, script: str) -> None:
    now = int(time.time())
    limits = {
        "five_hour": {"used_percentage": 42.3, "resets_at": now + 3_600},
        "seven_day": {"used_percentage": 13, "resets_at": now + 300_000},
    }
    content = given(rate_limits=limits, transcript_path=str(person.home.transcript()))
    program = person.home.path / "bin/date"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    expected = shown(person, content)

    assert shown(person, content, PATH=f"{program.parent}:{os.environ['PATH']}") == expected
    assert f"7 d 13 % until {at(now + 300_000, '%a %H:%M')} (as of " in expected


ODD_OUTPUTS = {
    "bytes of all kinds": "printf 'a\\0b\\377\\n\\n\\033[31mred'",
    "its input": "cat",
    "nothing, without reading": "exit 0",
    "an exit code": "cat >/dev/null; exit 7",
    "standard error": "echo oops >&2; exit 1",
    "its settings": 'umask; echo "$LC_ALL $given $folder $#"; ls -l /proc/self/fd | wc -l',
}


@pytest.mark.parametrize("command", ODD_OUTPUTS.values(), ids=ODD_OUTPUTS)
@pytest.mark.parametrize(
    "content", [given(), given() + b"\n\n", given(session_name="Grüße\\n" * 3_000)], ids=["as is", "line ends", "long"]
)
def test_another_status_line_is_unchanged(person: Person, command: str, content: bytes) -> None:
    alone = subprocess.run(
        ["sh", "-c", command], input=content, capture_output=True, env=person.environment | {"TZ": "UTC"}, timeout=30, check=False
    )

    wrapped = run(person, content, "sh", "-c", command)

    assert (wrapped.returncode, wrapped.stdout, wrapped.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    assert kept(person) == {SESSION: content}


def test_the_reading_is_kept_before_another_status_line_runs(person: Person) -> None:
    done = run(person, given(), "cat", f"{person.folder}/readings/{SESSION}")
    assert done.stdout == given()


def test_a_newer_reading_takes_the_place_of_the_one_before(person: Person) -> None:
    run(person, given(), "true")
    run(person, given(version="2.1.332"), "true")
    run(person, given(session_id="another"), "true")
    assert kept(person) == {SESSION: given(version="2.1.332"), "another": given(session_id="another")}
    assert {oct(path.stat().st_mode & 0o777) for path in (person.folder / "readings").iterdir()} == {"0o600"}


@pytest.mark.parametrize("session", ["", "../../escaped", "a/b", "x" * 201, "a\nb"])
def test_a_session_that_is_no_name_of_a_file_is_not_kept(person: Person, session: str) -> None:
    assert shown(person, given(session_id=session)) == "$0.42 · 1 h 12 min\n"
    assert kept(person) == {}


def test_nothing_is_kept_where_nothing_is_connected(person: Person) -> None:
    (person.folder / "config.json").unlink()
    assert shown(person, given()) == "$0.42 · 1 h 12 min\n"
    assert kept(person) == {}


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/x", "relative\nfolder \"'$(exit 3)"])
def test_a_folder_that_is_not_there_is_no_failure(person: Person, folder: str) -> None:
    command = ["sh", str(STATUS_LINE), folder]
    done = subprocess.run(command, input=given(), capture_output=True, env=person.environment, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "$0.42 · 1 h 12 min\n", b"")


def test_a_shipper_is_started_if_none_runs(person: Person) -> None:
    run(person, given())
    assert wait_until((person.folder / "started").exists, 30)

    person.note_shipper(os.getpid())
    (person.folder / "starting.pid").write_text("-")
    run(person, given())
    assert (person.folder / "starting.pid").read_text() == "-"


def test_a_server_that_hangs_costs_nothing(person: Person) -> None:
    # It accepts connections, and never answers.
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        (person.folder / "config.json").write_text(json.dumps({"url": f"http://127.0.0.1:{hanging.getsockname()[1]}"}))
        hanging.setblocking(False)

        assert shown(person, given()) == "$0.42 · 1 h 12 min\n"

        with pytest.raises(BlockingIOError):
            hanging.accept()


def test_a_run_that_is_ended_early_has_kept_its_reading(person: Person) -> None:
    command = ["sh", str(STATUS_LINE), str(person.folder), "--", "sleep", "30"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=person.environment, start_new_session=True) as process:
        assert process.stdin is not None
        process.stdin.write(given())
        process.stdin.close()
        assert wait_until(lambda: kept(person) == {SESSION: given()}, 30)
        os.killpg(process.pid, signal.SIGKILL)
