"""The census of a version of Claude Code, from a real run: what it writes into transcripts and gives to hooks, and what of it nothing knows yet.

`make formats CLAUDE=path` runs the scripted sessions against the stand-in for the Messages API and writes docs/evidence/formats-<version>.md.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.worker.importers.formats import known_formats as known
from services.worker.importers.formats.known_formats import Kind, is_known
from shared.claude_formats.hook_kinds import DROPPED, KEPT
from tests.real_client.claude_code import HOOKS, ClaudeHome
from tests.real_client.messages_api import Failure, messages_api, say, think, use
from tests.real_client.scripted_session import scripted_session
from tests.skips import CLAUDE, ROOT

# The list of events in the program, which a run does not show: hooks for most of them are never registered.
_EVENTS: Final = re.compile(rb'\["PreToolUse"(?:,"[A-Za-z]{3,40}"){10,80}\]')
_REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "record": known.LEFT_OUT_RECORDS,
    "system": known.LEFT_OUT_SYSTEM,
    "attachment": known.LEFT_OUT_ATTACHMENTS,
    "progress": known.LEFT_OUT_PROGRESS,
    "block": known.LEFT_OUT_BLOCKS,
}
_TITLES: Final[Mapping[Kind, str]] = {
    "record": "Types of records",
    "system": "Subtypes of `system`",
    "attachment": "Kinds of `attachment`",
    "progress": "Kinds of `progress`",
    "block": "Kinds of content blocks",
    "field": "Fields",
    "hook": "Events of hooks",
    "hook_field": "Fields of hooks",
}


@dataclass
class Census:
    """How often each name came. `bytes_of`: of the records of each type."""

    version: str
    names: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    bytes_of: Counter[str] = field(default_factory=Counter)
    # The program's events; those that no session had are among them.
    events: frozenset[str] = frozenset()

    def add_record(self, line: str) -> None:
        """A line of a transcript."""
        row = json.loads(line)
        self.bytes_of[row.get("type", "(none)")] += len(line.encode())
        self.names.update(set(_things_of(row)))

    def add_hook(self, payload: Mapping[str, Any]) -> None:
        """Notes what a hook was given."""
        event = payload["hook_event_name"]
        self.names["hook", event] += 1
        self.names.update(("hook_field", f"{event}.{name}") for name in payload)

    @property
    def new(self) -> list[tuple[Kind, str]]:
        """The kinds that nothing reads and no list leaves out."""
        of_program: list[tuple[Kind, str]] = [("hook", event) for event in sorted(self.events - KEPT - DROPPED)]
        return sorted({*(name for name in self.names if not is_known(*name)), *of_program})

    def document(self) -> str:
        """The page."""
        new = [f"- {kind.replace('_', ' ')} `{name}`" for kind, name in self.new] or ["Nothing."]
        total = sum(self.bytes_of.values())
        bytes_of = [f"| `{name}` | {size:,} | {size / total:.0%} |" for name, size in self.bytes_of.most_common()]
        return "\n".join(
            [
                f"# Formats of Claude Code {self.version}",
                "",
                "`make formats CLAUDE=path` has made this page by a run of scripted sessions with that version",
                "against a stand-in for the Messages API. So it has what these sessions brought about, not all",
                "that the version can write. What the words of the last columns mean is in",
                "[Data formats of Claude Code](../explanation/claude-code-formats.md).",
                "",
                "## New",
                "",
                *new,
                "",
                "## Bytes by type",
                "",
                "| type | bytes | share |",
                "| --- | ---: | ---: |",
                *bytes_of,
                *(line for kind in known.KINDS for line in self._table(kind)),
                "",
            ]
        )

    def _table(self, kind: Kind) -> Iterator[str]:
        rows = sorted(name for each, name in self.names if each == kind)
        if kind == "hook":
            rows = sorted({*rows, *self.events})
        if not rows:
            return
        yield from ("", f"## {_TITLES[kind]}", "", "| name | count | |", "| --- | ---: | --- |")
        yield from (f"| `{name}` | {self.names[kind, name]:,} | {_state(kind, name)} |" for name in rows)


def _things_of(row: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """The things that a record has, each once."""
    kind = str(row.get("type", "(none)"))
    yield "record", kind
    if kind == "system":
        yield "system", str(row.get("subtype"))
    if kind == "progress":
        yield "progress", str(row.get("data", {}).get("type"))
    if kind in known.KNOWN_FIELDS:
        yield from _fields(kind, row)
    attachment = row.get("attachment")
    if isinstance(attachment, dict):
        yield "attachment", attachment["type"]
        if attachment["type"] in known.READ_ATTACHMENTS:
            yield from _fields(f"attachment/{attachment['type']}", attachment)
    message = row.get("message")
    if isinstance(message, dict):
        yield from _fields("message", message)
        yield from _fields("usage", message.get("usage") or {})
        for block in message["content"] if isinstance(message.get("content"), list) else ():
            yield "block", block["type"]
            if block["type"] in known.READ_BLOCKS:
                yield from _fields(f"block/{block['type']}", block)


def _fields(where: str, found: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    return (("field", f"{where}.{name}") for name in found)


def _state(kind: Kind, name: str) -> str:
    """`read`, `**new**`, or why it is left out."""
    if not is_known(kind, name):
        return "**new**"
    where, _, last = name.rpartition(".")
    match kind:
        case "field":
            return known.LEFT_OUT_FIELDS[where].get(last, "read")
        case "hook_field":
            return known.LEFT_OUT_HOOK_FIELDS.get(last, "read")
        case "hook":
            return "read" if name in KEPT else "left out"
    prefix = next((reason for start, reason in known.LEFT_OUT_PREFIXES.items() if kind == "record" and name.startswith(start)), "read")
    return _REASONS[kind].get(name, prefix)


def run_sessions(home: ClaudeHome, *, in_terminal: bool = True) -> None:
    """Sessions that bring about most of what there is: calls, edits, failures, agents, refusals, retries, a fork, a compaction, /clear."""
    settings = json.loads(home.settings_file.read_text())
    settings["permissions"]["deny"] = ["Bash(curl:*)"]
    home.settings_file.write_text(json.dumps(settings))
    home.record_hooks(sorted({*HOOKS, *KEPT} - {"PermissionRequest"}))
    scripted = scripted_session(home, with_clear=in_terminal and shutil.which("tmux") is not None)
    refused = use("Bash", command="curl -s http://localhost", description="Refused")
    home.run("Try it.", [Failure(), [refused, use("Bash", command="sleep 3", timeout=300, description="Too long")], [say("Tried.")]])
    plan = [
        think("A plan first."),
        use("TodoWrite", todos=[{"content": "a", "status": "pending", "activeForm": "doing a"}]),
        use("WebSearch", query="nothing"),
    ]
    home.run("Plan it.", [plan, [use("Glob", pattern="*.py"), use("Grep", pattern="value")], [say("Planned.")]])
    fork = ("--resume", scripted.session_id, "--fork-session")
    home.run("Go on.", [[use("Bash", command="echo fork", description="Fork")], [say("Forked.")]], *fork)
    home.run("/compact", [[say("All was tried.")]], "--resume", scripted.session_id)
    home.run("And after.", [[say("After.")]], "--resume", scripted.session_id)


def version_of(home: ClaudeHome, program: Path) -> tuple[int, ...]:
    """As in (2, 1, 332)."""
    said = subprocess.run([program, "--version"], env=home.claude_environment(), capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[0].split(".")))


def census_of(home: ClaudeHome, program: Path) -> Census:
    """The things that the transcripts and hooks of the home have."""
    census = Census(".".join(map(str, version_of(home, program))), events=events_of_program(program))
    for path in home.transcripts():
        for line in path.read_text().splitlines():
            census.add_record(line)
    for _, payload in home.recorded_hooks():
        census.add_hook(payload)
    return census


def events_of_program(program: Path) -> frozenset[str]:
    """The events of hooks that the program names; empty if it has no such list."""
    found = _EVENTS.search(program.read_bytes())
    return frozenset() if found is None else frozenset(json.loads(found[0]))


def main() -> int:
    """Prints the page and writes it."""
    if CLAUDE is None:
        print("Name the program: make formats CLAUDE=path", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, messages_api() as api:
        home = ClaudeHome(Path(folder) / "home", api)
        home.prepare()
        run_sessions(home)
        census = census_of(home, Path(CLAUDE).resolve())
    page = ROOT / f"docs/evidence/formats-{census.version}.md"
    page.write_text(census.document())
    print(census.document())
    print(f"{len(census.new)} names are new. Written to {page.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
