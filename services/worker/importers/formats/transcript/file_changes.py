"""The lines that a successful edit changed: counted from the patch in the result, else estimated from the tool's input."""

from typing import Any, Literal

from msgspec import Raw, Struct

from services.worker.importers.formats.transcript.patches import (
    MAX_REQUESTED_CHARACTERS,
    Patch,
    equal_ends,
    joined,
    patch_of_hunks,
    patch_of_new_file,
    patch_of_request,
)
from services.worker.importers.formats.transcript.transcript_rows import NOTHING, ToolResult, text_of_raw
from shared.events.project_paths import MAX_LENGTH, InvalidPath, normalize_project_path

EDITING_TOOLS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})


class RequestedEdit(Struct):
    """The change that the tool's input asks for, kept until the result is there."""

    path: str
    cwd: str | None
    lines_added: int
    lines_removed: int
    makes_new_file: bool
    # Without the numbers of lines, or of a new file.
    patch: Patch | None = None


class Change(Struct):
    path: str
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool
    patch: Patch | None = None


def requested_edit(tool_name: str, parameters: dict[str, Any] | None, cwd: str | None, known_paths: set[str]) -> RequestedEdit | None:
    """The change that a tool call asks for; None if the tool edits no files or names no file."""
    if parameters is None:
        return None
    path = _text(parameters.get("notebook_path")) or _text(parameters.get("file_path"))
    if tool_name not in EDITING_TOOLS or not path:
        return None
    is_new = tool_name == "Write" and path not in known_paths
    added = removed = 0
    patch = None
    if tool_name == "Write":
        content = _text(parameters.get("content"))
        added = line_count(content)
        # It is not known what the content replaces in a file that was there.
        patch = patch_of_new_file(content, MAX_REQUESTED_CHARACTERS) if is_new else None
    elif tool_name == "NotebookEdit":
        source = _text(parameters.get("new_source")) if parameters.get("edit_mode") != "delete" else ""
        added, patch = line_count(source), patch_of_request("", source)
    else:
        listed = parameters.get("edits")
        edits = [edit for edit in listed if isinstance(edit, dict)] if isinstance(listed, list) else [parameters]
        patches = []
        for edit in edits:
            old, new = _text(edit.get("old_string")), _text(edit.get("new_string"))
            more, fewer = _changed_lines(old, new)
            added, removed = added + more, removed + fewer
            is_new |= not old and bool(new) and edit is edits[0]
            patches.append(patch_of_request(old, new))
        patch = joined(patches)
    return RequestedEdit(path, cwd, added, removed, is_new, patch)


def change_of(tool_name: str, requested: RequestedEdit, result: ToolResult | None) -> Change:
    """The change that was made. `result` is None if the file lacks the tool's structured result."""
    path = absolute_path((result.file_path if result else None) or requested.path, requested.cwd)
    if result is None or (tool_name == "NotebookEdit" and not result.structured_patch):
        action: Literal["created", "modified"] = "created" if requested.makes_new_file else "modified"
        return Change(path, action, requested.lines_added, requested.lines_removed, True, requested.patch)
    created = result.type == "create" or (tool_name != "Write" and _is_empty_text(result.old_string) and _is_nothing(result.original_file))
    if tool_name == "Write" and created and not result.structured_patch:
        # A new file has an empty patch.
        content = text_of_raw(result.content)
        return Change(path, "created", line_count(content), 0, False, patch_of_new_file(content))
    added = removed = 0
    for hunk in result.structured_patch or ():
        for line in hunk.lines or ():
            if line.startswith("+"):
                added += 1
            elif line.startswith("-"):
                removed += 1
    patch = patch_of_hunks(result.structured_patch or ())
    return Change(path, "created" if created else "modified", added, removed, False, patch)


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
    head, tail = equal_ends(before, after)
    return len(after) - head - tail, len(before) - head - tail


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_empty_text(raw: Raw) -> bool:
    return len(memoryview(raw)) == 2 and bytes(raw) == b'""'


def _is_nothing(raw: Raw) -> bool:
    return raw == NOTHING or _is_empty_text(raw)
