"""Counts what a file has and nothing reads, by version of Claude Code: names alone, never a value.

Types are counted record by record. Fields are looked for in a sample, since that takes a second reading of the record: the first record of each type
and then each EVERY-th. So a count of fields is a number of records that were looked at; a field that is rare is found later.
A file may mean harm: a census has at most MAX_NAMES names, and a name is one as programmers write it, or "(other)".
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw

from services.worker.importers.formats.known_formats import KNOWN_FIELDS, KNOWN_HOOK_FIELDS, READ_BLOCKS, Kind, is_known
from services.worker.persist.records import OTHER, Unread
from shared.redaction.redact import redact_text

# 1 of so many records of a type.
EVERY: Final = 64
MAX_NAMES: Final = 200
UNKNOWN_VERSION: Final = "(unknown)"
# A message may have thousands of blocks.
_MAX_BLOCKS: Final = 20
_VERSION: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,79}")
# Names for what has no name.
_OURS: Final = frozenset({"(none)", OTHER})

_NO_NAME: Final = Raw(b'"(none)"')
_object = msgspec.json.Decoder(dict[str, Raw])
_objects = msgspec.json.Decoder(list[dict[str, Raw]])


class FormatCensus:
    """The unread parts of one file, or of one batch of hooks."""

    def __init__(self) -> None:
        self._counts: Counter[Unread] = Counter()
        # Before the first record that says its version.
        self._before: Counter[Unread] = Counter()
        self._version: str | None = None
        self._said: str | None = None
        self._looked_at: Counter[str] = Counter()

    def at_version(self, version: str | None) -> None:
        """From here on records are of this version. Records without one are of the last."""
        if version is None or version == self._said:
            return
        self._said, self._version = version, version_of(version)
        self._settle()

    def count(self, kind: Kind, name: str, where: str = "") -> None:
        """Adds a record, or another thing, of which nothing is read. `where`: the type that has a field."""
        # A name that waits for its version has none yet.
        version = self._version or ""
        counts = self._counts if version else self._before
        key = Unread(version, kind, f"{where}{name}")
        if key not in counts:
            is_full = len(counts) >= MAX_NAMES
            key = Unread(OTHER if is_full and version else version, kind, OTHER if is_full else f"{where}{safe_name(name)}")
        counts[key] += 1

    def wants(self, where: str) -> bool:
        """Whether the next thing of this kind, which must be a known one, is in the sample."""
        self._looked_at[where] = number = self._looked_at[where] + 1
        return number % EVERY == 1

    def look_at_fields(self, where: str, content: bytes | Raw) -> Mapping[str, Raw]:
        """Counts the fields of a JSON object that nothing reads. Gives all fields; none of what is no single object."""
        try:
            found = _object.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        self._count_fields(where, found)
        return found

    def look_at_hook(self, payload: str) -> None:
        """Counts a hook's event, if nothing knows it, and the fields of its payload that nothing reads."""
        try:
            found = _object.decode(payload)
            event = msgspec.json.decode(found.get("hook_event_name", _NO_NAME), type=str)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if not is_known("hook", event):
            self.count("hook", event)
        elif self.wants(f"hook/{event} of {self._version}"):
            for name in found:
                if name not in KNOWN_HOOK_FIELDS:
                    self.count("hook_field", name, f"{event}.")

    def look_at_row(self, where: str, content: bytes) -> None:
        """Counts the unread fields of a record, its message, its usage and its content blocks."""
        row = self.look_at_fields(where, content)
        if (message := row.get("message")) is None:
            return
        parts = self.look_at_fields("message", message)
        if (usage := parts.get("usage")) is not None:
            self.look_at_fields("usage", usage)
        if (blocks := parts.get("content")) is not None and bytes(memoryview(blocks)[:1]) == b"[":
            self._look_at_blocks(blocks)

    def end(self) -> None:
        """The file ends. A record before any version has no known one."""
        self._version = self._version or UNKNOWN_VERSION
        self._settle()

    @property
    def unread(self) -> dict[Unread, int]:
        """All so far; without what waits for a version."""
        return dict(self._counts)

    def _look_at_blocks(self, content: Raw) -> None:
        try:
            blocks = _objects.decode(content)[:_MAX_BLOCKS]
            kinds = [msgspec.json.decode(block.get("type", _NO_NAME), type=str) for block in blocks]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        for block, kind in zip(blocks, kinds, strict=True):
            if not is_known("block", kind):
                self.count("block", kind)
            elif kind in READ_BLOCKS:
                self._count_fields(f"block/{kind}", block)

    def _count_fields(self, where: str, found: Mapping[str, Raw]) -> None:
        if not found.keys() <= KNOWN_FIELDS[where]:
            for name in found:
                if name not in KNOWN_FIELDS[where]:
                    self.count("field", name, f"{where}.")

    def _settle(self) -> None:
        if self._version is not None:
            for waiting, number in self._before.items():
                self._counts[waiting._replace(version=self._version)] += number
            self._before.clear()


def version_of(text: str | None) -> str | None:
    """A version as Claude Code writes it; "(other)" for another text, None for none."""
    if not text:
        return None
    return text if _VERSION.fullmatch(text) or text == UNKNOWN_VERSION else OTHER


def safe_name(name: str) -> str:
    """The name; "(other)" if it is not written as names of formats are, or could be a secret or a given text."""
    if name in _OURS:
        return name
    return name if _NAME.fullmatch(name) and redact_text(name) is name else OTHER
