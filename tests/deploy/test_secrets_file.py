"""`make env`: random passwords, readable by the owner alone, and written only once."""

import re
import stat
import subprocess
import sys
from pathlib import Path

from deploy.secrets_file import PASSWORDS

SCRIPT = Path(__file__).parent.parent.parent / "deploy" / "secrets_file.py"


def made(file: Path) -> str:
    """Runs it as `make env TO=file` does, and gives what it said."""
    # -I and -S: with the standard library and nothing else.
    return subprocess.run([sys.executable, "-I", "-S", SCRIPT, str(file)], capture_output=True, text=True, check=True).stdout


def test_passwords_are_random_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    said = [made(tmp_path / name) for name in ("one", "two")]

    texts = [(tmp_path / name).read_text() for name in ("one", "two")]
    found = [dict(re.findall(r"^(TRACKER_\w+)=(\S+)$", text, re.MULTILINE)) for text in texts]
    assert set(found[0]) - {"TRACKER_CPUS"} == {*PASSWORDS, "TRACKER_FLOWER_BASIC_AUTH", "TRACKER_GRAFANA_PASSWORD"}
    values = [value for one in found for name, value in one.items() if name != "TRACKER_CPUS"]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"(tracker:)?[A-Za-z0-9_-]{32,}", value) for value in values), "in a URL they need no quoting"
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    assert not any(value in sentence for value in values for sentence in said), "it shows no password"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINE=1\n")

    assert "is there already and stays" in made(tmp_path / ".env")

    assert (tmp_path / ".env").read_text() == "MINE=1\n"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
