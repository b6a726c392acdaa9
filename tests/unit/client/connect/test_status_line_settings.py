"""`tracker connect --statusline`: ours before the status line that is there, and `disconnect` puts that back as it was written."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client.connect.connecting import carry_out
from client.connect.disconnecting import disconnect
from client.connect.doctor.machine_checks import check_status_line
from client.connect.places import Places
from client.connect.plan import Extras, plan_connect
from client.connect.settings.settings_files import CannotChange

GIVEN = b'{"session_id":"abc","cost":{"total_cost_usd":1.5,"total_duration_ms":60000}}'
OLD = {
    "a script": r'{"type": "command", "command": "~/.claude/line.sh", "padding": 0}',
    "escapes": r'{"command":"printf \u0027%s\\n\u0027 \"a\/b\" | tr a b","type":"command"}',
    "quotes and braces": r"""{ "type": "command", "command": "echo \"it's { $(cat | wc -c) }\"; fi=1" }""",
    "a comment at the end": r'{"type": "command", "command": "cat # all of it"}',
    "lines": r'{"type": "command", "command": "read -r x\necho \"$x\" | head -c 9\nexit 7"}',
    "nothing": r'{"type": "command", "command": ""}',
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    home = tmp_path / 'it\'s a "home"; fi | {'
    (home / ".claude").mkdir(parents=True)
    return Places(home, home / ".claude", home / ".claude-tracker", home / "managed", {"PATH": "/nowhere"})


def connect(places: Places, *, has_status_line: bool = True) -> bool:
    config = {"url": "http://127.0.0.1:8000"}
    extras = Extras(has_status_line=has_status_line)
    plan = plan_connect(places, None, None, config, extras=extras)
    if plan.is_needed:
        carry_out(plan, places)
    return plan.is_needed


def status_line(places: Places) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(places.user_settings.read_text())["statusLine"]
    return line


def run(command: str, places: Places) -> tuple[int, bytes]:
    done = subprocess.run(
        ["sh", "-c", command], input=GIVEN, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": str(places.home)}, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("old", OLD.values(), ids=OLD.keys())
@pytest.mark.parametrize("is_changed", [False, True], ids=["as written", "with a change since"])
def test_the_status_line_that_is_there_shows_the_same_and_comes_back(places: Places, old: str, is_changed: bool) -> None:
    before = f'{{\n\t"model": "sonnet",\n\t"statusLine": {old},\n\t"theme": "light"}}\n'
    places.user_settings.write_text(before)

    assert connect(places)

    wrapped, alone = status_line(places), json.loads(old)
    assert run(wrapped["command"], places) == run(alone["command"], places)
    assert {**wrapped, "command": alone["command"]} == alone
    assert (places.capture / "readings/abc").read_bytes() == GIVEN
    # And it is there once
    assert not connect(places)
    assert not connect(places, has_status_line=False)
    if is_changed:
        places.user_settings.write_text(places.user_settings.read_text().replace("light", "dark"))
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert places.user_settings.read_text() == (before.replace("light", "dark") if is_changed else before)


def test_without_one_ours_is_shown_and_taken_out_again(places: Places) -> None:
    places.user_settings.write_text('{"model": "sonnet"}\n')

    connect(places)

    assert run(status_line(places)["command"], places) == (0, "$1.50 · 1 min\n".encode())
    places.user_settings.write_text(places.user_settings.read_text().replace("sonnet", "opus"))
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert places.user_settings.read_text() == '{"model": "opus"}\n'
    assert not places.status_line.exists()


def test_doctor_says_when_the_last_reading_was(places: Places) -> None:
    connect(places, has_status_line=False)
    assert check_status_line(places, places.home).text == "not connected; `tracker connect --statusline` does that"

    connect(places)

    assert check_status_line(places, places.home).text == f"by {places.user_settings}; no reading yet"
    run(status_line(places)["command"], places)
    assert check_status_line(places, places.home).text.startswith(f"by {places.user_settings}; the last reading ")


def test_a_script_that_is_gone_leaves_the_other_status_line(places: Places) -> None:
    places.user_settings.write_text('{"statusLine": {"type": "command", "command": "wc -c; exit 3"}}')
    connect(places)
    places.status_line.unlink()
    code, shown = run(status_line(places)["command"], places)
    assert (code, int(shown)) == (3, len(GIVEN))


def test_no_status_line_is_touched_without_the_option(places: Places) -> None:
    places.user_settings.write_text('{"statusLine": {"type": "command", "command": "date"}}')
    connect(places, has_status_line=False)
    assert status_line(places) == {"type": "command", "command": "date"}


@pytest.mark.parametrize("line", ["[]", '{"type": "static", "text": "x"}', '{"type": "command"}', "null"])
def test_a_status_line_of_another_shape_is_refused(places: Places, line: str) -> None:
    before = f'{{"statusLine": {line}}}'
    places.user_settings.write_text(before)
    with pytest.raises(CannotChange, match="is no command"):
        connect(places)
    assert places.user_settings.read_text() == before


def test_a_status_line_that_the_person_changed_since_stays(places: Places) -> None:
    connect(places)
    places.user_settings.write_text('{"statusLine": {"type": "command", "command": "date"}}')
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert status_line(places) == {"type": "command", "command": "date"}
