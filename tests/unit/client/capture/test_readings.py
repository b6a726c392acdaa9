"""The readings that the shipper sends: Claude Code's status lines, its cached usage and its files of sessions, and what it keeps back."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from client.capture.folder import read_object
from client.capture.readings.processes import is_alive, process_domain
from deploy.embedded.supervision.processes import wait_until
from tests.skips import needs
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person

SESSION = "481432a0-fc8b-4345-b600-963376b27490"
RESET = 1_796_100_000
FULL_STATUS_LINE = {
    "session_id": SESSION,
    "transcript_path": "/home/ann/.claude/projects/-home-ann-shop/x.jsonl",
    "cwd": "/home/ann/shop",
    "session_name": "Secret plans",
    "model": {"id": "claude-opus-4-8[1m]", "display_name": "Opus 4.8"},
    "workspace": {"current_dir": "/home/ann/shop", "repo": {"host": "github.com", "owner": "ann", "name": "shop"}},
    "version": "2.1.332",
    "cost": {"total_cost_usd": 0.4242, "total_duration_ms": 4_321, "total_api_duration_ms": 91, "total_lines_added": 3, "new": {"a": 1}},
    "context_window": {"context_window_size": 1_000_000, "used_percentage": None, "total_input_tokens": 19, "current_usage": {"x": 1}},
    "prompt_cache": {
        "warm": True,
        "hit_ratio": 0.93,
        "last_miss_cause": {"causes": ["tools", "Of another form"], "tools_added": ["mcp__secret"]},
    },
    "rate_limits": {"five_hour": {"used_percentage": 42.3, "resets_at": RESET}, "spend_limit": {"used_percentage": 1, "resets_at": RESET}},
    "pr": {"number": 7, "url": "https://github.com/ann/shop/pull/7"},
}


def show(person: Person, value: object, session: str = SESSION) -> Path:
    """Claude Code calls the status line."""
    path = person.folder / "readings" / session
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def of_type(server: CaptureServer, kind: str) -> list[dict[str, Any]]:
    with server.lock:
        return [reading for reading in server.readings if reading["type"] == kind]


def test_a_status_line_is_sent_with_the_listed_members_alone(person: Person, server: CaptureServer) -> None:
    path = show(person, FULL_STATUS_LINE)
    os.utime(path, ns=(time.time_ns(), 1_796_000_000_123_000_000))
    (person.folder / "config.json").write_text(json.dumps({"machine_id": "m1", "user": "ann"}))

    assert person.ship().returncode == 0

    assert server.readings == [
        {
            "type": "status_line",
            "read_at": "2026-11-30T00:53:20.123+00:00",
            "machine_id": "m1",
            "user": "ann",
            "session_id": SESSION,
            "version": "2.1.332",
            "model": "claude-opus-4-8[1m]",
            "cost": {"total_cost_usd": 0.4242, "total_duration_ms": 4_321, "total_api_duration_ms": 91, "total_lines_added": 3},
            "context_window": {"context_window_size": 1_000_000, "total_input_tokens": 19},
            "prompt_cache": {"warm": True, "hit_ratio": 0.93, "last_miss_cause": {"causes": ["tools"]}},
            "rate_limits": {"five_hour": {"used_percentage": 42.3, "resets_at": RESET}},
        }
    ]


def test_a_running_shipper_sends_what_changes_and_nothing_twice(person: Person, server: CaptureServer) -> None:
    show(person, {"session_id": SESSION, "version": "1"})
    person.shipper()
    assert wait_until(lambda: len(server.readings) == 1, 30)

    show(person, {"session_id": SESSION, "version": "2.0"})
    show(person, {"session_id": "another", "version": "1"}, "another")

    assert wait_until(lambda: len(server.readings) == 3, 30)
    time.sleep(2.5)
    assert sorted((reading["session_id"], reading["version"]) for reading in server.readings[1:]) == [(SESSION, "2.0"), ("another", "1")]


def test_half_a_reading_waits_for_the_rest(person: Person, server: CaptureServer) -> None:
    show(person, '{"session_id": "481432a0", "ver')
    show(person, "[1]", "no-object")
    show(person, "{}", "no-session")
    show(person, {"session_id": "whole"}, "whole")
    person.shipper()
    assert wait_until(lambda: len(server.readings) == 1, 30)

    show(person, {"session_id": SESSION, "version": "2"})

    assert wait_until(lambda: len(server.readings) == 2, 30)


@pytest.mark.parametrize("where", ["cwd", "transcript"])
def test_a_session_of_a_folder_that_is_left_out_has_no_reading(person: Person, server: CaptureServer, where: str) -> None:
    transcript = person.home.transcript()
    value = {"session_id": transcript.stem, "cwd": "/home/ann/shop" if where == "cwd" else "/tmp", "transcript_path": str(transcript)}
    show(person, value, transcript.stem)
    sessions_file(person, os.getpid(), sessionId=transcript.stem, cwd="/home/ann/shop/web")
    (person.folder / "config.json").write_text(json.dumps({"left_out": ["/home/ann/shop"]}))

    person.ship()

    assert server.readings == []


def test_only_a_connected_project_has_readings(person: Person, server: CaptureServer) -> None:
    claude_json(person)
    show(person, {"session_id": "inside", "cwd": "/home/ann/shop/web"}, "inside")
    show(person, {"session_id": "outside", "cwd": "/home/ann/other"}, "outside")
    (person.folder / "config.json").write_text(json.dumps({"only": ["/home/ann/shop"]}))

    person.ship()

    assert [reading["session_id"] for reading in server.readings] == ["inside"]


def claude_json(person: Person, **more: Any) -> Path:
    cached = {
        "fetchedAtMs": 1_796_000_000_000,
        "accountUuid": "0b7e3a52-8c7f-4e9b-9f2e-000000000000",
        "utilization": {
            "five_hour": {"utilization": 41, "resets_at": "2026-12-01T10:00:00Z"},
            "seven_day_opus": {"utilization": 3.5, "resets_at": "2026-12-05T10:00:00Z"},
            "seven_day": None,
            "seven_day_sonnet": {"utilization": 0, "resets_at": None},
            "extra_usage": {"is_enabled": True, "utilization": 1, "used_credits": 5},
        },
        "limits": [{"kind": "x", "percent": 1}],
    }
    path = person.home.path / ".claude.json"
    value = {"oauthAccount": {"emailAddress": "ann@example.org"}, "cachedUsageUtilization": cached | more, "numStartups": time.time_ns()}
    path.write_text(json.dumps(value))
    return path


def test_cached_usage_is_sent_with_a_hash_of_its_account_when_it_has_changed(person: Person, server: CaptureServer) -> None:
    claude_json(person)

    person.ship()

    [sent] = server.readings
    assert {name: sent[name] for name in ("type", "account", "fetched_at", "windows")} == {
        "type": "usage_cache",
        "account": sha256(b"0b7e3a52-8c7f-4e9b-9f2e-000000000000").hexdigest()[:16],
        "fetched_at": "2026-11-30T00:53:20.000+00:00",
        "windows": [
            {"kind": "five_hour", "used_percentage": 41, "resets_at": "2026-12-01T10:00:00Z"},
            {"kind": "seven_day_opus", "used_percentage": 3.5, "resets_at": "2026-12-05T10:00:00Z"},
            {"kind": "seven_day_sonnet", "used_percentage": 0},
        ],
    }
    assert sent.keys() == {"type", "account", "fetched_at", "windows", "read_at", "machine_id", "user"} - ({"user"} - sent.keys())


@pytest.mark.parametrize(
    "changed",
    [{"accountUuid": None}, {"fetchedAtMs": "now"}, {"utilization": []}],
    ids=["no account", "no time", "another shape"],
)
def test_cached_usage_of_another_shape_is_not_sent(person: Person, server: CaptureServer, changed: dict[str, Any]) -> None:
    claude_json(person, **changed)
    assert person.ship().returncode == 0
    assert server.readings == []


def sessions_file(person: Person, pid: int, **more: Any) -> Path:
    path = person.home.path / f".claude/sessions/{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {"sessionId": SESSION, "pid": pid, "cwd": "/home/ann/shop", "kind": "interactive", "status": "busy", "name": "Secret plans"}
    path.write_text(json.dumps(value | more))
    return path


@pytest.fixture
def client_process() -> Iterator["subprocess.Popen[bytes]"]:
    """Stands for a running Claude Code."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def ticks(pid: int) -> str:
    """When a process started, as Claude Code writes it down on Linux."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@needs("Linux")
def test_states_of_a_session_and_the_death_of_its_process_are_told_once_each(
    person: Person, server: CaptureServer, client_process: "subprocess.Popen[bytes]"
) -> None:
    pid = client_process.pid
    started = ticks(pid)
    sessions_file(person, pid, procStart=started, pidDomain=process_domain(), tempo="active", updatedAt=1_796_000_000_001)
    person.shipper()
    assert wait_until(lambda: len(server.readings) == 1, 30)
    waiting = {"status": "waiting", "waitingFor": "permission prompt", "statusUpdatedAt": 1_796_000_000_500}
    sessions_file(person, pid, procStart=started, **waiting)
    assert wait_until(lambda: len(server.readings) == 2, 30)

    # When it is killed, and leaves its file behind, which is removed later
    client_process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: len(server.readings) == 3, 30)
    client_process.wait()
    (person.home.path / f".claude/sessions/{pid}.json").unlink()
    time.sleep(2.5)

    first, second, third, *more = (
        {k: v for k, v in each.items() if k not in ("read_at", "machine_id", "user")} for each in server.readings
    )
    common = {"type": "session_file", "session_id": SESSION, "pid": pid, "kind": "interactive"}
    assert first == common | {"status": "busy", "tempo": "active", "updated_at": "2026-11-30T00:53:20.001+00:00", "is_alive": True}
    told = {"status": "waiting", "waiting_for": "permission prompt", "status_updated_at": "2026-11-30T00:53:20.500+00:00"}
    assert second == common | told | {"is_alive": True}
    assert third == common | told | {"is_alive": False}
    assert [each["is_alive"] for each in more] == [False]


@needs("Linux")
def test_a_process_that_took_over_the_id_is_not_the_client(person: Person, server: CaptureServer) -> None:
    sessions_file(person, os.getpid(), procStart="1")
    person.ship()
    assert [reading["is_alive"] for reading in server.readings] == [False]


@needs("Linux")
def test_a_process_of_another_container_is_not_told_of(person: Person, server: CaptureServer) -> None:
    sessions_file(person, os.getpid(), pidDomain="linux:elsewhere:pid:[1]")
    person.ship()
    assert server.readings == []


def test_a_session_that_ended_while_no_shipper_ran_is_told_by_the_next(person: Person, server: CaptureServer) -> None:
    path = sessions_file(person, os.getpid())
    person.ship()
    path.unlink()

    person.ship()
    person.ship()

    assert [reading["is_alive"] for reading in server.readings] == [True, False]


def test_the_shipper_stays_while_a_client_works(person: Person, server: CaptureServer, client_process: "subprocess.Popen[bytes]") -> None:
    sessions_file(person, client_process.pid, status="waiting")
    running = person.quiet_shipper(1)
    assert wait_until(lambda: len(server.readings) == 1, 30)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(4)

    client_process.kill()

    assert running.wait(30) == 0
    assert [reading["is_alive"] for reading in server.readings] == [True, False]


@pytest.mark.parametrize("status", [404, 403], ids=["an older server", "a key of a project"])
def test_a_server_that_takes_no_readings_is_asked_once_and_gets_everything_else(person: Person, server: CaptureServer, status: int) -> None:
    server.refuses_readings = status
    transcript = person.home.transcript()
    show(person, {"session_id": SESSION, "version": "1"})
    person.shipper()
    assert wait_until(lambda: server.has(transcript.stem), 30)
    assert wait_until(lambda: "/api/readings" in server.paths, 30)

    show(person, {"session_id": SESSION, "version": "2.0"})
    time.sleep(2.5)

    assert server.paths.count("/api/readings") == 1
    assert wait_until(lambda: read_object(person.folder / "status.json").get("readings_refused") == f"{status} None of these.", 30)
    assert read_object(person.folder / "status.json")["last_error"] is None


def test_readings_wait_while_the_server_is_away(person: Person, server: CaptureServer) -> None:
    server.failure = (503, {})
    show(person, {"session_id": SESSION, "version": "1"})
    person.shipper()
    assert wait_until(lambda: "/api/readings" in server.paths, 30)
    show(person, {"session_id": SESSION, "version": "2.0"})

    server.failure = None

    assert wait_until(lambda: [each["version"] for each in of_type(server, "status_line")] == ["2.0"], 60)


def test_todays_sums_are_asked_for_while_status_lines_come(person: Person, server: CaptureServer) -> None:
    server.totals = {"cost_usd": 1_234.567, "unpriced_calls": 1, "active_minutes": 185}
    show(person, {"session_id": SESSION})

    person.shipper(TZ="UTC")

    today = person.folder / "today"
    assert wait_until(today.exists, 30)
    assert today.read_text() == f"{time.strftime('%Y-%m-%d', time.gmtime())}|$1,234.57+ · 3 h 05 min\n"
    assert [path for path in server.paths if path.startswith("/api/days/")] == [f"/api/days/{time.strftime('%Y-%m-%d', time.gmtime())}"]


def test_a_key_that_may_only_send_is_not_asked_about_again(person: Person, server: CaptureServer) -> None:
    show(person, {"session_id": SESSION})
    person.shipper()
    assert wait_until(lambda: any(path.startswith("/api/days") for path in server.paths), 30)

    show(person, {"session_id": SESSION, "version": "2"})

    assert wait_until(lambda: len(server.readings) == 2, 30)
    assert not (person.folder / "today").exists()


def test_no_sums_are_asked_for_without_a_status_line(person: Person, server: CaptureServer) -> None:
    person.home.transcript()
    person.ship()
    assert not [path for path in server.paths if path.startswith("/api/days")]


def test_limits_of_all_sessions_are_there_for_a_status_line(person: Person, server: CaptureServer) -> None:
    def limits(percentage: float, resets_at: int) -> dict[str, Any]:
        return {"five_hour": {"used_percentage": percentage, "resets_at": resets_at}}

    newer, older, highest = (
        show(person, {"session_id": name, "rate_limits": of}, name)
        for name, of in (
            ("a", limits(10, RESET + 18_000)),
            ("b", limits(90, RESET)),
            ("c", limits(12, RESET + 18_000)),
        )
    )
    for path in (newer, older, highest):
        os.utime(path, (1_796_000_000, 1_796_000_000))
    claude_json(person, utilization={"seven_day": {"utilization": 7, "resets_at": "2026-12-05T10:00:00Z"}})

    person.ship()

    assert (person.folder / "limits").read_text() == f"12.0 {RESET + 18_000} 7.0 1796464800 1796000000\n"


@pytest.mark.parametrize("pid", [0, 1, -1, 2**40])
def test_an_id_that_is_no_client_is_not_alive(pid: int) -> None:
    assert not is_alive(pid, None)


def test_a_process_that_runs_is_alive() -> None:
    assert is_alive(os.getpid(), None)
