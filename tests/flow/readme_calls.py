"""The calls that the README shows, done and compared with what it says of them."""

import argparse
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2

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
        answer = json.loads(_by_curl(command, folder) if shutil.which("curl") else _by_httpx(command, folder))
        expected = json.loads(said)
        assert type(answer) is type(expected), (call, answer)
        if isinstance(answer, list):
            assert shape(answer[0]).keys() == shape(expected[0]).keys(), (call, answer)
        else:
            assert shape(answer).keys() == shape(expected).keys(), (call, answer)
            assert answer.get("error") is None, call


def _by_curl(command: list[str], folder: Path) -> bytes:
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60).stdout


def _by_httpx(command: list[str], folder: Path) -> bytes:
    """The same request on a machine without curl. SystemExit for an option that the README has not used until now."""
    curl = argparse.ArgumentParser("curl")
    curl.add_argument("-s", action="store_true")
    curl.add_argument("-H", action="append", default=[])
    curl.add_argument("-d")
    curl.add_argument("-F", action="append", default=[])
    curl.add_argument("url")
    asked = curl.parse_args(command[1:])
    headers = dict(header.split(": ", 1) for header in asked.H)
    files = {name: (file[1:], (folder / file[1:]).read_bytes()) for name, _, file in (part.partition("=") for part in asked.F)}
    method = "POST" if asked.d or files else "GET"
    sent = httpx2.request(
        method, f"http://{asked.url}", headers=headers, content=asked.d.encode() if asked.d else None, files=files or None, timeout=60
    )
    return sent.content
