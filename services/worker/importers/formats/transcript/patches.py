"""The unified diff of a file change, without its head: from the result of the tool, else from what its input asks for. A long one is cut."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.worker.importers.formats.sanitize import clean, count_or_none
from services.worker.importers.formats.transcript.transcript_rows import Hunk

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
