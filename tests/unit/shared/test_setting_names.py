"""A variable TRACKER_… that nothing reads, or whose value does not work, stops the start with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.settings import READERS, check_every_setting
from services.ingest.settings import Settings as IngestSettings
from shared.setting_names import NAMES_FILE, InvalidSettings, check_names
from shared.settings import check_values, read_environment, variable

ROOT = Path(__file__).parents[3]
# As each is started by `make up`, compose and Kubernetes.
STARTS = {
    "make up": ["-m", "deploy.embedded"],
    "ingest": ["-m", "services.ingest"],
    "query": ["-m", "services.query"],
    "worker": ["-m", "celery", "-A", "services.worker.app", "worker"],
    "beat": ["-m", "celery", "-A", "services.worker.app", "beat"],
    "migrate": ["-m", "deploy.migrations.migrate"],
    "make compose-up": ["-m", "shared.setting_names", ".env,other.env"],
}


def said(arguments: list[str], folder: Path, **environment: str) -> str:
    """The words of a start on stderr when it refuses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    environment = kept | {"TRACKER_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)} | environment
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1, ended.stderr
    return ended.stderr.strip()


@pytest.mark.parametrize("name", STARTS)
def test_a_misspelt_setting_stops_every_start_and_names_the_nearest(name: str, tmp_path: Path) -> None:
    assert said(STARTS[name], tmp_path, TRACKER_ACESS="keys") == (
        "TRACKER_ACESS is not a setting; write TRACKER_ACCESS if that is what you mean, or unset it."
    )
    assert not (tmp_path / "data").exists()


def test_a_misspelt_setting_in_the_settings_file_of_the_containers_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# TRACKER_OF_OLD=1\nTRACKER_PORT=8001\nexport TRACKER_ACESS=keys\n")

    refusal = said(STARTS["make compose-up"], tmp_path)

    assert refusal == ".env: TRACKER_ACESS is not a setting; write TRACKER_ACCESS if that is what you mean, or unset it."


def test_a_name_without_a_near_one_is_refused_too() -> None:
    with pytest.raises(InvalidSettings, match="TRACKER_ZZZZZZZZ is not a setting; unset it, or see"):
        check_names(["PATH", "TRACKER_ZZZZZZZZ"])


def test_every_name_that_is_read_is_known() -> None:
    """A service's setting, and those of the containers, of `tracker` and of the tests."""
    settings = {variable(field) for settings in READERS.values() for field in settings.model_fields}
    others = {"TRACKER_REDIS_PASSWORD", "TRACKER_GRAFANA_PORT", "TRACKER_URL", "TRACKER_TOKEN", "TRACKER_CAPTURE_DIR", "TRACKER_COMMAND"}
    of_tests = {"TRACKER_TEST_CLAUDE", "TRACKER_TEST_SERVERS", "TRACKER_SAMPLES", "TRACKER_FAULTS"}

    assert settings | others | of_tests <= set(NAMES_FILE.read_text().split())


def test_a_new_setting_is_known_to_its_reader_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithOneMore(IngestSettings):
        speed: int = 1

    monkeypatch.setenv("TRACKER_SPEED", "3")

    assert read_environment(WithOneMore).speed == 3


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TRACKER_ACCESS", "key", "TRACKER_ACCESS=key does not work: it must be `open` or `keys`."),
        ("TRACKER_PORT", "0", "TRACKER_PORT=0 does not work: it must be a whole number from 1 to 65535."),
        ("TRACKER_FLOWER_PORT", "x", "TRACKER_FLOWER_PORT=x does not work: it must be a whole number, `on` or `off`."),
        ("TRACKER_DRAIN_SECONDS", "30", "TRACKER_DRAIN_SECONDS=30 does not work: it must be a number, more than 0 and at most 20."),
        ("TRACKER_REDACT", "maybe", "TRACKER_REDACT=maybe does not work: it must be `on` or `off`."),
        ("TRACKER_LOG_LEVEL", "x", "TRACKER_LOG_LEVEL=x does not work: it must be `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`."),
        ("TRACKER_TIMEZONE", "Bonn", "TRACKER_TIMEZONE=Bonn does not work: it is not a time zone; write an IANA name, as Europe/Berlin."),
    ],
)
def test_a_bad_value_is_named_once_with_its_range(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as refused:
        check_every_setting()

    assert str(refused.value) == sentence


def test_a_bad_value_stops_make_up_before_anything_starts(tmp_path: Path) -> None:
    refusal = said(STARTS["make up"], tmp_path, TRACKER_CLAIM_IDLE_MS="5")

    assert refusal == "TRACKER_CLAIM_IDLE_MS=5 does not work: it must be a whole number, at least 100."
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["TRACKER_REDIS_URL", "TRACKER_BROKER_URL"])
def test_a_value_that_may_hold_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://tracker:hunter2@redis")

    with pytest.raises(InvalidSettings, match=f"{name} does not work") as refused:
        check_values(IngestSettings)

    assert "hunter2" not in str(refused.value)
