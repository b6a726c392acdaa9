"""`tracker connect` with each kind of settings file, and `tracker disconnect` after it. Files it cannot read stay untouched."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from client.capture.folder import read_config
from client.connect import disconnecting
from client.connect.connecting import carry_out
from client.connect.disconnecting import disconnect
from client.connect.own_files import hook_of
from client.connect.places import Places
from client.connect.plan import plan_connect
from client.connect.settings.hook_events import EVENTS, LEFT_OUT, events_of, hooks_of, is_own, windows_hook
from client.connect.settings.settings_files import CannotChange
from shared.claude_formats.hook_kinds import KEPT
from tests.unit.client.connect.settings_given import READABLE, VERSION


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The places of a person without the program `claude`, so that the hooks go into settings.json."""
    (tmp_path / ".claude").mkdir()
    return Places(tmp_path, tmp_path / ".claude", tmp_path / ".claude-tracker", tmp_path / "managed", {"PATH": "/nowhere"})


def connect(places: Places, project: Path | None = None) -> bool:
    """Whether anything was changed."""
    plan = plan_connect(places, None, project, {"url": "http://127.0.0.1:8000", "token": "cct_secret"})
    if plan.is_needed:
        carry_out(plan, places)
    return plan.is_needed


def own_events(path: Path) -> list[str]:
    """The events that have a hook of ours, once each."""
    hooks = json.loads(path.read_bytes().decode("utf-8-sig"))["hooks"]
    own = {event: [hook for group in groups for hook in group["hooks"] if is_own(hook)] for event, groups in hooks.items()}
    assert all(len(found) <= 1 for found in own.values())
    return [event for event, found in own.items() if found]


def without_own(value: dict[str, Any]) -> dict[str, Any]:
    """The settings without our hooks, and without what they alone filled."""
    hooks = {
        event: [kept for group in groups if (kept := group | {"hooks": [hook for hook in group["hooks"] if not is_own(hook)]})["hooks"]]
        for event, groups in value["hooks"].items()
    }
    kept = {event: groups for event, groups in hooks.items() if groups}
    return {**value, "hooks": kept} if kept else {key: member for key, member in value.items() if key != "hooks"}


@pytest.mark.parametrize("before", READABLE.values(), ids=READABLE.keys())
def test_connect_adds_its_hooks_and_disconnect_restores_the_file(places: Places, before: bytes | None) -> None:
    path = places.user_settings
    if before is not None:
        path.write_bytes(before)

    assert connect(places)

    assert set(own_events(path)) == set(events_of(None))
    assert without_own(json.loads(path.read_bytes().decode("utf-8-sig"))) == _value(before)
    assert not connect(places)
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert (path.read_bytes() if path.exists() else None) == before
    assert not list(places.claude.glob("*.before-tracker-*"))


def _value(before: bytes | None) -> Any:
    text = (before or b"").decode("utf-8-sig").strip()
    return json.loads(text) if text else {}


@pytest.mark.parametrize("before", READABLE.values(), ids=READABLE.keys())
def test_disconnect_keeps_what_was_changed_after_connect(places: Places, before: bytes | None) -> None:
    path = places.user_settings
    if before is not None:
        path.write_bytes(before)
    connect(places)
    # Given a change by another program, which writes the file anew
    changed = json.loads(path.read_bytes().decode("utf-8-sig")) | {"theme": "dark"}
    path.write_text(json.dumps(changed, indent=1))

    disconnect(places, None, is_dry_run=False, is_yes=True)

    assert json.loads(path.read_bytes()) == _value(before) | {"theme": "dark"}


def test_what_is_written_while_a_person_reads_the_diff_is_not_overwritten(places: Places) -> None:
    places.user_settings.write_text('{"model": "sonnet"}\n')
    plan = plan_connect(places, None, None, {"url": "http://127.0.0.1:8000"})
    places.user_settings.write_text('{"model": "opus"}\n')

    with pytest.raises(CannotChange, match="changed after it was shown"):
        carry_out(plan, places)

    assert places.user_settings.read_text() == '{"model": "opus"}\n'
    assert not places.capture.exists()


@pytest.mark.parametrize("before", [None, b'{"model": "sonnet"}\n'])
def test_disconnect_takes_its_hooks_out_of_a_file_that_changed_while_it_asked(
    places: Places, before: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = places.user_settings
    if before is not None:
        path.write_bytes(before)
    connect(places)

    def change(*_: object, **__: object) -> None:
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"theme": "dark"}))

    monkeypatch.setattr(disconnecting, "ask", change)
    disconnect(places, None, is_dry_run=False, is_yes=False)

    assert json.loads(path.read_bytes()) == _value(before) | {"theme": "dark"}


BROKEN = {
    "a comment": (b'{\n  // mine\n  "model": "sonnet"\n}\n', "has a comment (line 2)"),
    "a block comment": (b'{"model": "sonnet" /* mine */}\n', "has a comment (line 1)"),
    "a comma too many": (b'{\n  "model": "sonnet",\n}\n', "has a comma too many (line 3)"),
    "cut off": (b'{"model": "son', "is not valid JSON (line 1)"),
    "no object": (b"[1, 2]\n", "holds no JSON object"),
    "no text": (b"\xff\xfe{\x00}\x00", "is not UTF-8 text"),
    "hooks of another shape": (b'{"hooks": []}\n', "`hooks` of another shape"),
    "an event of another shape": (b'{"hooks": {"Stop": {}}}\n', "`hooks.Stop` of another shape"),
    "nested without end": (b"[" * 100_000, "is not valid JSON"),
    "hooks switched off": (b'{"disableAllHooks": true}\n', "switches all hooks off"),
}


@pytest.mark.parametrize(("before", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_merged_stays_untouched(places: Places, before: bytes, reason: str) -> None:
    places.user_settings.write_bytes(before)

    with pytest.raises(CannotChange) as refused:
        connect(places)

    assert reason in str(refused.value)
    assert str(places.user_settings) in str(refused.value)
    assert places.user_settings.read_bytes() == before
    assert sorted(path.name for path in places.home.rglob("*")) == [".claude", "settings.json"]


def test_a_read_only_file_stays_untouched(places: Places) -> None:
    places.user_settings.write_bytes(b"{}")
    places.user_settings.chmod(0o444)

    with pytest.raises(CannotChange, match="is read-only"):
        connect(places)

    assert places.user_settings.read_bytes() == b"{}"


def test_a_link_stays_a_link_and_its_target_keeps_its_mode(places: Places) -> None:
    target = places.home / "dotfiles" / "claude.json"
    target.parent.mkdir()
    target.write_bytes(b"{}\n")
    target.chmod(0o640)
    places.user_settings.symlink_to(Path("../dotfiles/claude.json"))

    connect(places)

    assert os.readlink(places.user_settings) == "../dotfiles/claude.json"
    assert (own_events(target) == events_of(None), target.stat().st_mode & 0o777) == (True, 0o640)
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert (places.user_settings.is_symlink(), target.read_bytes()) == (True, b"{}\n")


def test_a_link_to_nothing_is_refused(places: Places) -> None:
    places.user_settings.symlink_to("nowhere.json")
    with pytest.raises(CannotChange, match="does not exist"):
        connect(places)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("managed-settings.json", {"allowManagedHooksOnly": True}, "allows only your administrator's hooks"),
        ("managed-settings.d/10-hooks.json", {"allowManagedHooksOnly": True}, "--print-settings"),
        ("managed-settings.json", {"disableAllHooks": True}, "switches all hooks off"),
        ("managed-settings.json", {"strictPluginOnlyCustomization": True}, "(strictPluginOnlyCustomization).*--print-settings"),
        ("managed-settings.json", {"strictPluginOnlyCustomization": ["skills", "hooks"]}, "allows only your administrator's hooks"),
    ],
)
def test_managed_settings_that_forbid_hooks_are_named(places: Places, name: str, value: dict[str, Any], reason: str) -> None:
    (places.managed / name).parent.mkdir(parents=True)
    (places.managed / name).write_text(json.dumps(value))
    with pytest.raises(CannotChange, match=reason):
        connect(places)
    assert not places.capture.exists()


@pytest.mark.parametrize(
    "value", ['{"hooks": {"Stop": []}}', '{"strictPluginOnlyCustomization": ["skills"]}', '{"strictKnownMarketplaces": []}']
)
def test_managed_settings_that_forbid_no_hooks_are_no_obstacle(places: Places, value: str) -> None:
    places.managed.mkdir()
    (places.managed / "managed-settings.json").write_text(value)
    assert connect(places)
    assert (places.managed / "managed-settings.json").read_text() == value


def test_hooks_of_an_older_version_are_replaced(places: Places) -> None:
    older = {"hooks": [{"type": "command", "command": "sh ~/.claude-tracker/hook.sh", "async": True}]}
    other = {"hooks": [{"type": "command", "command": "/usr/bin/check"}]}
    before = {"hooks": {"MessageDisplay": [older], "Stop": [other, older], "PreToolUse": [{"hooks": [*other["hooks"], *older["hooks"]]}]}}
    places.user_settings.write_text(json.dumps(before))

    connect(places)

    after = json.loads(places.user_settings.read_text())
    assert "MessageDisplay" not in after["hooks"]
    assert sorted(own_events(places.user_settings)) == sorted(events_of(None))
    assert without_own(after) == {"hooks": {"Stop": [other], "PreToolUse": [other]}}
    # The backup has hooks of ours in it, so it is not what disconnect goes back to.
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert json.loads(places.user_settings.read_text()) == {"hooks": {"Stop": [other], "PreToolUse": [other]}}


def test_a_backup_lies_beside_and_is_for_its_owner_alone(places: Places) -> None:
    places.user_settings.write_bytes(b'{"model": "sonnet"}')
    connect(places)
    [saved] = places.claude.glob("settings.json.before-tracker-*")
    assert (saved.read_bytes(), saved.stat().st_mode & 0o777) == (b'{"model": "sonnet"}', 0o600)


def test_a_project_gets_the_hooks_in_its_personal_settings(places: Places) -> None:
    project = places.home / "shop"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude/settings.json").write_text("{}")

    connect(places, project)

    assert (project / ".claude/settings.json").read_text() == "{}"
    assert own_events(project / ".claude/settings.local.json") == events_of(None)
    assert not places.user_settings.exists()
    # Everywhere and there too would send each event twice.
    with pytest.raises(CannotChange, match="Run `tracker disconnect` first"):
        connect(places)
    # Disconnect finds the project without being told.
    disconnect(places, None, is_dry_run=False, is_yes=True)
    assert not (project / ".claude/settings.local.json").exists()


def test_disconnect_forgets_the_server_and_keeps_the_machine(places: Places) -> None:
    connect(places)
    config = json.loads(places.config.read_text())
    places.config.write_text(json.dumps(config | {"left_out": ["/private"]}))
    disconnect(places, None, is_dry_run=False, is_yes=True)
    kept = {name: config[name] for name in ("machine_id", "machine_name")}
    assert json.loads(places.config.read_text()) == kept | {"left_out": ["/private"]}
    assert [path.name for path in places.capture.iterdir()] == ["config.json"]


def test_our_folder_and_the_key_in_it_are_private(places: Places) -> None:
    connect(places)
    assert places.capture.stat().st_mode & 0o777 == 0o700
    assert places.config.stat().st_mode & 0o777 == 0o600
    assert json.loads(places.config.read_text())["token"] == "cct_secret"
    assert (places.script.stat().st_mode & 0o777, places.ship.stat().st_mode & 0o777) == (0o700, 0o700)


def test_a_machine_keeps_its_id_and_other_settings(places: Places) -> None:
    connect(places)
    config = json.loads(places.config.read_text())
    places.config.write_text(json.dumps(config | {"left_out": ["/private"], "token": "older"}))
    connect(places)
    assert json.loads(places.config.read_text()) == config | {"left_out": ["/private"]}


def test_every_event_is_registered_or_left_out_for_a_reason() -> None:
    assert not EVENTS.keys() & LEFT_OUT.keys()
    assert "PermissionRequest" in LEFT_OUT
    # Ingest keeps the events that make rows; nothing else is worth a process for each event.
    assert EVENTS.keys() == KEPT - LEFT_OUT.keys()
    assert "PostModelSwitch" not in events_of(VERSION)


def test_on_windows_the_hook_is_a_program_without_a_shell() -> None:
    folder = Path("C:/Users/ann/.claude-tracker")
    hook = windows_hook("C:/Python/python.exe", folder)
    assert (hook["command"], hook["args"]) == ("C:/Python/python.exe", ["-P", "-m", "client", "hook", str(folder)])
    assert is_own(hook)
    # An older version named no folder.
    assert is_own(hook | {"args": ["-P", "-m", "client", "hook"]})


def test_a_script_that_is_gone_does_not_block_claude_code(places: Places) -> None:
    [group] = hooks_of(hook_of(places), VERSION)["PreToolUse"]
    assert os.waitstatus_to_exitcode(os.system(group["hooks"][0]["command"])) == 0


def test_the_key_of_the_configuration_goes_to_its_own_address_only(places: Places) -> None:
    connect(places)
    assert read_config(places.capture, {}).token == "cct_secret"
    # As the `env` of a project's settings may say.
    assert read_config(places.capture, {"TRACKER_URL": "http://elsewhere"}).token is None
    assert "unset TRACKER_URL TRACKER_TOKEN" in places.ship.read_text().splitlines()
