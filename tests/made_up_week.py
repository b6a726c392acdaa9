"""A made-up `~/.claude` of a working week: three projects, a dozen sessions. The README's picture and examples are made of it.

`python -m tests.made_up_week HOME` writes it for this week, as far as it has gone.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

# Project, title, first prompt, last answer, hours after the week's beginning (of WEEK_HOURS), prompts.
WEEK_HOURS = 115.0
SESSIONS = (
    (
        "shop",
        "Retry failed payments",
        "The payment webhook times out. Add a retry.",
        "Payments are retried three times, 2 s apart.",
        9.0,
        14,
    ),
    ("shop", "Cart totals in cents", "Round the cart totals in cents, not in floats.", "All sums are integers of cents now.", 14.2, 9),
    ("blog", "Dark mode", "Add a dark mode to the blog.", "The theme follows the system's setting.", 33.5, 11),
    ("shop", "Slow checkout query", "Why is the checkout query slow?", "It had no index on order_id; 480 ms became 3 ms.", 38.1, 8),
    ("infra", "Nightly backups", "Back up the database every night.", "A timer runs pg_dump at 03:00.", 57.0, 12),
    (
        "shop",
        "Flaky login test",
        "The login test fails now and then. Find out why.",
        "It raced the session cookie; the test waits now.",
        62.4,
        10,
    ),
    ("blog", "RSS feed", "Write an RSS feed with the last ten posts.", "feed.xml has the last ten posts.", 81.3, 6),
    ("shop", "Retry limits", "Make the retry limit of payments a setting.", "PAYMENT_RETRIES sets it; the default is 3.", 86.0, 13),
    ("infra", "Restore drill", "Try to restore last night's backup.", "Restored in 41 s; all 12 tables are equal.", 105.2, 7),
    ("shop", "Release notes", "Write the release notes of this week.", "CHANGELOG.md names the retry and the cents.", 110.5, 5),
)
FILES = {"shop": ("src/payments.py", "src/cart.py"), "blog": ("theme.css", "build.py"), "infra": ("backup.sh", "timer.conf")}
COMMANDS = {"shop": "pytest -q", "blog": "python build.py", "infra": "systemctl list-timers"}


@dataclass
class Writer:
    """Rows of one session, in order. Ids come from the seed."""

    random: Random
    project: str
    now: datetime
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session_id = self._id()

    def prompt(self, text: str) -> None:
        self._row("user", {"role": "user", "content": text})

    def answer(self, block: dict[str, Any]) -> None:
        """One answer of the API. A tool's call is known by the id of its block."""
        usage = {
            "input_tokens": self.random.randint(3, 40),
            "output_tokens": self.random.randint(120, 1800),
            "cache_creation_input_tokens": self.random.randint(800, 9000),
            "cache_read_input_tokens": self.random.randint(20_000, 90_000),
        }
        model = "claude-opus-4-6" if self.project == "shop" else "claude-sonnet-4-5"
        message = {"id": f"msg_{self._id()}", "type": "message", "role": "assistant", "model": model, "content": [block], "usage": usage}
        self._row("assistant", message)

    def call(self, name: str, parameters: dict[str, Any], seconds: float, *, is_error: bool = False, result: object = None) -> None:
        """A tool's call and its result."""
        identifier = f"toolu_{self._id()}"
        self.answer({"type": "tool_use", "id": identifier, "name": name, "input": parameters})
        self.now += timedelta(seconds=seconds)
        output = {"type": "tool_result", "tool_use_id": identifier, "content": "1 failed" if is_error else "ok", "is_error": is_error}
        self._row("user", {"role": "user", "content": [output]}, **({"toolUseResult": result} if result else {}))

    def title(self, text: str) -> None:
        self.rows.append({"type": "ai-title", "sessionId": self.session_id, "aiTitle": text})

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _row(self, kind: str, message: dict[str, Any], **more: object) -> None:
        self.now += timedelta(seconds=self.random.randint(4, 50))
        where = {"cwd": f"/home/ann/{self.project}", "gitBranch": "main", "version": "2.1.42", "isSidechain": False}
        known = {"uuid": self._id(), "parentUuid": None, "sessionId": self.session_id, "timestamp": self.now.isoformat()}
        self.rows.append({"type": kind, **known, **where, "message": message, **more})


def sessions(start: datetime, end: datetime) -> Iterator[Writer]:
    """Each session of the week, spread over the time from start to end."""
    random = Random(16)
    for project, title, first, last, hours, prompts in SESSIONS:
        writer = Writer(random, project, start + (end - start) * (hours / WEEK_HOURS))
        writer.prompt(first)
        for number in range(prompts):
            _turn(writer, number)
        writer.answer({"type": "text", "text": last})
        writer.title(title)
        yield writer


def _turn(writer: Writer, number: int) -> None:
    """A file is read and edited, then something runs."""
    path = f"/home/ann/{writer.project}/{FILES[writer.project][number % 2]}"
    if number:
        writer.prompt(("Go on.", "And the tests?", "Looks good. What about errors?")[number % 3])
    writer.call("Read", {"file_path": path}, 0.1)
    added = [f"+line {line}" for line in range(writer.random.randint(3, 24))]
    removed = ["-line"] * writer.random.randint(0, 9)
    patch = {"filePath": path, "oldString": "line", "newString": "line 0", "structuredPatch": [{"lines": [*added, *removed]}]}
    writer.call("Edit", {"file_path": path, "old_string": "line", "new_string": "line 0"}, 0.2, result=patch)
    writer.call("Bash", {"command": COMMANDS[writer.project]}, writer.random.uniform(1, 40), is_error=writer.random.random() < 0.2)
    writer.answer({"type": "text", "text": "Done; the next step is below."})
    writer.now += timedelta(seconds=writer.random.randint(30, 220))


def monday_of(now: datetime) -> datetime:
    return datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) - timedelta(days=now.weekday())


def write_week(home: Path, start: datetime, end: datetime) -> None:
    """Its transcripts, in `.claude` of this home, without those of the future."""
    for writer in sessions(start, end):
        if writer.now > datetime.now(UTC):
            continue
        path = home / ".claude/projects" / f"-home-ann-{writer.project}" / f"{writer.session_id}.jsonl"
        write_rows(path, writer.rows)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    _monday = monday_of(datetime.now(UTC))
    write_week(Path(sys.argv[1]), _monday, _monday + timedelta(hours=WEEK_HOURS))
