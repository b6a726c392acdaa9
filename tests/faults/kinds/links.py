"""Faults: the connections between the services and their servers, each way. They need a stack behind proxies."""

import time

from tests.faults.devices.proxy import Proxy
from tests.faults.devices.wire import BOTH, Direction
from tests.faults.kinds.scene import Scene

WAYS: tuple[tuple[Direction, ...], ...] = (BOTH, ("requests",), ("answers",))
# COPY is sent as plain text each time. It identifies the drain's connection, whose COMMIT is meant.
COPY = b"COPY staged_"
COMMIT = b"COMMIT\x00"


def redis_silent(scene: Scene) -> None:
    """F6. A black hole: requests, answers or both go nowhere."""
    _silent(scene, scene.stack.redis_proxy)


def redis_half_open(scene: Scene) -> None:
    """F6. The connections are gone at Redis' end, and the other end is not notified."""
    scene.stack.redis_proxy.sever()


def redis_reset(scene: Scene) -> None:
    """F6. All connections are cut, again and again."""
    _reset(scene, scene.stack.redis_proxy)


def redis_half_closed(scene: Scene) -> None:
    """F6. One direction of each connection is ended."""
    scene.stack.redis_proxy.half_close(scene.rng.choice(BOTH))


def redis_slow(scene: Scene) -> None:
    """F6. Some milliseconds more, each way."""
    _slow(scene, scene.stack.redis_proxy)


def postgres_silent(scene: Scene) -> None:
    """F11. The same black hole before Postgres."""
    _silent(scene, scene.stack.postgres_proxy)


def postgres_half_open(scene: Scene) -> None:
    """F11. The connections are gone at Postgres' end, and the other end is not notified."""
    scene.stack.postgres_proxy.sever()


def postgres_reset(scene: Scene) -> None:
    """F14. All connections are cut, again and again."""
    _reset(scene, scene.stack.postgres_proxy)


def postgres_slow(scene: Scene) -> None:
    """F11. Some milliseconds more, each way."""
    _slow(scene, scene.stack.postgres_proxy)


def commit_reply_lost(scene: Scene) -> None:
    """F15. A transaction of the drain is committed, and the connection is cut before the worker can hear of it."""
    proxy = scene.stack.postgres_proxy
    copying = proxy.trap(COPY)
    try:
        connection = copying.wait(scene.seconds + 5)
    except TimeoutError:
        scene.notes.append("nothing was drained while the trap was set")
        proxy.release(copying)
        return
    committed = proxy.trap(COMMIT, on_answer=True, connection=connection)
    proxy.release(copying)
    try:
        committed.wait(scene.seconds + 5)
    except TimeoutError:
        scene.notes.append("a transaction of the drain did not come to its COMMIT")
        proxy.release(committed)
        return
    proxy.release(committed, cut=True)


def _silent(scene: Scene, proxy: Proxy) -> None:
    proxy.hold(*scene.rng.choice(WAYS))
    try:
        scene.last_long()
    finally:
        proxy.let_pass()


def _reset(scene: Scene, proxy: Proxy) -> None:
    times = scene.rng.randint(1, 5)
    for _ in range(times):
        proxy.reset()
        time.sleep(scene.rng.uniform(0, scene.seconds / times))


def _slow(scene: Scene, proxy: Proxy) -> None:
    proxy.slow_down(scene.rng.uniform(0.002, 0.02))
    try:
        scene.last_long()
    finally:
        proxy.let_pass()
