"""Every call that the README shows works, and its answer has the fields that the README shows."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.flow.conftest import Stack

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
CALLS = re.findall(r"^\$ (curl .*)\n(.+)$", README, re.MULTILINE)
IMPORTED = {
    "numStartups": 3,
    "projects": {"/home/ann/site": {"lastSessionId": "5f1c", "lastCost": 1.25, "history": [{"display": "add a footer"}]}},
}


def shape(answer: Any) -> Any:
    """Field names and kinds of values; what differs from run to run is left out."""
    match answer:
        case dict():
            return {name: shape(value) for name, value in answer.items()}
        case list():
            return [shape(value) for value in answer]
        case bool() | None:
            return answer
        case int() | float():
            return "number"
        case _:
            return "text"


def test_the_readme_has_calls() -> None:
    assert len(CALLS) >= 12


def test_every_call_of_the_readme_answers_as_the_readme_says(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "claude.json").write_text(json.dumps(IMPORTED))
    base = str(stack.http.base_url).removeprefix("http://").rstrip("/")
    for call, said in CALLS:
        command = shlex.split(call.replace("localhost:8000", base))
        answer = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout)
        expected = json.loads(said)
        assert type(answer) is type(expected), call
        if isinstance(answer, list):
            assert shape(answer[0]).keys() == shape(expected[0]).keys(), call
        else:
            assert shape(answer).keys() == shape(expected).keys(), call
            assert answer.get("error") is None, call
