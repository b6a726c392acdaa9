"""Every fault of a campaign by its name. Each must leave the same behind: C1 to C7 (docs/evidence/faults.md)."""

from tests.faults.kinds import hangs, kills, links, outages, pressure, restarts
from tests.faults.kinds.scene import Fault

_ALL = (
    Fault("F1", "worker", kills.worker, ("worker",), times=5, is_kill=True),
    Fault("F2", "worker-child", kills.worker_child, ("worker",), times=5, is_kill=True),
    Fault("F3", "api", kills.api, ("api",), times=4, is_kill=True),
    Fault("F4", "redis", kills.redis, ("redis",), times=4, stretch=3.5, is_kill=True),
    Fault("F9", "postgres", kills.postgres, ("postgres",), times=3, is_kill=True),
    Fault("F9", "postmaster", kills.postmaster, ("postgres",), is_kill=True),
    Fault("F9", "postgres-immediate", kills.postgres_immediately, ("postgres",)),
    Fault("", "background-worker", kills.background_worker, ("background",), times=2, is_kill=True),
    Fault("F25", "beat", kills.beat, ("beat",), is_kill=True),
    Fault("F5", "redis-hung", hangs.redis, ("redis",), stretch=7.5),
    Fault("", "worker-hung", hangs.worker, ("worker",)),
    Fault("F11", "postgres-hung", hangs.postgres_backend, ("postgres",)),
    Fault("F11", "rollup-lock", hangs.rollup_lock, ("postgres",), stretch=5),
    Fault("F6", "redis-silent", links.redis_silent, ("redis",), needs_proxy=True),
    Fault("F6", "redis-half-open", links.redis_half_open, ("redis",), needs_proxy=True),
    Fault("F6", "redis-reset", links.redis_reset, ("redis",), needs_proxy=True),
    Fault("F6", "redis-half-closed", links.redis_half_closed, ("redis",), needs_proxy=True),
    Fault("F6", "redis-slow", links.redis_slow, ("redis",), needs_proxy=True),
    Fault("F11", "postgres-silent", links.postgres_silent, ("postgres",), needs_proxy=True),
    Fault("F11", "postgres-half-open", links.postgres_half_open, ("postgres",), needs_proxy=True),
    Fault("F14", "postgres-reset", links.postgres_reset, ("postgres",), needs_proxy=True),
    Fault("F11", "postgres-slow", links.postgres_slow, ("postgres",), needs_proxy=True),
    Fault("F15", "commit-reply-lost", links.commit_reply_lost, ("postgres", "worker"), needs_proxy=True),
    Fault("F7", "redis-full", pressure.redis_full, ("redis", "worker")),
    Fault("F10", "postgres-away", outages.postgres_away, ("everything",), stretch=5),
    Fault("F13", "postgres-connections", pressure.postgres_connections, ("postgres",)),
    Fault("F14", "postgres-terminates", pressure.postgres_terminates, ("postgres",), stretch=5),
    Fault("F18", "second-drain", restarts.second_drain, ("worker",)),
    Fault("F23", "rolling-restart", restarts.rolling_restart, ("everything",)),
    Fault("F25", "second-beat", restarts.second_beat, ("beat",)),
)
FAULTS = {fault.name: fault for fault in _ALL}
