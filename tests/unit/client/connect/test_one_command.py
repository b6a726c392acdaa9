"""`tracker capture`: where it sends what its command did."""

import os
from pathlib import Path

from client.connect.one_command import capture
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
