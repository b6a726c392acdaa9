"""Texts of others cannot give orders to the terminal: every command, in a pseudo terminal, against answers full of escapes."""

import json
import os
import pty
import re
import select
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx2 as httpx
import pytest
import typer

from client.command_line import app
from tests.flow.client.claude_home import ClaudeHome, turn
from tests.flow.conftest import REPOSITORY, Stack
from tests.flow.connect.shippers import stop_shipper
from tests.forked_tracker import TrackerForks
from tests.unit.client.scripted_server import Scripted, answer

# The title of the window and the clipboard (OSC), clear, hidden text, the C1 of 8-bit terminals, marks that turn the direction of
# writing, separators, delete, and a return to the beginning of the line.
HOSTILE: Final = "\x1b]0;title\x07\x1b]52;c;aGk=\x1b\\\x1b[2J\x1b[8m\x9b31m\x9d0;x\x9c\u202eabc\u2066\u200f\u061c\u2028\u0085\x7f\r!"
# Values that a client does not show but decides by.
_DECIDES: Final = re.compile(r"\d{4}-\d\d-\d\d.*|[0-9a-f]{40,}")
DEAD_LETTER: Final = {"id": "01a2f8de", "kind": "conversation", "reason": "why", "error": "what", "payload": "{}\n{}", "attempts": 1}
GROUP: Final = {"count": 1, "kind": "conversation", "reason": "why", "last_seen_at": "2026-11-20T10:00:00Z", "newest": ["01a2f8de"]}
_NAMES: Final = frozenset({"kind", "status", "next_cursor", "last_event_id", "state"})


def poisoned(value: Any, name: str = "") -> Any:
    """The value with HOSTILE behind every text in it."""
    match value:
        case str():
            return value if name in _NAMES or _DECIDES.fullmatch(value) else value + HOSTILE
        case list():
            return [poisoned(each, name) for each in value]
        case dict():
            return {key: poisoned(each, key) for key, each in value.items()}
        case _:
            return value


class HostileMirror:
    """Serves what the tracker at `origin` serves. Ids that it poisoned itself it understands."""

    def __init__(self, origin: str) -> None:
        mirror = httpx.Client(base_url=origin, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                path = self.path.replace(quote(HOSTILE, safe=""), "").replace(quote(HOSTILE), "")
                if path.startswith("/api/live?"):
                    # A stream does not end.
                    self._answer(503, json.dumps({"message": HOSTILE, "code": "x", "details": {}}).encode(), "application/json")
                    return
                if path.startswith("/api/dead-letters") and self.command == "GET":
                    # The shared tracker has none.
                    letter = DEAD_LETTER if path.startswith("/api/dead-letters/") else {"items": [DEAD_LETTER], "groups": [GROUP]}
                    self._answer(200, json.dumps(poisoned(letter)).encode(), "application/json")
                    return
                headers = {name: value for name, value in self.headers.items() if name in ("Content-Type", "Prefer")}
                answer = mirror.request(self.command, path, content=body, headers=headers)
                kind = answer.headers.get("content-type", "")
                content = answer.content
                if "application/json" in kind:
                    content = json.dumps(poisoned(answer.json())).encode()
                elif content:
                    content = answer.text.replace("\n", f"{HOSTILE}\n").encode()
                self._answer(answer.status_code, content, kind)

            do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

            def _answer(self, status: int, content: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._mirror = mirror
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HostileMirror":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._mirror.close()


SECONDS: Final = 60
UUID: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
SHOP: Final = "/home/ann/shop"
# Each command with the arguments that make it say most. SESSION, JOB, KEY, PROJECT and OTHER stand for ids, SERVER for the tracker by another name.
COMMANDS: Final[dict[str, list[str]]] = {
    "report": ["--since", "2026-11-20", "--until", "2026-11-20", "--by", "session"],
    "day": ["2026-11-20"],
    "search": ["run the tests"],
    "show": ["SESSION"],
    "file": [f"{SHOP}/*", "--patch"],
    "export": ["SESSION"],
    "sessions": [],
    "mark": ["SESSION", "--note", HOSTILE],
    "projects": [],
    "project show": ["PROJECT"],
    "project rename": ["PROJECT", HOSTILE],
    "project group": ["PROJECT", HOSTILE],
    "project archive": ["PROJECT", "--back"],
    "project share": ["PROJECT", "--as-server"],
    "project private": ["PROJECT"],
    "project merge": ["PROJECT", "OTHER"],
    "project split": ["PROJECT"],
    "project undo": ["PROJECT"],
    "tools": [],
    "usage": ["--by", "session"],
    "quota": [],
    "blocks": [],
    "reconcile": ["SESSION"],
    "advice": ["--since", "2020-01-01"],
    "work": ["--since", "2020-01-01", "--by", "branch"],
    "machines": [],
    "top": ["--once"],
    "connect": ["--yes", "--no-import", "--wait", "2"],
    "disconnect": ["--yes"],
    "capture": ["--wait", "0", "--", "true"],
    "doctor": ["--wait", "0"],
    "import": ["FOLDER"],
    "ship": ["--once", "--within", "1"],
    "jobs": [],
    "cancel": ["JOB"],
    "retry": ["JOB"],
    "undo": ["JOB"],
    "move": ["--to", "SERVER", "--dry-run"],
    "reparse": ["--session", UUID],
    "verify": [],
    "scrub": ["--dry-run", "--wait"],
    "erase": ["session", "SESSION", "--dry-run"],
    "retention": [],
    "retention set": ["texts", "36500"],
    "retention unset": ["texts"],
    "retention run": [],
    "retention allow": ["SESSION"],
    "prices": [],
    "prices set": [HOSTILE, "--input", "5", "--output", "25"],
    "prices unset": [HOSTILE],
    "prices reprice": ["--dry-run"],
    "resume": ["SESSION", "--no-start", "--in", "FOLDER"],
    "restore": ["--missing-folders", "--dry-run"],
    "audit": [],
    "dead-letters": [],
    "dead-letters show": [UUID],
    "dead-letters replay": [UUID],
    "dead-letters delete": [UUID],
    "keys create": ["--scope", "read", "--name", HOSTILE],
    "keys list": [],
    "keys revoke": ["KEY"],
}
# These have no text of others in what they say when all is well, or they say nothing.
SAYS_LITTLE: Final = frozenset(
    {
        "capture",
        "connect",
        "disconnect",
        "move",
        "ship",
        "scrub",
        "verify",
        "restore",
        "retention set",
        "retention unset",
        "retention allow",
        "prices unset",
        "reconcile",
    }
)
# The codes that rich itself sends to a terminal: colours, and where the cursor and the screen are. CR before LF is the terminal's own.
RICH: Final = re.compile(r"\x1b\[[0-9;]*[mAHKG]|\x1b\[2J|\x1b\[\?(?:1049|25)[hl]|\r+(?=\n)|\r(?=\x1b\[2K)")
OBEYED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def on_a_terminal(forks: TrackerForks, arguments: list[str], environment: dict[str, str], folder: Path, *, seconds: float = SECONDS) -> str:
    """The output of a command to its terminal. After the seconds it gets Ctrl-C."""
    ours, theirs = pty.openpty()
    shape = {"TERM": "xterm-256color", "PAGER": "cat", "COLUMNS": "200", "LINES": "50"}
    process = forks.start(arguments, env=environment | shape, cwd=folder, streams=(theirs, theirs, theirs))
    os.close(theirs)
    shown, until = b"", time.monotonic() + seconds
    try:
        while True:
            if time.monotonic() > until:
                process.send_signal(signal.SIGINT)
                until = time.monotonic() + SECONDS
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
            elif process.poll() is not None:
                break
    except OSError:
        # The other end is closed.
        process.wait(SECONDS)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)
    return shown.decode("utf-8", "surrogateescape")


def orders_in(shown: str) -> list[str]:
    """The parts of a text that a terminal would obey, with their surroundings, besides what rich says to it."""
    # Rich hides no text, and clears the screen of `top` alone.
    foreign = [found for found in ("\x1b[8m", "\x1b[2J\x1b[8m") if found in shown]
    rest = RICH.sub("", shown)
    return foreign + [rest[max(0, found.start() - 40) : found.end() + 40] for found in OBEYED.finditer(rest)]


@pytest.fixture(scope="module")
def mirror(stack: Stack) -> Iterator[HostileMirror]:
    with HostileMirror(str(stack.http.base_url)) as running:
        yield running


@pytest.fixture(scope="module")
def environment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """That of a person with a home of their own, with one session in it, and with no `claude`."""
    home = ClaudeHome(tmp_path_factory.mktemp("person") / "home")
    home.transcript(2)
    yield {
        "HOME": str(home.path),
        "PATH": "/usr/bin:/bin",
        "USER": "ann",
        "PYTHONPATH": str(REPOSITORY),
        "TRACKER_URL": str(stack.http.base_url),
    }
    stop_shipper(home.path / ".claude-tracker")


@pytest.fixture(scope="module")
def ids(forks: TrackerForks, stack: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A session of two prompts that changed a file, its import, a key, a machine that has sent, and two projects that no other test has."""
    folder = tmp_path_factory.mktemp("files")
    (folder / f"a{HOSTILE}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in turn(UUID)) + "{broken\n")
    assert forks.run(["connect", "--yes", "--no-import"], env=environment).returncode == 0
    assert forks.run(["ship", "--once"], env=environment).returncode == 0
    [job] = json.loads(forks.run(["import", "--json"], env=environment).stdout)["jobs"] or [{"job_id": UUID}]
    key = json.loads(forks.run(["keys", "create", "--scope", "read", "--name", "x", "--json"], env=environment).stdout)
    [session] = Path(environment["HOME"]).glob(".claude/projects/*/*.jsonl")
    change = {"session_id": session.stem, "file_path": f"{SHOP}/a.py", "action": "modified", "timestamp": "2026-11-20T10:00:03Z"}
    assert stack.http.post("/api/activities", json=change, headers={"Prefer": "wait=30"}).status_code == 201
    line = {"type": "status_line", "session_id": session.stem, "read_at": datetime.now(UTC).isoformat(), "machine_id": "m", "user": "ann"}
    limits = {"rate_limits": {"five_hour": {"used_percentage": 41.5, "resets_at": time.time() + 3600}}}
    assert stack.http.post("/api/readings", json=[line | limits], headers={"Prefer": "wait=30"}).json()["accepted"] == 1
    start = {"project_path": SHOP, "session_id": "open-now", "user": "ann"}
    assert stack.http.post("/api/sessions/start", json=start, headers={"Prefer": "wait=30"}).json()["status"] == "persisted"
    own = [{"project_path": f"/home/ann/{uuid4().hex}", "user": "ann"} for _ in range(2)]
    project, other = (str(stack.http.post("/api/sessions/start", json=each).json()["project_id"]) for each in own)
    return {"SESSION": session.stem, "JOB": job["job_id"], "KEY": key["id"], "PROJECT": project, "OTHER": other, "FOLDER": str(folder)}


def commands() -> dict[str, Any]:
    """Every command of `tracker` that is not hidden, as Typer knows it."""
    root: Any = typer.main.get_command(app)
    found = {}
    for name, command in root.commands.items():
        if command.hidden:
            continue
        below = getattr(command, "commands", {})
        if getattr(command, "invoke_without_command", True):
            found[name] = command
        found |= {f"{name} {each}": sub for each, sub in below.items()}
    return found


def variants(name: str) -> list[list[str]]:
    options = {option for each in commands()[name].params for option in each.opts}
    return [[], *([option] for option in ("--json", "--csv") if option in options)]


def test_every_command_is_among_those_that_are_tried() -> None:
    # The status line asks no server. It shows numbers alone of what Claude Code tells it (tests/unit/client/capture/test_statusline.py).
    assert {*COMMANDS, "statusline"} == set(commands())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_command_lets_the_texts_of_a_real_tracker_give_orders(
    forks: TrackerForks, name: str, mirror: HostileMirror, ids: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    arguments = [(ids | {"SERVER": mirror.url.replace("127.0.0.1", "localhost")}).get(each, each) for each in COMMANDS[name]]
    for variant in variants(name):
        options = [*variant, *arguments] if "--" in arguments else [*arguments, *variant]
        shown = on_a_terminal(forks, [*name.split(), *options], environment | {"TRACKER_URL": mirror.url}, tmp_path)

        assert not orders_in(shown), variant
        assert "Traceback" not in shown, shown
        # The text is there, to be read.
        assert "]0;" in shown or name in SAYS_LITTLE, shown


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"disconnect"}))
def test_no_command_lets_the_words_of_a_refusal_give_orders(
    forks: TrackerForks, name: str, ids: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    refusal = {"error": True, "message": f"Refused.{HOSTILE}", "code": "X", "details": {"x": HOSTILE}}
    with Scripted(answer(400, refusal)) as scripted:
        arguments = [(ids | {"SERVER": scripted.url.replace("127.0.0.1", "localhost")}).get(each, each) for each in COMMANDS[name]]
        shown = on_a_terminal(forks, [*name.split(), *arguments], environment | {"TRACKER_URL": scripted.url}, tmp_path)

    assert not orders_in(shown)
    assert "Refused." in shown or name in ("capture", "ship"), shown


def test_the_screen_of_top_obeys_rich_alone(
    forks: TrackerForks, mirror: HostileMirror, ids: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    shown = on_a_terminal(forks, ["top", "--url", mirror.url], environment, tmp_path, seconds=4)

    assert "tracker top" in shown
    assert not orders_in(shown)


@pytest.mark.parametrize(
    "arguments", [["import", f"/none{HOSTILE}"], [f"what{HOSTILE}"], ["usage", "--by", HOSTILE], ["top", f"--{HOSTILE}"]]
)
def test_wrong_usage_repeats_no_order(forks: TrackerForks, environment: dict[str, str], tmp_path: Path, arguments: list[str]) -> None:
    shown = on_a_terminal(forks, arguments, environment, tmp_path)

    assert "Usage: tracker" in RICH.sub("", shown)
    assert [each for each in orders_in(shown) if each != "\x1b[8m"] == []


def test_json_and_csv_go_into_a_pipe_as_they_are(
    forks: TrackerForks, mirror: HostileMirror, ids: dict[str, str], environment: dict[str, str]
) -> None:
    as_json = json.loads(forks.run(["sessions", "--json", "--url", mirror.url], env=environment).stdout)
    as_csv = forks.run(["sessions", "--csv", "--url", mirror.url], env=environment)

    assert all(session["session_id"].endswith(HOSTILE) for session in as_json)
    assert HOSTILE.rstrip("\r!").split("\r")[0] in as_csv.stdout
