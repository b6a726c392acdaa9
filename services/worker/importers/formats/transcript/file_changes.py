"""The lines that a successful edit changed: counted from the patch in the result, else estimated from the tool's input."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from msgspec import Raw, Struct

from services.worker.importers.formats.sanitize import clean, count_or_none
from services.worker.importers.formats.transcript.transcript_rows import Hunk, ToolResult, text_of_raw
from shared.claude_formats.tool_results import NOTHING
from shared.events.project_paths import MAX_LENGTH, InvalidPath, normalize_project_path

MAX_COMMAND_CHARACTERS = 2000
MAX_FILES = 20
_NOT_PLAIN = frozenset("*?[]{}$`~<>|&()\\!\n")
_SEPARATORS = frozenset({"&&", ";"})
_HARMLESS = frozenset({"-f", "-v", "-fv", "-vf", "--force", "--verbose", "--"})


def deleted_paths(tool_name: str, parameters: dict[str, Any] | None, cwd: str | None) -> list[str]:
    """The absolute paths of files that a shell command deletes; empty if nothing is certain, since no deletion is better than a wrong one.

    Read are `rm` and `git rm` of files with full names, alone or joined by `&&`, `;` or a line end; no folders, patterns, variables, pipes, `cd`.
    """
    command = parameters.get("command") if parameters and tool_name == "Bash" else None
    if not isinstance(command, str) or "rm " not in command or len(command) > MAX_COMMAND_CHARACTERS:
        return []
    try:
        lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return []
    if "cd" in words or any(_NOT_PLAIN.intersection(word) for word in words if word not in _SEPARATORS):
        return []
    paths: list[str] = []
    for simple in _split(words):
        arguments = simple[1:] if simple[:1] == ["rm"] else simple[2:] if simple[:2] == ["git", "rm"] else []
        files = [argument for argument in arguments if argument not in _HARMLESS]
        if not any(file.startswith("-") or file.endswith("/") for file in files):
            paths += [absolute_path(file, cwd) for file in files]
    return [path for path in dict.fromkeys(paths) if path.startswith("/") or path[1:3] == ":/"][:MAX_FILES]


def _split(words: list[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word in _SEPARATORS:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


MAX_PATCH_CHARACTERS = 32_768
# A change that only its request tells of is held until the result is there.
MAX_REQUESTED_CHARACTERS = 16_384


class Patch(NamedTuple):
    """Whole lines from the beginning; so many are left out at the end."""

    text: str
    left_out: int = 0


def patch_of_hunks(hunks: Iterable[Hunk]) -> Patch | None:
    """The patch of a tool's result; None if it changed nothing."""
    return _within(MAX_PATCH_CHARACTERS, _lines_of_hunks(hunks))


def patch_of_new_file(content: str, most_characters: int = MAX_PATCH_CHARACTERS) -> Patch | None:
    """One hunk of added lines; None for an empty file."""
    lines = _lines(content)
    return _within(most_characters, (f"@@ -0,0 +1,{len(lines)} @@", *(f"+{line}" for line in lines))) if lines else None


def patch_of_request(old: str, new: str) -> Patch | None:
    """The hunk that replaces a text of a file, at a place that is not known: it has no numbers. None if both are equal."""
    before, after = _lines(old), _lines(new)
    head, tail = equal_ends(before, after)
    if head == len(before) == len(after):
        return None
    lines = ["@@ @@", *(f" {line}" for line in before[:head])]
    lines += [f"-{line}" for line in before[head : len(before) - tail]]
    lines += [f"+{line}" for line in after[head : len(after) - tail]]
    lines += [f" {line}" for line in before[len(before) - tail :]]
    return _within(MAX_REQUESTED_CHARACTERS, lines)


def joined(patches: Iterable[Patch | None]) -> Patch | None:
    """Several hunks as one patch."""
    found = [patch for patch in patches if patch is not None]
    if not found:
        return None
    kept = _within(MAX_REQUESTED_CHARACTERS, (line for patch in found for line in patch.text.split("\n")))
    assert kept is not None
    return Patch(kept.text, kept.left_out + sum(patch.left_out for patch in found))


def equal_ends(before: list[str], after: list[str]) -> tuple[int, int]:
    """How many lines are equal at the beginning, and at the end behind these."""
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, tail


def _lines_of_hunks(hunks: Iterable[Hunk]) -> Iterator[str]:
    for hunk in hunks:
        if hunk.lines:
            old, new = _range(hunk.old_start, hunk.old_lines), _range(hunk.new_start, hunk.new_lines)
            yield f"@@ -{old} +{new} @@" if old and new else "@@ @@"
            yield from hunk.lines


def _range(start: object, lines: object) -> str | None:
    first, count = count_or_none(start), count_or_none(lines)
    return f"{first},{count}" if first is not None and count is not None else None


def _lines(text: str) -> list[str]:
    """A line feed at the end does not start another line."""
    return text.removesuffix("\n").split("\n") if text else []


def _within(most_characters: int, lines: Iterable[str]) -> Patch | None:
    kept: list[str] = []
    characters = left_out = 0
    for line in lines:
        characters += len(line) + 1
        if left_out or characters > most_characters:
            left_out += 1
        else:
            kept.append(clean(line))
    return Patch("\n".join(kept), left_out) if kept or left_out else None


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
