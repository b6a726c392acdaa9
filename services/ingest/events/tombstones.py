"""Refuses what was erased or is not kept any longer, where Postgres can be asked. The worker leaves out what is not known here
(services/worker/persist/tombstones.py)."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from services.ingest.postgres.admin import erasures
from services.ingest.postgres.database import Database
from shared.http.errors import Gone, Unavailable

# For so long an answer that there are no tombstones holds: then nothing is asked.
_NONE_SECONDS: Final = 5.0
_MOMENT_SECONDS: Final = 0.2
# After a moment without an answer, no other request waits for one for so long.
_AWAY_SECONDS: Final = 1.0
# Its kind and its name: a session's id, a user's name, a project's path.
Named = tuple[str, str]
_FIELDS: Final = {"session": "session_id", "user": "user", "project": "project_path"}


class Tombstones:
    """The tombstones that one process knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._none_until = 0.0
        self._away_until = 0.0

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
        """The same, where a request may not wait for Postgres: without its answer in a moment nothing is known."""
        if time.monotonic() < self._away_until:
            return {}
        try:
            async with asyncio.timeout(_MOMENT_SECONDS):
                return await self.among(named)
        except (Unavailable, TimeoutError):
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return {}

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
