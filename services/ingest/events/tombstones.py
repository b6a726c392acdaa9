"""Refuses what was erased or is not kept any longer, where Postgres can be asked. The worker leaves out what is not known here
(services/worker/persist/tombstones.py)."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final

from services.ingest.postgres.admin import erasures
from services.ingest.postgres.database import Database
from shared.http.errors import Gone, Unavailable

# For so long an answer that there are no tombstones holds: then nothing is asked.
_NONE_SECONDS: Final = 5.0
_MOMENT_SECONDS: Final = 0.2
# For so long what is known of a name is told to those who may not ask Postgres at all.
_NOTED_SECONDS: Final = 60.0
_MOST_NOTED: Final = 10_000
# What it is of, and its name: a session's id, a user's name, a project's path.
Named = tuple[str, str]
_FIELDS: Final = {"session": "session_id", "user": "user", "project": "project_path"}


class Tombstones:
    """What one process knows of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._none_until = 0.0
        # {name: (the refusal, until when it holds)}, the oldest first.
        self._noted: dict[Named, tuple[Gone | None, float]] = {}
        self._looking_up: set[asyncio.Task[None]] = set()

    async def among(self, named: Iterable[tuple[str, str | None]]) -> dict[Named, Gone]:
        """{what has a tombstone: the refusal}. A name that is None is not asked for. Raises Unavailable."""
        asked = sorted({(kind, name) for kind, name in named if name is not None})
        if not asked or time.monotonic() < self._none_until:
            return {}
        if not await erasures.are_there_any_tombstones(self._database):
            self._none_until = time.monotonic() + _NONE_SECONDS
            return {}
        return {each: _refusal(each[0], reason) for each, reason in (await erasures.reasons(self._database, asked)).items()}

    async def known_among(self, named: Iterable[tuple[str, str | None]]) -> dict[Named, Gone]:
        """The same, where nobody may wait for Postgres: without its answer in a moment nothing is known."""
        try:
            async with asyncio.timeout(_MOMENT_SECONDS):
                return await self.among(named)
        except (Unavailable, TimeoutError):
            return {}

    def noted_among(self, named: Iterable[tuple[str, str | None]]) -> dict[Named, Gone]:
        """The same, without a wait: what this process has noted. Names that it does not know are looked up in the background, for the next time."""
        now = time.monotonic()
        asked = {(kind, name) for kind, name in named if name is not None}
        if now >= self._none_until and not self._looking_up:
            unknown = [name for name in asked if self._noted.get(name, (None, 0.0))[1] <= now]
            if unknown:
                task = asyncio.create_task(self._look_up(unknown))
                self._looking_up.add(task)
                task.add_done_callback(self._looking_up.discard)
        noted = {name: self._noted[name] for name in asked if name in self._noted}
        return {name: refusal for name, (refusal, until) in noted.items() if refusal is not None and until > now}

    async def _look_up(self, names: Sequence[Named]) -> None:
        try:
            found = await self.among(names)
        except Unavailable:
            return
        until = time.monotonic() + _NOTED_SECONDS
        for name in names:
            self._noted.pop(name, None)
            self._noted[name] = (found.get(name), until)
        for name in list(self._noted)[: max(0, len(self._noted) - _MOST_NOTED)]:
            del self._noted[name]

    async def check(self, *named: tuple[str, str | None]) -> None:
        """Gone if any of them has a tombstone."""
        for refusal in (await self.among(named)).values():
            raise refusal


def _refusal(kind: str, reason: str) -> Gone:
    why = "was erased" if reason == "erased" else "is kept no longer"
    return Gone(
        f"This {kind} {why}, so nothing of it is taken. Do not send it again; an admin can let it in with `tracker erase --lift`.",
        code="ERASED",
        details={_FIELDS[kind]: reason},
    )
