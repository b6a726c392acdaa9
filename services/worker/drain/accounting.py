"""The assertion that nothing accepted is lost or counted twice: accepted = persisted + duplicate + dead + pending, every minute."""

import time

import structlog

from services.worker.resources import Resources
from shared.journal.accounting import CHECK_KEY, Accounting, Outcome, judge, read_accounts
from shared.journal.partitions import streams_in_use

log = structlog.get_logger()

# Long enough for whatever was under way to have come to its end.
SECOND_LOOK_SECONDS = 1.0

# Rows (epoch, persisted, duplicate, dead).
OUTCOMES = "SELECT epoch, sum(persisted)::bigint, sum(duplicates)::bigint, sum(dead)::bigint FROM accounts GROUP BY epoch"


def accounting(worker: Resources) -> Accounting:
    """The equation as it is now."""
    streams = streams_in_use(worker.redis, worker.settings.journal_partitions)
    before = read_accounts(worker.redis, streams)
    with worker.transaction() as connection:
        outcomes = {epoch: Outcome(*counts) for epoch, *counts in connection.execute(OUTCOMES).fetchall()}
    return judge(before, outcomes, read_accounts(worker.redis, streams))


def check_accounting(worker: Resources, second_look_seconds: float = SECOND_LOOK_SECONDS) -> Accounting:
    """Looks, and looks again if it does not hold; an error in the log and an alarm in the metrics if it still does not."""
    found = accounting(worker)
    if found.drift:
        time.sleep(second_look_seconds)
        found = accounting(worker)
    if found.drift:
        log.error("accounting_drift", **{name: getattr(found, name) for name in found.__struct_fields__})
        worker.redis.hincrby(CHECK_KEY, "alarms", 1)
    return found


def equation(found: Accounting) -> str:
    """For a person to read."""
    said = f"{found.accepted} accepted = {found.persisted} persisted + {found.duplicate} duplicate + {found.dead} dead + {found.pending} pending"
    if found.former_epochs:
        said += f", and {found.former_epochs} journals before this one"
    return f"ok: {said}" if found.drift == 0 else f"{found.drift} events are missing or too many: {said}"
