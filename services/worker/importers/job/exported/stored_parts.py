"""Stores some rows of an export at once, without those that Postgres refuses."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import Connection

from services.worker.importers.job import errors
from services.worker.persist.dead_letters import VALUE_ERRORS, is_data_error
from services.worker.persist.records import KeptResults, Record, TimelineEntry, ToolUse

T = TypeVar("T")


class Stored(NamedTuple):
    """How many projects are new; how many rows were left out, by reason; and lines that Postgres refused, with the kind of error."""

    projects: int = 0
    left_out: Mapping[str, int] = {}
    refused: Mapping[int, str] = {}


Store = Callable[[Any, list[T]], Stored]


def stored_isolating(connection: Connection[Any], part: Sequence[tuple[int, T]], store: Store[T]) -> Stored:
    """Stores rows, each with its line, in the caller's transaction. Those that cannot be stored are found by halves."""
    try:
        with connection.transaction():
            return store(connection, [row for _, row in part])
    except (psycopg.Error, *VALUE_ERRORS) as error:
        if not is_data_error(error):
            raise
        kind = type(error).__name__
    if len(part) == 1:
        # Without its message, which may quote the value.
        return Stored(left_out={errors.NOT_STORABLE: 1}, refused={part[0][0]: kind})
    half = len(part) // 2
    first, second = stored_isolating(connection, part[:half], store), stored_isolating(connection, part[half:], store)
    left_out = Counter(first.left_out) + Counter(second.left_out)
    return Stored(first.projects + second.projects, left_out, {**first.refused, **second.refused})


def is_kept(record: Record, kept: KeptResults) -> bool:
    """Whether this tracker keeps it at all. A call whose result it does not keep stays."""
    if isinstance(record, ToolUse) and record.result is not None and not kept.keeps(record.status):
        record.result = None
    return kept.thinking or not (isinstance(record, TimelineEntry) and record.kind == "thinking")
