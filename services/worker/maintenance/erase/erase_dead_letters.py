"""The stage of dead letters: what could not be stored has the event as it came. So each is read, and found by its content and its key's user."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.worker.maintenance.erase.erase_stores import ROWS_AT_ONCE, session_ids_of
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done

_LETTERS: Final = "SELECT id, payload, bound ->> 'user' FROM dead_letters WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"
_DELETE: Final = "DELETE FROM dead_letters WHERE id = ANY(%(ids)s)"
# Fields that name a user in an event, a hook or a record.
_USER_FIELDS: Final = frozenset({"user", "bound_user", "user_name"})
# When an event, an item or a record happened, began or ended.
_TIME_FIELDS: Final = ("timestamp", "start_time", "end_time", "started_at", "ended_at", "occurred_at", "read_at")
_FIRST: Final = UUID(int=0)


def erase_dead_letters(erasure: Erasure, step: Step) -> Done:
    """Reads the next dead letters. `after`: the last that was read."""
    connection = step.connection
    after = UUID(step.after) if step.after else _FIRST
    letters = connection.execute(_LETTERS, {"after": after, "limit": ROWS_AT_ONCE}).fetchall()
    if not letters:
        return Done(None)
    needles = _Needles(erasure, {*session_ids_of(connection, erasure)})
    ids = [letter_id for letter_id, payload, bound_user in letters if needles.are_of(payload, bound_user)]
    if ids and not step.is_dry_run:
        connection.execute(_DELETE, {"ids": ids})
    return Done(str(letters[-1][0]), {"dead_letters": len(ids)} if ids else {})


class _Needles:
    """The ids and names of what is erased, to be found in events and entries of the journal; of a range also its time."""

    def __init__(self, erasure: Erasure, session_ids: set[str]) -> None:
        self._ids = {*session_ids, *(erasure.names if erasure.kind == "project" else ())}
        self._users = set(erasure.names) if erasure.kind == "user" else set()
        self._range = (erasure.from_at, erasure.to_at) if erasure.from_at and erasure.to_at else None

    def are_of(self, payload: bytes, bound_user: str | None) -> bool:
        """Whether an event in JSON, or an entry that may not be JSON, is of what is erased. `bound_user`: of the key that brought it.

        In a range it is also when it cannot be told of which time it is.
        """
        if bound_user in self._users:
            return True
        try:
            value = msgspec.json.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return any(each.encode("utf-8", "surrogatepass") in payload for each in (*self._ids, *self._users))
        return self._are_in(value) and (self._range is None or self._is_in_range(value))

    def _are_in(self, value: Any, field: str | None = None) -> bool:
        if isinstance(value, str):
            return value in self._ids or (field in _USER_FIELDS and value in self._users)
        if isinstance(value, dict):
            return any(self._are_in(each, name) for name, each in value.items())
        return isinstance(value, list) and any(self._are_in(each, field) for each in value)

    def _is_in_range(self, value: Any) -> bool:
        items = list(self._items_in(value))
        return not items or any(map(self._may_be_in_range, items))

    def _may_be_in_range(self, item: dict[str, Any]) -> bool:
        assert self._range is not None
        from_at, to_at = self._range
        times = [_time(item[name]) for name in _TIME_FIELDS if name in item]
        known = [each for each in times if each is not None]
        return len(known) < len(times) or not known or (max(known) >= from_at and min(known) < to_at)

    def _items_in(self, value: Any) -> Iterator[dict[str, Any]]:
        """The parts of an entry that are of the session: an entry may have others', too."""
        if isinstance(value, dict) and value.get("session_id") in self._ids:
            yield value
        elif isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                yield from self._items_in(each)


def _time(value: Any) -> datetime | None:
    """None if it is no time with a zone."""
    try:
        found = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None
    return found if found.tzinfo else None
