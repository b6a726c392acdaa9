"""Flower always has a login: the configured one, or a generated password."""

from pathlib import Path

import pytest

from deploy.embedded.servers.flower_login import flower_login
from deploy.embedded.settings import read_settings
from shared.setting_names import InvalidSettings


def test_a_password_is_generated_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "flower-login"
    first = flower_login(None, file)
    name, _, password = first.partition(":")
    assert name == "tracker"
    assert len(password) >= 20
    assert file.stat().st_mode & 0o777 == 0o600
    assert flower_login(None, file) == first
    assert flower_login(None, tmp_path / "another") != first


def test_a_configured_login_is_used_and_not_stored(tmp_path: Path) -> None:
    file = tmp_path / "flower-login"
    assert flower_login("ann:secret", file) == "ann:secret"
    assert not file.exists()


@pytest.mark.parametrize("wrong", ["secret", ":secret", "ann:", "ann:a,b:c"])
def test_an_invalid_login_stops_the_start(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("TRACKER_FLOWER_BASIC_AUTH", wrong)
    with pytest.raises(InvalidSettings, match="TRACKER_FLOWER_BASIC_AUTH"):
        read_settings()
