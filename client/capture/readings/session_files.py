"""Claude Code's own record of its processes: ~/.claude/sessions/<pid>.json, a small file for each. A hint that no document describes."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from client.capture.folder import read_object, text_of, write_private
from client.capture.machine_report import exact_iso
from client.capture.readings.processes import is_alive, process_domain

_MEMBERS: Final = {"status": "status", "waitingFor": "waiting_for", "kind": "kind", "state": "state", "tempo": "tempo"}
_TIMES: Final = {"statusUpdatedAt": "status_updated_at", "updatedAt": "updated_at"}
_AT_WORK: Final = ("busy", "shell", "waiting")
_MOST_BYTES: Final = 256 * 1024
_MOST_CHARACTERS: Final = 100

Stamp = tuple[int, int, int]


class _Seen(NamedTuple):
    """A file as it was read last, and what the server gets of it but for `is_alive`."""

    stamp: Stamp
    started: str | None
    folder: str | None
    reading: dict[str, Any]


class SessionFiles:
    """`folder`: Claude Code's folder of sessions. `memory`: which processes the server takes for alive, also for the next shipper."""

    def __init__(self, folder: Path, memory: Path) -> None:
        self._folder = folder
        self._memory = memory
        self._seen: dict[str, _Seen] = {}
        # By the file's name: what was told last.
        self._told: dict[str, dict[str, Any]] = {
            name: reading
            for name, reading in read_object(memory).items()
            if isinstance(reading, dict) and isinstance(reading.get("pid"), int)
        }
        self._domain = process_domain()

    @property
    def is_any_at_work(self) -> bool:
        """Whether a process lives that works, or that waits for a person: if it is killed, only we can tell."""
        return any(reading["is_alive"] and reading.get("status") in _AT_WORK for reading in self._told.values())

    def due(self, is_left_out: Callable[[str], bool]) -> list[tuple[str, dict[str, Any]]]:
        """By the file's name: what has changed since it was told. A process that has ended, or whose file is gone, is told once."""
        self._look()
        now = exact_iso(time.time())
        due = []
        for name, seen in self._seen.items():
            if seen.folder is None or is_left_out(seen.folder):
                continue
            reading = {**seen.reading, "is_alive": is_alive(seen.reading["pid"], seen.started)}
            if reading != self._told.get(name):
                due.append((name, reading))
        for name in self._told.keys() - self._seen.keys():
            due.append((name, {**self._told[name], "is_alive": False}))
        return [(name, {"type": "session_file", "read_at": now, **reading}) for name, reading in due]

    def told(self, due: list[tuple[str, dict[str, Any]]]) -> None:
        """The server has what `due` gave."""
        for name, sent in due:
            if name in self._seen:
                self._told[name] = {member: value for member, value in sent.items() if member not in ("type", "read_at")}
            else:
                self._told.pop(name, None)
        # A full disk must not keep anything from being sent.
        with suppress(OSError):
            write_private(self._memory, json.dumps(self._told))

    def forget(self) -> None:
        """Nothing is told yet."""
        self._told.clear()

    def _look(self) -> None:
        """Reads the files that have changed."""
        found = set()
        for path in self._paths():
            # Gone, or being written.
            with suppress(OSError, ValueError, RecursionError):
                status = path.stat()
                found.add(path.name)
                stamp = status.st_mtime_ns, status.st_size, status.st_ino
                known = self._seen.get(path.name)
                if (known is None or known.stamp != stamp) and status.st_size <= _MOST_BYTES:
                    seen = self._read(path, stamp)
                    if seen is None:
                        found.discard(path.name)
                    else:
                        self._seen[path.name] = seen
        for name in self._seen.keys() - found:
            del self._seen[name]

    def _paths(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if path.suffix == ".json" and path.stem.isascii() and path.stem.isdigit()]
        except OSError:
            return []

    def _read(self, path: Path, stamp: Stamp) -> _Seen | None:
        """None if it is of no session, or of a process of another container, of which we cannot know whether it lives."""
        value = json.loads(path.read_bytes())
        session_id = text_of(value, "sessionId") if isinstance(value, dict) else None
        domain = text_of(value, "pidDomain") if isinstance(value, dict) else None
        if session_id is None or (None not in (domain, self._domain) and domain != self._domain):
            return None
        folder = text_of(value, "cwd")
        reading: dict[str, Any] = {"session_id": session_id, "pid": int(path.stem)}
        reading |= {ours: text[:_MOST_CHARACTERS] for theirs, ours in _MEMBERS.items() if (text := text_of(value, theirs))}
        reading |= {ours: exact_iso(at / 1_000) for theirs, ours in _TIMES.items() if isinstance(at := value.get(theirs), int | float)}
        return _Seen(stamp, text_of(value, "procStart"), folder, reading)
