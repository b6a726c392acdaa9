"""Checks every minute that nothing accepted is lost or counted twice: accepted = persisted + duplicate + dead + left out + pending."""

import time

import structlog

from services.worker.resources import Resources
from shared.journal.accounting import CHECK_KEY, Accounting, Outcome, balance, read_accounts
from shared.journal.partitions import streams_in_use

log = structlog.get_logger()

# Long enough for batches under way to end.
SECOND_LOOK_SECONDS = 1.0

# Rows (epoch, persisted, duplicate, dead, left out).
OUTCOMES = (
    "SELECT epoch, sum(persisted)::bigint, sum(duplicates)::bigint, sum(dead)::bigint, sum(left_out)::bigint FROM accounts GROUP BY epoch"
)


def accounting(worker: Resources) -> Accounting:
    """The equation as it is now."""
    streams = streams_in_use(worker.redis, worker.settings.journal_partitions)
    before = read_accounts(worker.redis, streams)
    with worker.transaction() as connection:
        outcomes = {epoch: Outcome(*counts) for epoch, *counts in connection.execute(OUTCOMES).fetchall()}
    return balance(before, outcomes, read_accounts(worker.redis, streams))


def check_accounting(worker: Resources, second_look_seconds: float = SECOND_LOOK_SECONDS) -> Accounting:
    """Looks twice before it reports drift: as an error in the log and an alarm in the metrics."""
    found = accounting(worker)
    if found.drift:
        time.sleep(second_look_seconds)
        found = accounting(worker)
    if found.drift:
        log.error("accounting_drift", **{name: getattr(found, name) for name in found.__struct_fields__})
        worker.redis.hincrby(CHECK_KEY, "alarms", 1)
    return found


def equation(found: Accounting) -> str:
    """The equation in words."""
    text = f"{found.accepted} accepted = {found.persisted} persisted + {found.duplicate} duplicate + {found.dead} dead + {found.pending} pending"
    if found.left_out:
        text += f" + {found.left_out} left out, as erased or expired"
    if found.former_epochs:
        text += f", and {found.former_epochs} journals before this one"
    return f"ok: {text}" if found.drift == 0 else f"{found.drift} events are missing or too many: {text}"
