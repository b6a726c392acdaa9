"""Sends what transcripts have grown by: whole lines, redacted, from the offset that the server wants."""

import json
import os
import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from client.capture.refusals import Erased, Later, Rejected, check
from client.capture.transcripts.left_out import LeftOut, first_cwd, last_cwd, lines_in
from client.capture.transcripts.lines import MAX_RANGE_BYTES, Lines, fingerprint, open_regular, read_lines
from client.capture.transcripts.sent import Sent, SentLog
from client.capture.transcripts.transcript_files import Transcript
from client.http.connection import Answer, Connection, ServerAway
from shared.redaction.redacted_lines import redact_lines

_LENGTHS: Final = (64 * 1024, 8 * 1024, 1024, 128)


def shortened(line: bytes, limit: int) -> bytes:
    """The line in at most `limit` bytes, with its long texts cut: images and whole files, mostly. An empty one, if it is no JSON or has too many texts."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return b"\n"
    for length in _LENGTHS:
        # Escaped: a lone surrogate is not UTF-8.
        text = json.dumps(_cut(value, length), separators=(",", ":")).encode() + b"\n"
        if len(text) <= limit:
            return text
    return b"\n"


def _cut(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= length else f"{value[:length]}… [{len(value) - length} characters left out]"
    if isinstance(value, list):
        return [_cut(item, length) for item in value]
    if isinstance(value, dict):
        return {name: _cut(item, length) for name, item in value.items()}
    return value


# How far to look for the folder of a session. Only records that count for nothing stand before it.
_HEAD_BYTES: Final = 8 * 1024**2
# The server names the offset that it wants; if it never gets it, something else is wrong.
_MOST_CONFLICTS: Final = 5
_TOO_LARGE: Final = 413
_LEAST_LIMIT: Final = 16 * 1024
_VERSION: Final = re.compile(rb'"version"\s*:\s*"(\d{1,4}\.\d{1,4}\.\d{1,6})"')


class TranscriptSender:
    """Sends files, and remembers in the log how far each is."""

    def __init__(self, log: SentLog) -> None:
        self._log = log
        # The version of Claude Code in the newest lines that were sent.
        self.claude_version: str | None = None
        # Files that the server refuses, with the reason, until they change.
        self.rejected: dict[str, str] = {}
        # Files of what was erased on the server. They stay where they are: Claude Code's files are not the tracker's.
        self.erased: set[str] = set()
        # The longest body that is taken, once one was too long: a proxy may take less than the server.
        self._limit: int | None = None

    def is_due(self, found: Transcript, left_out: LeftOut) -> bool:
        """Whether there is something to send, as far as it can be told without reading the file."""
        sent = self._log.get(found.path)
        is_same_file = found.inode == sent.inode or sent.is_imported
        if not is_same_file or (found.size, found.mtime_ns) != (sent.size, sent.mtime_ns):
            return True
        return sent.is_left_out and not (sent.cwd is not None and left_out.has(sent.cwd))

    def send(self, connection: Connection, found: Transcript, user: str | None, left_out: LeftOut, *, most_ranges: int) -> bool:
        """Sends at most so many ranges. Whether nothing is left to send. Raises Later, ServerAway."""
        try:
            descriptor = open_regular(found.path)
        except OSError:
            # Gone since it was found, or not for this user.
            return True
        try:
            return self._send(connection, descriptor, found, user, left_out, most_ranges)
        except Erased:
            self.erased.add(found.path)
            self._looked_at(found.path, os.fstat(descriptor), self._log.get(found.path))
            return True
        except (Rejected, ValueError, RecursionError) as error:
            # Also a file that nobody foresaw: it must not keep out all others.
            self.rejected[found.path] = str(error)
            self._looked_at(found.path, os.fstat(descriptor), self._log.get(found.path))
            return True
        finally:
            os.close(descriptor)

    def _send(
        self, connection: Connection, descriptor: int, found: Transcript, user: str | None, left_out: LeftOut, most_ranges: int
    ) -> bool:
        # Before it is read: what comes later is another change.
        status = os.fstat(descriptor)
        sent = self._unless_rewritten(found.path, descriptor, status)
        if sent.cwd is None:
            sent = replace(sent, cwd=_folder_of(descriptor))
        if sent.cwd is None or left_out.has(sent.cwd):
            # Without a folder nobody can tell whether it may be sent. A session that has done something has one.
            self._looked_at(found.path, status, replace(sent, is_left_out=sent.cwd is not None))
            return True
        sent = replace(sent, is_left_out=False)
        self.rejected.pop(found.path, None)
        self.erased.discard(found.path)
        conflicts = 0
        for _ in range(most_ranges):
            lines = read_lines(descriptor, sent.offset)
            if lines is None:
                self._looked_at(found.path, status, sent)
                return True
            lines, body, folder = _body_of(lines, sent, left_out, self._limit)
            try:
                answer = _put(connection, found, sent, lines.end, body, user)
                if answer.status == _TOO_LARGE and len(body) > _LEAST_LIMIT:
                    self._limit = len(body) // 2
                    continue
                check(answer)
            except (ServerAway, Later):
                # Other lines at the same place would count as sent already.
                mark = fingerprint(descriptor, lines.end)
                self._log.put(found.path, replace(sent, unsure_offset=lines.end, unsure_fingerprint=mark))
                raise
            if answer.status == 409:
                conflicts += 1
                if conflicts > _MOST_CONFLICTS:
                    raise Rejected(f"The server answered {answer.message}")
            elif version := _VERSION.findall(body):
                self.claude_version = version[-1].decode()
            sent = _after(answer, replace(sent, last_cwd=folder), lines.end, descriptor)
            self._log.put(found.path, sent)
        return False

    def _unless_rewritten(self, path: str, descriptor: int, status: os.stat_result) -> Sent:
        """How far the file is sent; from its beginning, as another generation, if what was sent is not in it any more."""
        sent = self._log.get(path)
        if sent.is_imported:
            return replace(sent, is_imported=False, offset=0, size=-1)
        for offset, mark in ((sent.offset, sent.fingerprint), (sent.unsure_offset, sent.unsure_fingerprint)):
            if offset and (status.st_size < offset or fingerprint(descriptor, offset) != mark):
                return Sent(generation=sent.generation + 1)
        return sent

    def _looked_at(self, path: str, status: os.stat_result, sent: Sent) -> None:
        self._log.put(path, replace(sent, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino))


def folder_of_file(path: str) -> str | None:
    """The folder in which the session of a transcript began. None if the file is not there, or names none yet."""
    try:
        descriptor = open_regular(path)
        try:
            return _folder_of(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        # Gone, a folder, or a pipe.
        return None


def _folder_of(descriptor: int) -> str | None:
    """The folder of the first record that has one."""
    offset = 0
    while offset < _HEAD_BYTES and (lines := read_lines(descriptor, offset)):
        if cwd := first_cwd(lines.data):
            return cwd
        offset = lines.end
    return None


def _body_of(lines: Lines, sent: Sent, left_out: LeftOut, limit: int | None) -> tuple[Lines, bytes, str | None]:
    """As many of the lines as fit into a range once they are redacted; their redacted form; the folder of the last.

    The server takes one longer line. If something before it does not, the line is shortened.
    """
    while True:
        kept, folder = left_out.without(lines.data, sent.last_cwd or sent.cwd)
        body = redact_lines(kept, {})
        count = lines.data.count(b"\n")
        if len(body) <= min(limit or MAX_RANGE_BYTES, MAX_RANGE_BYTES):
            return lines, body, folder
        if count == 1:
            return lines, body if limit is None or len(body) <= limit else shortened(body, limit), folder
        half = b"".join(lines_in(lines.data)[: count // 2])
        lines = Lines(half, lines.end - len(lines.data) + len(half))


def _put(connection: Connection, found: Transcript, sent: Sent, end: int, body: bytes, user: str | None) -> Answer:
    place = f"file={quote(found.name, safe='')}&offset={sent.offset}&end={end}&generation={sent.generation}"
    whose = f"&user={quote(user, safe='')}" if user else ""
    return connection.send("PUT", f"/api/transcripts/{quote(found.session_id, safe='')}?{place}{whose}", body, "application/x-ndjson")


def _after(answer: Answer, sent: Sent, end: int, descriptor: int) -> Sent:
    """How far the file is, by the server's answer to a range that ended there."""
    details: dict[str, Any] = answer.body if answer.status != 409 else answer.body.get("details") or {}
    offset, generation = details.get("offset"), details.get("generation", sent.generation)
    if not isinstance(generation, int):
        raise Later("The answer is not one of a tracker")
    if answer.status == 409 and generation > sent.generation:
        # A log that was lost: the server has a later version, of which nothing is known here.
        return Sent(generation=generation + 1, cwd=sent.cwd)
    if not isinstance(offset, int):
        raise Later("The answer is not one of a tracker")
    mark = fingerprint(descriptor, offset)
    if not mark or not _ends_a_line(descriptor, offset):
        return Sent(generation=sent.generation + 1, cwd=sent.cwd)
    # If the log was lost, the server has other lines than were sent now.
    folder = sent.last_cwd if offset == end else _folder_before(descriptor, offset)
    return replace(sent, offset=offset, fingerprint=mark, last_cwd=folder, size=-1, unsure_offset=0, unsure_fingerprint="")


def _folder_before(descriptor: int, offset: int) -> str | None:
    """The folder of the last record before the offset that has one. None: that of the session."""
    folder, at = None, 0
    while at < offset and (lines := read_lines(descriptor, at)):
        folder = last_cwd(lines.data[: offset - at]) or folder
        at = lines.end
    return folder


def _ends_a_line(descriptor: int, offset: int) -> bool:
    if offset == 0:
        return True
    os.lseek(descriptor, offset - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"
