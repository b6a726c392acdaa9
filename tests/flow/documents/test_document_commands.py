"""Every command that the README, the tutorial and the reference of the API show works, and its output is as shown."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.flow.conftest import REPOSITORY, Stack
from tests.flow.documents.document_commands import blocks_of, check_commands, commands_of
from tests.made_up_week import monday_of, write_week

# The test that runs each command of the README without `$`.
RUN_ELSEWHERE = {
    "make up": ".ci/try_up.py",
    "make test": ".ci/run",
    "make key": "tests/embedded/test_stack.py",
    "make down": "tests/embedded/test_stack.py",
    "TRACKER_ACCESS=keys make up": "tests/embedded/test_stack.py",
}


@pytest.mark.parametrize(("document", "least"), [("README.md", 7), ("docs/reference/api.md", 14), ("docs/tutorial.md", 9)])
def test_documents_show_commands(document: str, least: int) -> None:
    assert len(commands_of(document)) >= least


@pytest.mark.parametrize("document", ["README.md", "docs/reference/api.md", "docs/tutorial.md"])
def test_every_command_of_a_document_answers_as_shown(stack: Stack, document: str, environment: dict[str, str], tmp_path: Path) -> None:
    # In this zone it is afternoon, so that the week has begun, on a Monday too.
    afternoon = timezone(timedelta(hours=0 if datetime.now(UTC).hour >= 12 else 12))
    now = datetime.now(afternoon)
    write_week(Path(environment["HOME"]), monday_of(now), now - timedelta(hours=3))
    address = str(stack.http.base_url).removeprefix("http://").rstrip("/")
    zone = "UTC" if afternoon.utcoffset(None) == timedelta(0) else "Etc/GMT-12"
    check_commands(document, address, tmp_path, environment | {"TZ": zone})


def test_commands_of_the_readme_that_are_not_run_here_are_run_elsewhere() -> None:
    others = {
        line.split("#")[0].strip()
        for block in blocks_of("README.md")
        for line in block.splitlines()
        if re.match(r"([A-Z_]+=\S+ )?(make|docker) ", line)
    }
    assert others == RUN_ELSEWHERE.keys()
    assert [file for file in RUN_ELSEWHERE.values() if not (REPOSITORY / file).exists()] == []
