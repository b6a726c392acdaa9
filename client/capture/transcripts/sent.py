"""How much of each transcript is sent. A log with one line for each change, so that ten thousand files need not be written again each time.

It may be lost, or end anywhere: the server knows what it has, and says so when a range does not fit.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from client.capture.folder import write_private

_SPARE_LINES: Final = 5_000


@dataclass(slots=True)
class Sent:
    """A transcript. `offset`: bytes that the server has, which end with a line. `size`, `mtime_ns`: the file when it was last looked at."""

    offset: int = 0
    # Counts how often the file was rewritten.
    generation: int = 0
    size: int = -1
    mtime_ns: int = 0
    inode: int = 0
    # A fingerprint of the bytes before the offset (lines.fingerprint): shows that the file was rewritten.
    fingerprint: str = ""
    # The end of a range that was sent without an answer, and the same of the bytes before it: the server may have it. 0 and empty: none.
    unsure_offset: int = 0
    unsure_fingerprint: str = ""
    # The folder in which the session began, and the one of the last line that was sent.
    cwd: str | None = None
    last_cwd: str | None = None
    # Nothing of it may leave the machine, as things are.
    is_left_out: bool = False
    # It came by an import as it is now: nothing is to be sent until it grows.
    is_imported: bool = False


class SentLog:
    """The log, read when it is made. Only the process that holds the lock writes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sent.jsonl"
        self.files: dict[str, Sent] = {}
        # Why the log cannot be written.
        self.problem: str | None = None
        lines = 0
        for lines, (path, sent) in enumerate(_read(self._path), 1):  # noqa: B007
            self.files[path] = sent
        self._spare = _SPARE_LINES - (lines - len(self.files))

    def get(self, path: str) -> Sent:
        """The state of a file; nothing is sent of one without a state."""
        return self.files.get(path) or Sent()

    def put(self, path: str, sent: Sent) -> None:
        """Remembers it; as long as this process runs, if the disk is full."""
        self.files[path] = sent
        self._spare -= 1
        try:
            if self._spare < 0:
                self._compact()
            else:
                self._append(_line(path, sent))
            self.problem = None
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror or error}"

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # In one call. After a line that was cut off, a line begins anew.
            os.write(descriptor, b"\n" + line)
        finally:
            os.close(descriptor)

    def _compact(self) -> None:
        # If a file that is gone comes back, the server says how much of it it has.
        self.files = {path: sent for path, sent in self.files.items() if os.path.lexists(path)}
        write_private(self._path, "".join(_line(path, sent).decode() + "\n" for path, sent in self.files.items()))
        self._spare = _SPARE_LINES


def _line(path: str, sent: Sent) -> bytes:
    # Escaped, so that a path which is not UTF-8 is read back as it was.
    return json.dumps([path, asdict(sent)]).encode()


def _read(path: Path) -> Iterator[tuple[str, Sent]]:
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    name, stored = json.loads(line)
                    sent = Sent(**stored)
                    # Most files share their folder.
                    sent.cwd, sent.last_cwd = sent.cwd and sys.intern(sent.cwd), sent.last_cwd and sys.intern(sent.last_cwd)
                    yield name, sent
                except (ValueError, TypeError):
                    # Blank, cut off, or of another version.
                    continue
    except FileNotFoundError:
        return
