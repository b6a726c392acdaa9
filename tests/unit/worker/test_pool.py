"""The pool of a worker whose broker comes back, with Celery's own event loop and a real process."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from kombu.asynchronous import Hub, set_event_loop

from deploy.embedded.supervision.processes import wait_until
from services.worker.pool import TaskPool


def test_a_broker_comes_back_while_a_killed_process_is_not_collected_yet() -> None:
    # Given a pool whose only process was killed, and its end was seen by the event loop, which could not start another one
    hub = Hub()
    set_event_loop(hub)
    pool = TaskPool(1, threads=False)
    pool.start()
    try:
        pool.register_with_event_loop(hub)
        [process] = pool._pool._pool
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until(lambda: not process.is_alive(), 60)
        pool._pool._untrack_child_process(process, hub)

        # When the broker is back
        pool.register_with_event_loop(hub)

        # Then the worker goes on, with a process that runs
        pool.maintain_pool()
        [other] = pool._pool._pool
        assert other.pid != process.pid
    finally:
        pool.terminate()
        set_event_loop(None)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("blocks", [True, False])
def test_a_descriptor_of_results_that_is_another_pipes_by_now_does_not_hold_up_the_loop(pipe: tuple[int, int], blocks: bool) -> None:
    # Given an empty pipe under a descriptor that the pool takes for one of results
    reader, writer = pipe
    os.set_blocking(reader, blocks)
    hub, handler = Hub(), TaskPool.Pool.ResultHandler
    results = handler.__new__(handler)
    results.fileno_to_outq, results.on_state_change = {reader: None}, print
    read = results._make_process_result(hub)
    hub.add_reader(reader, read, reader)

    # When an event comes
    with ThreadPoolExecutor(1) as loop:
        done = loop.submit(read, reader)
        try:
            done.result(20)
        finally:
            # Else a thread that waits would never end.
            os.write(writer, b"\0\0\0\0")

    # Then it waits for nothing, and listens to results alone
    assert (reader in hub.readers) is not blocks
