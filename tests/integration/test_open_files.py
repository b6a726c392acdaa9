"""As many connections as are wanted need as many open files, and a shell gives fewer unless it is asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.http.server import OTHER_FILES

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(("hard", "connections"), [(4096, 2048), (1024, 768), (300, 150)])
def test_the_limit_of_open_files_is_raised_as_far_as_connections_need_it(hard: int, connections: int) -> None:
    """given a process that may have 256 files open, and as many as `hard` if it asks, when it serves 2,048 connections, then it asks."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "from shared.http.server import connections_for; print(connections_for(2048), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(connections), str(min(hard, 2048 + OTHER_FILES))]
