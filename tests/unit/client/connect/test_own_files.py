"""The address and the key that commands use: those given, else those of the configuration."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from client.capture.folder import LOCAL_URL, read_config
from client.connect.own_files import ship_script
from client.connect.places import Places, places
from client.options import At

HERE = "https://tracker.example"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TRACKER_CAPTURE_DIR", raising=False)
    (tmp_path / ".claude-tracker").mkdir()
    return places({}, tmp_path)


@pytest.mark.usefixtures("here")
def test_without_a_configuration_the_tracker_is_on_this_machine() -> None:
    assert At().known() == At(LOCAL_URL)
    assert At("", "cct_mine").known() == At(LOCAL_URL, "cct_mine")


@pytest.mark.parametrize(
    ("stored", "url", "expected"),
    [
        ({"url": HERE, "token": "cct_own"}, None, (HERE, "cct_own")),
        ({"url": HERE, "token": "cct_own"}, f"{HERE}/", (f"{HERE}/", "cct_own")),
        ({"url": HERE, "token": "cct_own"}, "https://other.example", ("https://other.example", None)),
        ({"token": "cct_own"}, None, (LOCAL_URL, "cct_own")),
        ({"token": "cct_own"}, "https://other.example", ("https://other.example", None)),
        ({"url": 7, "token": ["cct_own"]}, None, (LOCAL_URL, None)),
    ],
)
def test_the_key_of_the_configuration_goes_to_its_own_address_only(
    here: Places, stored: dict[str, object], url: str | None, expected: tuple[str, str | None]
) -> None:
    here.config.write_text(json.dumps(stored))
    assert At(url or "").known() == At(*expected)
    shipper = read_config(here.capture, {} if url is None else {"TRACKER_URL": url})
    assert (shipper.url, shipper.token) == expected


@pytest.mark.parametrize("connected_with", [None, "/home/ann/my claude"])
def test_the_shipper_has_its_folders_from_connect_and_its_server_from_the_configuration(tmp_path: Path, connected_with: str | None) -> None:
    environment = {} if connected_with is None else {"CLAUDE_CONFIG_DIR": connected_with}
    program = tmp_path / "tracker"
    program.write_text('#!/bin/sh\necho "$1 $TRACKER_CAPTURE_DIR|$CLAUDE_CONFIG_DIR|$TRACKER_URL|$TRACKER_TOKEN"\n')
    program.chmod(0o700)
    of_project = dict.fromkeys(("TRACKER_CAPTURE_DIR", "CLAUDE_CONFIG_DIR", "TRACKER_URL", "TRACKER_TOKEN"), "/repository")

    script = ship_script([str(program)], places(environment, tmp_path))
    said = subprocess.run(["sh", "-c", script], env=os.environ | of_project, capture_output=True, text=True, check=True)

    assert said.stdout == f"ship {tmp_path}/.claude-tracker|{connected_with or ''}||\n"
