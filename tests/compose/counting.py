"""Every acknowledged event against the rows, and the accounts; and that it is all still there after `down` and `up`."""

from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.checks import TABLES, count_events
from tests.faults.clients.acks import Acks

Rows = dict[str, int]


def count(stack: Composed, load: Load) -> str:
    """AssertionError with each broken promise: something lost, double, in a wrong table, a wrong sum."""
    told = count_acknowledged(stack, load.acks)
    assert not load.tally.violations + load.reads.violations, load.tally.violations[:5] + load.reads.violations[:5]
    verified = stack.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    return f"{told}; answers to writers: {load.answers()}"


def count_acknowledged(stack: Composed, acks: Acks) -> str:
    """The same for a file of acknowledged events alone."""
    found = count_events(stack, acks)
    assert not found.violations, found.violations
    return (
        f"{found.accepted.total():,} accepted, {found.lost.total()} lost, {found.double.total()} double, drift {sum(found.drift.values())}; "
        f"{found.imports}"
    )


def keep(stack: Composed) -> str:
    """`docker compose down`, `up`: the volumes are what lasts."""
    before = rows(stack)
    stack.down()
    stack.up()
    after = rows(stack)
    assert after == before, (before, after)
    return f"the same {sum(after.values()):,} rows"


def rows(stack: Composed) -> Rows:
    """{table: rows} of what happened."""
    with stack.database() as connection:
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall() for table in TABLES}
    return {table: int(str(found)) for table, [(found,)] in counts.items()}
