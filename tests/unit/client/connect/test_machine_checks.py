"""Checks of `tracker doctor` that need another machine than this one."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from client.connect.claude_program import ClaudeProgram
from client.connect.doctor.machine_checks import check_claude, check_trust, check_wsl
from client.connect.doctor.server_checks import check_clock, check_formats, check_version
from client.connect.places import Places
from client.connect.settings.hook_events import parse_version
from client.http.server import Server
from client.output.display import Quiet
from tests.unit.client.scripted_server import Scripted, answer


def server_at(url: str) -> Server:
    return Server(url, None, Quiet().note)


def test_a_claude_code_that_is_too_old_is_named() -> None:
    old = check_claude(ClaudeProgram("/usr/bin/claude", parse_version("1.0.62 (Claude Code)"), {}))
    assert (old.status, old.cure) == ("failed", "Run `claude update`.")
    assert check_claude(ClaudeProgram("/usr/bin/claude", parse_version("2.1.197 (Claude Code)"), {})).status == "ok"
    assert check_claude(None).status == "warning"


@pytest.mark.parametrize(("seconds", "status", "text"), [(0, "ok", "agrees"), (-90, "failed", "ahead of"), (90, "failed", "behind")])
def test_a_clock_that_is_off_is_named(seconds: int, status: str, text: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)

    def tell(handler: object) -> None:
        handler.send_response_only(200)  # type: ignore[attr-defined]
        handler.send_header("Date", date)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", "2")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(b"{}")  # type: ignore[attr-defined]

    with Scripted(tell) as scripted:
        found = check_clock(server_at(scripted.url))
    assert found.status == status
    assert text in found.text


def test_a_server_of_another_version_is_named() -> None:
    with Scripted(answer(200, {"info": {"version": "0.0.9"}, "paths": {"/api/hooks": {}}})) as scripted:
        assert check_version(server_at(scripted.url), "0.1.0").status == "warning"
    with Scripted(answer(200, {"info": {"version": "0.0.9"}, "paths": {}})) as scripted:
        assert check_version(server_at(scripted.url), "0.1.0").status == "failed"


def test_what_the_server_does_not_read_is_named() -> None:
    unread = [{"kind": "record", "name": "hologram"}, *({"kind": "hook_field", "name": f"Stop.new{number}"} for number in range(4))]
    with Scripted(
        answer(200, {"versions": [{"version": "2.1.400", "unread": unread}, {"version": "2.1.399", "unread": unread}]})
    ) as scripted:
        found = check_formats(server_at(scripted.url))
    assert found.status == "warning"
    assert found.text.endswith(
        "of Claude Code 2.1.400 the server does not read record hologram, hook field Stop.new0, hook field Stop.new1 and 2 more"
    )
    with Scripted(answer(200, {"versions": []})) as scripted:
        assert check_formats(server_at(scripted.url)).status == "ok"


@pytest.mark.parametrize("status", [403, 404])
def test_formats_are_not_judged_where_the_server_does_not_tell_them(status: int) -> None:
    with Scripted(answer(status, {"code": "FORBIDDEN", "message": "No."})) as scripted:
        assert check_formats(server_at(scripted.url)).status == "skipped"


def test_claude_code_on_windows_beside_wsl_is_named(tmp_path: Path) -> None:
    assert check_wsl({}, tmp_path).text == "no WSL"
    assert check_wsl({"WSL_DISTRO_NAME": "Ubuntu"}, tmp_path).status == "ok"
    (tmp_path / "Ann/.claude/projects").mkdir(parents=True)
    found = check_wsl({"WSL_DISTRO_NAME": "Ubuntu"}, tmp_path)
    assert (found.status, found.cure) == ("warning", "Run `tracker connect` on Windows too.")


def test_a_folder_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path / ".claude", tmp_path / ".claude-tracker", tmp_path / "managed", {})
    shop = tmp_path / "shop"
    assert check_trust(places, shop).status == "skipped"
    (tmp_path / ".claude.json").write_text('{"projects": {"%s": {"hasTrustDialogAccepted": false}}}' % shop)  # noqa: UP031
    assert check_trust(places, shop).status == "warning"
    (tmp_path / ".claude.json").write_text('{"projects": {"%s": {"hasTrustDialogAccepted": true}}}' % shop)  # noqa: UP031
    assert check_trust(places, shop / "src").status == "ok"
