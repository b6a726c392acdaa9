"""A lease on a row of long work: a shard of an import, or a job in stages (maintenance/staged_job.py).

A worker takes it with a token of its own, renews it with each step, and commits only while the token is still in the row. A worker that dies
leaves a lease that expires; beat finds the row (services/worker/sweep/sweep_statements.py), and the next worker goes on behind the last committed step.
The lease of a partition is in Redis (services/worker/drain/partition_lease.py).
"""

from typing import Final

# A lease in SQL, for the statements of both. While the blob store is away, attempts do not count (`put_back`).
LEASE_PARTS: Final = {
    "is_free": "(lease_expires_at IS NULL OR lease_expires_at < now())",
    "renewed": "lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)",
    "taken": "attempts = attempts + 1, lease_token = gen_random_uuid(), {renewed}",
    "got_on": "attempts = 0, {renewed}",
    "put_back": "attempts = greatest(attempts - 1, 0), {renewed}",
}

LEASE_SECONDS: Final = 15
# Steps begin again from 0: this many workers in a row that got nowhere.
MAX_ATTEMPTS: Final = 5


class LeaseLostError(Exception):
    """Another worker has taken over; what this one did of its step must not be committed."""
