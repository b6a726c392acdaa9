"""The containers' Flower requires a login, which is on no command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("login", ["", "secret", ":secret", "name:", "name:pass,word"])
def test_flower_refuses_to_start_without_a_login(login: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.flower"],
        cwd=ROOT,
        env=os.environ | {"FLOWER_BASIC_AUTH": login},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == "Flower needs a login: set TRACKER_FLOWER_BASIC_AUTH=name:password and start it again."
