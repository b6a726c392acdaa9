"""The commands that a document shows, run as a reader would run them, and compared with the output that it shows.

In a block ```console a line `$ command` is run. A command that stays in the foreground, or that other tests run, has no `$`.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

REPOSITORY = Path(__file__).parents[3]
# The texts that other tests have stored on the same stack are indexed by then.
INDEX_SECONDS = 60


@dataclass(frozen=True)
class Command:
    """`text` may have several lines. `said` is the output that the document shows, or nothing."""

    text: str
    said: str


def blocks_of(document: str) -> list[str]:
    """The blocks of commands of a document, by its path in the repository."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    return re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands_of(document: str) -> list[Command]:
    return [_command(part) for block in blocks_of(document) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def _command(part: str) -> Command:
    """A command goes on while a line ends with a backslash or a quote is open."""
    lines = part.splitlines()
    for end in range(1, len(lines) + 1):
        text = "\n".join(lines[:end])
        if not text.endswith("\\") and _is_complete(text):
            return Command(text, "\n".join(lines[end:]).strip())
    raise ValueError(f"This command does not end: {part}")


def _is_complete(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def check_commands(document: str, address: str, folder: Path, environment: dict[str, str]) -> None:
    """Runs them in a folder, at an address like 127.0.0.1:8000. AssertionError names the first that differs."""
    tracker = folder / "tracker"
    tracker.write_text(f'#!/bin/sh\nTRACKER_COMMAND=$0 exec {shlex.quote(sys.executable)} -P -m client "$@"\n')
    tracker.chmod(0o755)
    environment = environment | {"PYTHONPATH": str(REPOSITORY), "TRACKER_URL": f"http://{address}"}
    for command in commands_of(document):
        text = command.text.replace("localhost:8000", address)
        if text.startswith("curl ") and not shutil.which("curl"):
            output = _by_httpx(shlex.split(text.replace("\\\n", " ")), folder)
        else:
            output = _by_shell(text, folder, environment)
            # Other tests fill the stack too, and the index takes its time.
            ends_at = time.monotonic() + INDEX_SECONDS
            while "new rows not searched yet" in output and time.monotonic() < ends_at:
                output = _by_shell(text, folder, environment)
        if text.startswith("curl "):
            _check_answer(text, json.loads(output), json.loads(command.said))
        else:
            missing = words_of(command.said) - words_of(output)
            assert not missing, (text, output, missing)


def _by_shell(text: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(["sh", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


def words_of(text: str) -> set[str]:
    """Words of at least four letters, but for what differs from day to day."""
    dates = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w+ \d+")
    return set(re.findall(r"[A-Za-z]{4,}", dates.sub("", text)))


def _check_answer(call: str, answer: Any, expected: Any) -> None:
    """The same fields. Values differ from run to run."""
    assert type(answer) is type(expected), (call, answer)
    if isinstance(answer, list):
        answer, expected = answer[0], expected[0]
    assert answer.keys() == expected.keys(), (call, answer)
    assert answer.get("error") is None, call
    if isinstance(answer.get("items"), list) and expected["items"]:
        _check_answer(call, answer["items"][0], expected["items"][0])


def _by_httpx(command: list[str], folder: Path) -> bytes:
    """The same request on a machine without curl. SystemExit for an option that the documents have not used until now."""
    curl = argparse.ArgumentParser("curl")
    curl.add_argument("-s", action="store_true")
    curl.add_argument("-H", action="append", default=[])
    curl.add_argument("-X")
    curl.add_argument("-d")
    curl.add_argument("-F", action="append", default=[])
    curl.add_argument("url")
    asked = curl.parse_args(command[1:])
    headers = dict(header.split(": ", 1) for header in asked.H)
    files = {name: (file[1:], (folder / file[1:]).read_bytes()) for name, _, file in (part.partition("=") for part in asked.F)}
    method = asked.X or ("POST" if asked.d or files else "GET")
    sent = httpx2.request(
        method, f"http://{asked.url}", headers=headers, content=asked.d.encode() if asked.d else None, files=files or None, timeout=60
    )
    return sent.content
