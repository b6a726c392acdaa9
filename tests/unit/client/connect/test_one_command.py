"""`tracker capture`: where it sends what its command did."""

import json
import os
import shutil
from pathlib import Path

from client.connect.one_command import capture
from client.connect.own_files import HOOK_SCRIPT
from client.connect.places import places
from tests.unit.client.capture.capture_server import capture_server

# As a hook of the command would, but without a shipper that is started by it.
HOOK = """\
mkdir -p "$TRACKER_CAPTURE_DIR/spool"
echo '{"hook_event_name": "Stop", "session_id": "s1"}' >"$TRACKER_CAPTURE_DIR/spool/1-0"
test -z "$TRACKER_TOKEN"
"""


def test_the_given_address_and_key_win_over_those_of_the_environment(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TRACKER_URL": "http://127.0.0.1:9", "TRACKER_TOKEN": "cct_other"}
    with capture_server() as server:
        code = capture(["sh", "-c", HOOK], places(environment, tmp_path), url=server.url, token="cct_given", user="ann")

    assert code == 0
    assert [hook["session_id"] for hook in server.hooks] == ["s1"]
    assert {headers["Authorization"] for _, _, headers, _ in server.requests} == {"Bearer cct_given"}


def test_the_hook_of_a_connected_machine_keeps_the_commands_sessions_with_those_of_its_own_hook(tmp_path: Path) -> None:
    connected = tmp_path / ".claude-tracker"
    connected.mkdir()
    shutil.copy(HOOK_SCRIPT, connected / "hook.sh")
    (connected / "ship").write_text("#!/bin/sh\n")
    (connected / "config.json").write_text('{"url": "http://127.0.0.1:9"}')
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    payload = json.dumps({"hook_event_name": "Stop", "session_id": "s1"})
    with capture_server() as server:
        command = ["sh", "-c", f"echo '{payload}' | sh {connected}/hook.sh"]
        code = capture(command, places(environment, tmp_path), url=server.url, token=None, user="ann")

    assert code == 0
    assert [hook["session_id"] for hook in server.hooks] == ["s1"]
    assert not (connected / "spool").exists()
    assert list((connected / "commands").iterdir()) == []
