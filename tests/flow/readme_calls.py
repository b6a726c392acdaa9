"""The calls that the README shows, done and compared with what it says of them."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

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


def check_calls(address: str, folder: Path) -> None:
    """Does them all at an address like 127.0.0.1:8000, with `folder` for the file that is sent; AssertionError names the first one that differs."""
    (folder / "claude.json").write_text(json.dumps(IMPORTED))
    for call, said in CALLS:
        command = shlex.split(call.replace("localhost:8000", address))
        answer = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60).stdout)
        expected = json.loads(said)
        assert type(answer) is type(expected), call
        if isinstance(answer, list):
            assert shape(answer[0]).keys() == shape(expected[0]).keys(), call
        else:
            assert shape(answer).keys() == shape(expected).keys(), call
            assert answer.get("error") is None, call
