"""Many connections need many open files, and a shell grants fewer unless asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.http.server import OTHER_FILES

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(("hard", "connections"), [(4096, 2048), (1024, 768), (300, 150)])
def test_the_open_file_limit_is_raised_to_what_connections_need(hard: int, connections: int) -> None:
    """given a process that may have 256 files open, and as many as `hard` if it asks, when it serves 2,048 connections, then it asks."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "from shared.http.server import allowed_connections; print(allowed_connections(2048), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(connections), str(min(hard, 2048 + OTHER_FILES))]
