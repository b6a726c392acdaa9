"""A transcript as it is read and archived: without its secrets. Live capture gets transcripts so, and the same bytes give the same records."""

from typing import IO

from services.worker.importers.formats.json_lines import MAX_LINE_BYTES, READ_BYTES
from shared.redaction.redacted_lines import redact_lines


class RedactedFile:
    """Reads forward only, from where the file is. Memory is bounded by the longest line that is read.

    A line that is too long passes as it is: no reader keeps anything of it.
    """

    def __init__(self, file: IO[bytes], counts: dict[str, int], max_line_bytes: int = MAX_LINE_BYTES) -> None:
        """`counts` grows by the secrets found, by kind."""
        self._file = file
        self._counts = counts
        self._max_line_bytes = max_line_bytes
        # The beginning of a line.
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._is_too_long = False
        self._error: Exception | None = None

    def read(self, _size: int = -1) -> bytes:
        """The next lines, about READ_BYTES whatever is asked for; nothing at the end. Raises what reading the file raises, behind the last bytes."""
        while True:
            data = self._next()
            if not data:
                return self._taken(b"")
            end = data.rfind(b"\n") + 1
            if self._is_too_long:
                end = data.find(b"\n") + 1
                self._is_too_long = not end
                lines, rest = (data[:end], data[end:]) if end else (data, b"")
                self._hold(rest)
                return lines
            if end:
                lines = self._taken(data[:end])
                self._hold(data[end:])
                return lines
            self._hold(data)
            if self._held_bytes > self._max_line_bytes:
                self._is_too_long = True
                held, self._held, self._held_bytes = b"".join(self._held), [], 0
                return held

    def _next(self) -> bytes:
        if self._error is not None:
            raise self._error
        try:
            return self._file.read(READ_BYTES)
        except (OSError, EOFError, ValueError) as error:
            if not self._held:
                raise
            self._error = error
            return b""

    def _hold(self, data: bytes) -> None:
        if data:
            self._held.append(data)
            self._held_bytes += len(data)

    def _taken(self, data: bytes) -> bytes:
        lines = b"".join((*self._held, data))
        # Before they are redacted: a long line is then in memory once.
        self._held, self._held_bytes = [], 0
        return redact_lines(lines, self._counts)
