"""The lines that a successful edit changed: counted from the patch in the result, else estimated from the tool's input."""

import json
from typing import Any, Literal

from msgspec import Raw, Struct

from services.worker.importers.formats.transcript.transcript_rows import NOTHING, ToolResult
from shared.project_paths import MAX_LENGTH, InvalidPath, normalize_project_path

EDITING_TOOLS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})


class RequestedEdit(Struct):
    """The change that the tool's input asks for, kept until the result is there."""

    path: str
    cwd: str | None
    lines_added: int
    lines_removed: int
    makes_new_file: bool


class Change(Struct):
    path: str
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool


def requested_edit(tool_name: str, parameters: dict[str, Any] | None, cwd: str | None, known_paths: set[str]) -> RequestedEdit | None:
    """The change that a tool call asks for; None if the tool edits no files or names no file."""
    if parameters is None:
        return None
    path = _text(parameters.get("notebook_path")) or _text(parameters.get("file_path"))
    if tool_name not in EDITING_TOOLS or not path:
        return None
    is_new = tool_name == "Write" and path not in known_paths
    added = removed = 0
    if tool_name == "Write":
        added = line_count(_text(parameters.get("content")))
    elif tool_name == "NotebookEdit":
        added = line_count(_text(parameters.get("new_source"))) if parameters.get("edit_mode") != "delete" else 0
    else:
        listed = parameters.get("edits")
        edits = [edit for edit in listed if isinstance(edit, dict)] if isinstance(listed, list) else [parameters]
        for edit in edits:
            old, new = _text(edit.get("old_string")), _text(edit.get("new_string"))
            more, fewer = _changed_lines(old, new)
            added, removed = added + more, removed + fewer
            is_new |= not old and bool(new) and edit is edits[0]
    return RequestedEdit(path, cwd, added, removed, is_new)


def change_of(tool_name: str, requested: RequestedEdit, result: ToolResult | None) -> Change:
    """The change that was made. `result` is None if the file lacks the tool's structured result."""
    path = absolute_path((result.file_path if result else None) or requested.path, requested.cwd)
    if result is None or (tool_name == "NotebookEdit" and not result.structured_patch):
        return Change(path, "created" if requested.makes_new_file else "modified", requested.lines_added, requested.lines_removed, True)
    created = result.type == "create" or (tool_name != "Write" and _is_empty_text(result.old_string) and _is_nothing(result.original_file))
    if tool_name == "Write" and created and not result.structured_patch:
        # A new file has an empty patch.
        return Change(path, "created", line_count(_decoded_text(result.content)), 0, False)
    added = removed = 0
    for hunk in result.structured_patch or ():
        for line in hunk.lines or ():
            if line.startswith("+"):
                added += 1
            elif line.startswith("-"):
                removed += 1
    return Change(path, "created" if created else "modified", added, removed, False)


def absolute_path(path: str, cwd: str | None) -> str:
    """The normalized absolute path. A relative path is resolved from `cwd`, or left as it is without one."""
    try:
        return normalize_project_path(path)
    except InvalidPath:
        pass
    try:
        return normalize_project_path(f"{cwd}/{path}") if cwd else path[:MAX_LENGTH]
    except InvalidPath:
        return path[:MAX_LENGTH]


def line_count(text: str) -> int:
    """The number of lines. A line feed at the end does not start another line."""
    return text.count("\n") + (not text.endswith("\n")) if text else 0


def _changed_lines(old: str, new: str) -> tuple[int, int]:
    """Added and removed lines between two texts, without those that are equal at the beginning and the end."""
    before, after = old.splitlines(), new.splitlines()
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return len(after) - head - tail, len(before) - head - tail


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _decoded_text(raw: Raw) -> str:
    # The decoder skipped this field, so it was not checked to be UTF-8.
    return _text(json.loads(bytes(raw).decode("utf-8", "replace"), strict=False))


def _is_empty_text(raw: Raw) -> bool:
    return len(memoryview(raw)) == 2 and bytes(raw) == b'""'


def _is_nothing(raw: Raw) -> bool:
    return raw == NOTHING or _is_empty_text(raw)
