"""What a stage of a scrub is: a part of what is stored that it goes over step by step."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.resources import Resources
from shared.database import connect_options

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0
# A step with effects of its own may take this long: it cannot commit its place with them.
STATEMENT_SECONDS: Final = 600
LONG_LEASE_SECONDS: Final = 660
# Between two looks at what is waited for.
POLL_SECONDS: Final = 0.25


class Options(NamedTuple):
    """What was asked for. `text_count`: how many texts were given; 0: today's rules are applied."""

    scrub_id: UUID = UUID(int=0)
    text_count: int = 0
    keep_out: bool = False
    rewrite_large: bool = False
    delete_uploads: bool = False


class Step(NamedTuple):
    """What a stage is given. `connection` is in a transaction, in which its progress is written too; for a stage of its own effects, it is in none.

    `after` is what the last step of the stage gave; None at its beginning.
    """

    worker: Resources
    connection: Connection[Any]
    after: str | None
    is_dry_run: bool
    options: Options = Options()


class Done(NamedTuple):
    """What a step did, and where the next one goes on; None at the stage's end. `waits`: there was nothing to do yet.

    `remains`: what the stage could not reach, by its name, with what to do about it. `long_locks`: seconds for which a table would be locked.
    """

    after: str | None
    scanned: int = 0
    changed: int = 0
    redactions: Mapping[str, int] = Counter()
    remains: Mapping[str, str] = {}
    waits: bool = False
    long_locks: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a stage that is not `in_transaction` may take up to `lease_seconds`. It may be taken again after a crash."""

    name: str
    step: Callable[[Step], Done]
    in_transaction: bool = True
    # A stage that changes no texts itself: a dry run leaves it out.
    is_left_out_of_dry_runs: bool = False
    # Whether a step of its own effects ends within the usual lease, so that after a crash another worker goes on soon.
    is_short: bool = False


@contextmanager
def connection_of_its_own(worker: Resources) -> Iterator[Connection[Any]]:
    """One without a transaction, as VACUUM needs it. Queries that use a table are waited for a second only, since others wait behind that."""
    options = connect_options(statement_timeout_ms=STATEMENT_SECONDS * 1000, lock_timeout_ms=1_000, read_only=False)
    with Connection.connect(worker.settings.database_url, autocommit=True, application_name="tracker-worker", **options) as connection:
        yield connection
