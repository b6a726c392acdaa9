"""Schemathesis, all checks, against the running pipeline: no 5xx, nothing that the API's description does not say."""

import subprocess
import sys
from pathlib import Path

from tests.flow.conftest import REPOSITORY, Stack

EXAMPLES_PER_OPERATION = 4


def test_whatever_is_sent_the_answer_is_a_described_one(stack: Stack, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("st")), "--config-file", str(REPOSITORY / "schemathesis.toml"), "run"]
    options = ["--max-examples", str(EXAMPLES_PER_OPERATION), "--seed", "1", "--generation-database", "none", "--no-color"]

    result = subprocess.run(
        [*command, str(stack.http.base_url.join("/openapi.json")), *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout[-20_000:]
