"""Sends the spool, in the order in which the hooks ran, and removes what the server has."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from client.capture.hooks.spool import NotAPayload, Spool, Waiting
from client.capture.refusals import Erased, Rejected, check
from client.capture.session_folders import SessionFolders
from client.capture.transcripts.left_out import LeftOut
from client.http.connection import Connection
from shared.redaction.redacted_lines import redact_lines

_MOST: Final = 500
_BYTES: Final = 1024**2
# A larger payload is refused. The transcript that it names has what it tells.
MAX_PAYLOAD_BYTES: Final = 1024**2


class HookSender:
    """`on_hook` gets each payload, also of those that are not sent."""

    def __init__(self, spool: Spool, folders: SessionFolders, on_hook: Callable[[dict[str, Any]], None]) -> None:
        self._spool = spool
        self._folders = folders
        self._on_hook = on_hook
        # Files that are no payload, or that the server refused.
        self.dropped = 0
        # Hooks of what was erased on the server. They are gone from the spool.
        self.erased = 0

    def send(self, connection: Connection, waiting: list[Waiting], user: str | None, left_out: LeftOut) -> int:
        """Sends one batch of the oldest. The number of files that are done. Raises Later, ServerAway."""
        # For sessions of which nothing was sent yet, by transcript.
        began_in: dict[str, str | None] = {}
        lines: list[bytes] = []
        names: list[str] = []
        size = done = 0
        for each in waiting[:_MOST]:
            try:
                payload = self._spool.read(each)
            except (NotAPayload, RecursionError):
                self.dropped += 1
                self._spool.remove([each.name])
                done += 1
                continue
            if payload is None:
                continue
            if names and size + len(payload.line) > _BYTES:
                break
            self._on_hook(payload.value)
            if self._folders.is_left_out(payload.value, left_out, began_in) or len(payload.line) > MAX_PAYLOAD_BYTES:
                self._spool.remove([each.name])
                done += 1
                continue
            lines.append(redact_lines(payload.line, {}))
            names.append(each.name)
            size += len(payload.line)
        if lines:
            self._post(connection, lines, user)
            self._spool.remove(names)
        return done + len(names)

    def _post(self, connection: Connection, lines: list[bytes], user: str | None) -> None:
        path = f"/api/hooks?user={quote(user, safe='')}" if user else "/api/hooks"
        try:
            check(connection.send("POST", path, b"\n".join(lines) + b"\n", "application/x-ndjson"))
        except Erased:
            self.erased += len(lines)
        except Rejected:
            if len(lines) == 1:
                self.dropped += 1
                return
            # One of them is refused, and must not keep out the others.
            for line in lines:
                self._post(connection, [line], user)
