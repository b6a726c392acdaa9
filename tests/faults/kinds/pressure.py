"""Faults: a server is there and has no room, no connection, or no patience."""

import signal
import time
from contextlib import ExitStack

import psycopg
from redis.exceptions import RedisError

from tests.faults.kinds.scene import Scene
from tests.faults.product.victims import children_of, pid_of, send

MEGABYTE = 1024**2
ROOM_BYTES = 2 * MEGABYTE
TERMINATE_EVERY_SECONDS = 0.2
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tracker-%'"


def redis_full(scene: Scene) -> None:
    """F7. Redis has room for two more megabytes, and nothing is drained."""
    pid = pid_of(scene.stack, "worker-drain")
    drainers = [pid, *children_of(pid)]
    with scene.stack.redis() as redis:
        before = redis.config_get("maxmemory")["maxmemory"]
        send(drainers, signal.SIGSTOP)
        try:
            redis.config_set("maxmemory", redis.info("memory")["used_memory"] + ROOM_BYTES)
            scene.last_long()
            most = redis.info("memory")["used_memory"] / MEGABYTE
            scene.notes.append(f"Redis held {most:.1f} MB of {int(redis.config_get('maxmemory')['maxmemory']) / MEGABYTE:.1f}")
        finally:
            send(drainers, signal.SIGCONT)
            _restore(scene, before)


def _restore(scene: Scene, maxmemory: str) -> None:
    """As it was; should Redis have been killed meanwhile, it is so already."""
    try:
        with scene.stack.redis() as redis:
            redis.config_set("maxmemory", maxmemory)
    except RedisError as error:
        scene.notes.append(f"maxmemory was not put back: {type(error).__name__}")


def postgres_connections(scene: Scene) -> None:
    """F13. A stranger has every connection that Postgres gives, and those that others let go as well."""
    with ExitStack() as held:
        end = time.monotonic() + scene.seconds
        while time.monotonic() < end:
            try:
                held.enter_context(scene.stack.database())
            except psycopg.OperationalError:
                time.sleep(0.05)


def postgres_terminates(scene: Scene) -> None:
    """F14. Every 200 ms Postgres ends all connections of the services."""
    end = time.monotonic() + scene.seconds
    while time.monotonic() < end:
        try:
            with scene.stack.database() as connection:
                connection.execute(_TERMINATE)
        except psycopg.OperationalError as error:
            scene.notes.append(f"Postgres was away: {type(error).__name__}")
        time.sleep(TERMINATE_EVERY_SECONDS)
