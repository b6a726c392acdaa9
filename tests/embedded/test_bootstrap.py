"""`.venv` is built from the lock once, by a Python that is new enough, and then left alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.paths import REPOSITORY


@pytest.fixture
def clone(folder: Path) -> Path:
    """A checkout with an empty lock: an environment of nothing, quickly made."""
    (folder / "deploy").mkdir()
    shutil.copy(REPOSITORY / "deploy" / "bootstrap.py", folder / "deploy")
    (folder / "requirements.lock").write_text("")
    return folder


def bootstrap(clone: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(clone / "deploy" / "bootstrap.py")], env=os.environ | env, capture_output=True, text=True, check=False
    )


def test_it_builds_once_and_again_when_the_lock_changes(clone: Path) -> None:
    first = bootstrap(clone, PYTHON=sys.executable)
    assert first.returncode == 0, first.stderr
    assert "Building .venv" in first.stdout
    assert (clone / ".venv" / "bin" / "python").exists()

    assert bootstrap(clone).stdout == ""

    (clone / "requirements.lock").write_text("# changed\n")
    assert "Building .venv" in bootstrap(clone).stdout
    assert bootstrap(clone).stdout == ""


def test_a_python_that_is_not_there_is_named(clone: Path) -> None:
    refused = bootstrap(clone, PYTHON="/no/python")
    assert refused.returncode == 1
    assert "PYTHON=/no/python is not Python 3.11 or newer" in refused.stderr


def test_a_python_that_is_too_old_is_named(clone: Path) -> None:
    old = clone / "python-old"
    old.write_text("#!/bin/sh\necho 3 9\n")
    old.chmod(0o755)
    refused = bootstrap(clone, PYTHON=str(old))
    assert refused.returncode == 1
    assert "make up PYTHON=/path/to/python3.12" in refused.stderr
