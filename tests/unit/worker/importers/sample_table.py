"""The table of samples/README.md, computed from records alone. `python -m tests.unit.worker.importers.sample_table` prints ours beside theirs."""

from collections import Counter
from pathlib import Path
from typing import Any

from services.worker.persist.records import ApiCall, FileChange, Message, ToolUse
from tests.skips import SAMPLES
from tests.unit.worker.importers.merged import Merged, active_seconds

TRANSCRIPTS = SAMPLES / "transcripts"
COLUMNS = (
    "files",
    "sessions",
    "projects",
    "human messages",
    "assistant messages",
    "tool calls",
    "errors",
    "edits",
    "+ lines",
    "- lines",
    "input",
    "output",
    "cache write",
    "cache read",
    "active h",
)
ALL = "all of them, as one import"


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def read_files(paths: list[Path]) -> Merged:
    return Merged().add_files(paths)


def numbers_of(merged: Merged, files: int) -> tuple[Any, ...]:
    messages: list[Message] = merged.all(Message)
    tools: list[ToolUse] = merged.all(ToolUse)
    edits: list[FileChange] = [change for change in merged.all(FileChange) if not change.is_estimated]
    calls: list[ApiCall] = merged.all(ApiCall)
    return (
        files,
        len(merged.sessions),
        len({facts.project_path for facts in merged.sessions.values()} - {None}),
        sum(message.role == "user" for message in messages),
        sum(message.role == "assistant" for message in messages),
        len(tools),
        sum(tool.status not in ("success", "pending") for tool in tools),
        len(edits),
        sum(edit.lines_added for edit in edits),
        sum(edit.lines_removed for edit in edits),
        sum(call.input_tokens for call in calls),
        sum(call.output_tokens for call in calls),
        sum(call.cache_write_5m_tokens + call.cache_write_1h_tokens for call in calls),
        sum(call.cache_read_tokens for call in calls),
        round(sum(active_seconds(facts) for facts in merged.sessions.values()) / 3600, 2),
    )


def expected_table(readme: str) -> dict[str, tuple[Any, ...]]:
    """{set: numbers} of the README's rows."""
    table = {}
    for line in readme.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("| ").split("|")]
        if len(cells) == len(COLUMNS) + 1 and cells[1].isdigit():
            table[cells[0]] = (*(int(cell) for cell in cells[1:-1]), float(cells[-1]))
    return table


def our_table() -> tuple[dict[str, tuple[Any, ...]], Counter[str]]:
    """{set: numbers}, and the tool calls of all by tool."""
    sets = {folder.name: files_of(folder / "projects") for folder in sorted(TRANSCRIPTS.iterdir())}
    table = {name: numbers_of(read_files(paths), len(paths)) for name, paths in sets.items()}
    paths = [path for of_set in sets.values() for path in of_set]
    merged = read_files(paths)
    table[ALL] = numbers_of(merged, len(paths))
    return table, Counter(tool.tool_name for tool in merged.all(ToolUse))


if __name__ == "__main__":
    theirs = expected_table((SAMPLES / "README.md").read_text())
    ours, tools = our_table()
    for name in theirs:
        different = [(c, o, t) for c, o, t in zip(COLUMNS, ours[name], theirs[name], strict=True) if o != t]
        print(name, different or "equal")
    print(tools.most_common(13))
