"""The journal's accounts: accepted = persisted + duplicate + dead + left out + pending, for every single event.

Redis counts the events that enter and leave a stream, in the scripts that append and acknowledge. Postgres counts their outcomes, in the
transactions that store them. Events go through while the two are read one after the other. So the outcomes must lie between two bounds: at
least what had left the journal before, at most what had entered it after.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from redis import Redis

from shared.journal.streams import EPOCH_FIELD, accounting_key
from shared.redis.cluster_reads import eval_each

# A hash that the worker's check writes: `alarms`, how often the equation did not hold.
CHECK_KEY: Final = "accounting:check"

# One stream's account and length, as of one moment.
_READ = f"""
local account = redis.call('HMGET', KEYS[2], '{EPOCH_FIELD}', 'accepted', 'settled')
account[4] = redis.call('XLEN', KEYS[1])
return account
"""


class StreamAccount(Struct, frozen=True):
    """Events that entered a stream and that left it, and the entries that are in it."""

    accepted: int
    settled: int
    entries: int


class Outcome(Struct, frozen=True):
    """The outcomes of a stream's events, from Postgres."""

    persisted: int = 0
    duplicate: int = 0
    dead: int = 0
    # Erased or expired.
    left_out: int = 0

    @property
    def total(self) -> int:
        """The sum of all outcomes."""
        return self.persisted + self.duplicate + self.dead + self.left_out


class Accounting(Struct, frozen=True):
    """The equation over all streams. `drift` is the number of events that are missing or too many; 0 if the equation holds.

    `former_epochs` counts the accounts of replaced journals, whose events are in none of the other numbers.
    """

    accepted: int
    persisted: int
    duplicate: int
    dead: int
    pending: int
    drift: int
    former_epochs: int
    left_out: int = 0


def read_accounts(redis: "Redis", streams: Sequence[str]) -> dict[str, StreamAccount]:
    """The streams' accounts by epoch, without streams that never had an entry. redis.RedisError if Redis is unavailable."""
    answers = eval_each(redis, _READ, [(stream, accounting_key(stream)) for stream in streams])
    return {
        epoch.decode(): StreamAccount(int(accepted or 0), int(settled or 0), entries)
        for epoch, accepted, settled, entries in answers
        if epoch is not None
    }


def balance(
    before: Mapping[str, StreamAccount], outcomes: Mapping[str, Outcome], after: Mapping[str, StreamAccount], *, may_lag: bool = False
) -> Accounting:
    """The equation, from accounts read before and after the outcomes. `may_lag`: the outcomes are from a replica, which may lack some yet."""
    drift = 0
    for epoch, account in after.items():
        applied = outcomes.get(epoch, Outcome()).total
        surplus = max(0, applied - account.accepted)
        missing = max(0, before[epoch].settled - applied) if epoch in before and not may_lag else 0
        # Entries that something other than the worker deleted: they will never have an outcome.
        vanished = abs(account.accepted - account.settled) if account.entries == 0 else 0
        drift += surplus + missing + vanished
    counted = [outcome for epoch, outcome in outcomes.items() if epoch in after]
    return Accounting(
        accepted=sum(account.accepted for account in after.values()),
        persisted=sum(outcome.persisted for outcome in counted),
        duplicate=sum(outcome.duplicate for outcome in counted),
        dead=sum(outcome.dead for outcome in counted),
        pending=sum(account.accepted - account.settled for account in after.values()),
        drift=drift,
        former_epochs=len(outcomes) - len(counted),
        left_out=sum(outcome.left_out for outcome in counted),
    )
