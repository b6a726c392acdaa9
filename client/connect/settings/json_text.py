"""Edits of JSON text that leave every other character as it is: indentation, order, line ends, numbers.

A program that reads and writes a settings file anew reorders it, or rounds its numbers. A person who
keeps the file in a repository would see that as a change.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DEFAULT_INDENT: Final = "  "

Path = tuple[str | int, ...]


class NotJson(ValueError):
    """Not strict JSON; `at` is the offset of the first character that is not."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(f"line {text.count(chr(10), 0, at) + 1}")
        self.at = at


@dataclass(slots=True)
class Node:
    """A value from `start` to `end`. Entries: of an object (start of the key, key, value), of an array (start, index, value)."""

    start: int
    end: int = 0
    opening: str = ""
    entries: list[tuple[int, str | int, "Node"]] = field(default_factory=list)


def parse(text: str) -> Node:
    """The positions of all values. Raises NotJson."""
    try:
        node = _value(text, _past_space(text, 0))
    except RecursionError:
        raise NotJson(text, 0) from None
    if (end := _past_space(text, node.end)) != len(text):
        raise NotJson(text, end)
    return node


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _value(text: str, at: int) -> Node:
    opening = text[at : at + 1]
    if opening == '"':
        return Node(at, _string(text, at)[1])
    if opening not in ("{", "["):
        scalar = _SCALAR.match(text, at)
        if scalar is None:
            raise NotJson(text, at)
        return Node(at, scalar.end())
    return _container(text, Node(at, opening=opening))


def _container(text: str, node: Node) -> Node:
    closing = "}" if node.opening == "{" else "]"
    at = _past_space(text, node.start + 1)
    if text[at : at + 1] == closing:
        node.end = at + 1
        return node
    while True:
        start = at
        key: str | int = len(node.entries)
        if node.opening == "{":
            key, at = _name(text, at)
        value = _value(text, at)
        node.entries.append((start, key, value))
        at = _past_space(text, value.end)
        if text[at : at + 1] == closing:
            node.end = at + 1
            return node
        if text[at : at + 1] != ",":
            raise NotJson(text, at)
        at = _past_space(text, at + 1)


def _name(text: str, at: int) -> tuple[str, int]:
    """The name of a member, and where its value begins."""
    name, at = _string(text, at)
    at = _past_space(text, at)
    if text[at : at + 1] != ":":
        raise NotJson(text, at)
    return name, _past_space(text, at + 1)


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if found is None:
        raise NotJson(text, at)
    return str(json.loads(found.group())), found.end()


def _find(node: Node, path: Path) -> Node:
    """The value at the path. The last of equal keys counts, as for every reader of JSON. Raises KeyError."""
    for step in path:
        found = [value for _, key, value in node.entries if key == step]
        if not found:
            raise KeyError(path)
        node = found[-1]
    return node


def text_at(text: str, path: Path) -> str:
    """The value at the path as it is written. Raises KeyError."""
    node = _find(parse(text), path)
    return text[node.start : node.end]


def with_text_at(text: str, path: Path, written: str) -> str:
    """The text with this in place of the value at the path. Raises KeyError."""
    node = _find(parse(text), path)
    return text[: node.start] + written + text[node.end :]


def with_entry(text: str, path: Path, key: str | None, value: Any) -> str:
    """The text with one more entry at the end of the object (or, without a key, of the array) at the path."""
    container = _find(parse(text), path)
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _indent_unit(text)
    last = container.entries[-1][2].end if container.entries else container.start + 1
    # An array or object on one line stays on one line, unless it is empty.
    is_on_lines = not container.entries or "\n" in text[container.start : container.entries[0][0]]
    is_continued = container.entries and is_on_lines
    indent = _indent_at(text, container.entries[-1][0]) if is_continued else _indent_at(text, container.start) + unit
    dumped = json.dumps(value, indent=unit if is_on_lines else None, ensure_ascii=False).replace("\n", newline + indent)
    entry = dumped if key is None else f"{json.dumps(key, ensure_ascii=False)}: {dumped}"
    if not container.entries:
        end = newline + _indent_at(text, container.start)
        return f"{text[:last]}{newline}{indent}{entry}{end}{text[container.end - 1 :]}"
    between = f",{newline}{indent}" if is_on_lines else ", "
    return text[:last] + between + entry + text[last:]


def without_entry(text: str, path: Path) -> str:
    """The text without the entry at the path, and without the comma that belonged to it."""
    container = _find(parse(text), path[:-1])
    places = [place for place, (_, key, _) in enumerate(container.entries) if key == path[-1]]
    if not places:
        raise KeyError(path)
    place = places[-1]
    start, _, value = container.entries[place]
    if len(container.entries) == 1:
        return text[: container.start + 1] + text[container.end - 1 :]
    if place == 0:
        return text[:start] + text[container.entries[1][0] :]
    return text[: container.entries[place - 1][2].end] + text[value.end :]


def _indent_at(text: str, at: int) -> str:
    """The white space at the beginning of the line that holds the offset."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indent_unit(text: str) -> str:
    found = re.search(r"\{[ \t]*\r?\n([ \t]+)\"", text)
    return found.group(1) if found else _DEFAULT_INDENT
