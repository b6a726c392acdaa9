"""In which order a transaction that writes takes its locks, so that none waits for one that waits for it. Each may leave out what it does not need:

1. the turn of imports (`take_turns`)
2. the right to write (`with_others`, or `alone` by who has more than one batch to write: it cannot keep to the order below)
3. projects, users and files that are new, sessions; each by its key, in this order
4. the right to add to the aggregates (`adding`, or `moving` by who adds to them more than once)
5. rows, days and cells, table by table, each by its key
6. projects that are known, by id; then what belongs to the transaction alone: its account, its job

3, 5 and 6 are rows' own locks; 1, 2 and 4 are advisory ones, held until the end of the transaction. Nobody who has one of them shared may ask for it
alone: two who did would wait for each other.
"""

from typing import Any

from psycopg import Connection

# Any constants.
_TURN, _WRITING, _ADDING = 0x_1A9047, 0x_1A9048, 0x_1A9049
# To wait for another import's chunk, or for the undo of long sessions, is no failure; nobody waits for an import as one waits for a live event.
_PATIENCE = "SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = '10min'"


def take_turns(connection: Connection[Any]) -> None:
    """Waits until no other import is persisting: none may see a row of which another is just becoming the owner. Live events do not take part."""
    connection.execute(_PATIENCE)
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
    connection.execute("SET LOCAL lock_timeout TO DEFAULT")


def with_others(connection: Connection[Any]) -> None:
    """For one batch."""
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_WRITING,))


def alone(connection: Connection[Any]) -> None:
    """For several batches in one transaction: of a poisoned batch, of replays, of an undo."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITING,))


def adding(connection: Connection[Any]) -> None:
    """For new rows, whose contributions are added in one statement."""
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_ADDING,))


def moving(connection: Connection[Any]) -> None:
    """For what is withdrawn and then added elsewhere. Whoever adds would wait for it anyway, at the cell that counts everything."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADDING,))
