"""Rows of a list as CSV or NDJSON. The types of answers (answers/) say which columns there are, and in which order.

CSV is RFC 4180 with a header row. A spreadsheet would run a text that begins like a formula, so such a text gets a `'` in front of it, as OWASP
advises; numbers stay numbers.
"""

import csv
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct

from services.query.answers.answer import Answer, annotations_of, may_be_absent, value_type

# Also line feeds, and the full-width signs that some spreadsheets read like their ASCII forms.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_encode = msgspec.json.Encoder().encode


class Column(Struct, frozen=True):
    """A column of a table: where its value is in a row. `project.name` is the field `name` of the object `project`."""

    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """As in the header row."""
        return ".".join(self.path)


def columns_of(answers: Sequence[type[Answer]], first: Any, leading: Collection[str] = ()) -> list[Column]:
    """The columns for items of these types, in their order but with those in `leading` before the others.

    A field that may be absent has a column if it is in `leading`, or if the first item has it. A column that one of several types has is
    empty for the items of the others.
    """
    fields = {name: annotation for answer in answers for name, annotation in annotations_of(answer).items()}
    names = [name for name, annotation in fields.items() if not may_be_absent(annotation) or name in leading or _has(first, name)]
    ordered = sorted(names, key=lambda name: name not in leading)
    return [column for name in ordered for column in _flattened(name, fields[name])]


def _has(item: Any, name: str) -> bool:
    return item is not None and field_of(item, name) is not UNSET


def field_of(item: Any, name: str) -> Any:
    """UNSET if the item has no such field. A key that sees only numbers gets items as dicts."""
    return item.get(name, UNSET) if isinstance(item, dict) else getattr(item, name, UNSET)


def _flattened(name: str, annotation: Any) -> list[Column]:
    kind = value_type(annotation)
    variants = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    [kind, *others] = [each for each in variants if each is not NoneType]
    if others or not isinstance(kind, type) or not issubclass(kind, Answer):
        return [Column((name,))]
    return [
        Column((name, *inner.path))
        for each, inner_annotation in annotations_of(kind).items()
        for inner in _flattened(each, inner_annotation)
    ]


def csv_encoder(columns: Sequence[Column]) -> Callable[[Iterable[Any]], bytes]:
    """A function from rows to their lines. The first call writes the header row too."""
    header: list[str] | None = [column.name for column in columns]

    def encode(rows: Iterable[Any]) -> bytes:
        nonlocal header
        lines: list[str] = []
        # A writer of strings, without a buffer that is copied: it calls `write` once a line.
        writer = csv.writer(_Lines(lines), lineterminator="\r\n")
        if header is not None:
            writer.writerow(header)
            header = None
        writer.writerows([_cell(_value(row, column.path)) for column in columns] for row in rows)
        return "".join(lines).encode()

    return encode


class _Lines:
    """The part of a file that csv.writer needs."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _value(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if row is None:
            return None
        row = field_of(row, name)
    return row


def _cell(value: Any) -> Any:
    """The value that csv.writer turns into the cell's text: numbers as they are, everything else as a text that is no formula."""
    match value:
        case None | msgspec.UNSET:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case str():
            return _harmless(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case msgspec.Raw():
            return _harmless(bytes(value).decode())
    # A list or an object is JSON.
    return _harmless(_encode(value).decode())


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def ndjson(rows: Iterable[Any]) -> bytes:
    """One JSON object a line."""
    # Parameters of tool calls are JSON as it was sent. A line feed in JSON is always white space between its parts; texts have it escaped.
    return b"".join(_encode(row).replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" for row in rows)
