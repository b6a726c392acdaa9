"""A worker with `--autoscale` has as many processes as tasks have waited for. Celery's own state of requests, and stand-ins for its pool and its loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from celery.worker import state

from services.worker.pool_size import WAIT_SECONDS, NeededProcesses


class Task:
    """As Celery's: a request."""


@dataclass
class Pool:
    """As Celery's: counts its processes."""

    num_processes: int = 1

    @property
    def info(self) -> dict[str, list[int]]:
        return {"processes": []}

    def grow(self, number: int) -> None:
        self.num_processes += number

    def shrink(self, number: int) -> None:
        self.num_processes -= number

    def maintain_pool(self) -> None:
        """Starts and ends no processes."""


@dataclass
class Hub:
    """As kombu's: calls for later."""

    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.later.append((seconds, callback))

    def pass_time(self) -> None:
        due, self.later = self.later, []
        for _, callback in due:
            callback()


@dataclass
class Worker:
    pool: Pool
    hub: Hub
    scaler: NeededProcesses
    tasks: list[object]

    def take(self) -> object:
        """A task comes, and runs or waits."""
        task = Task()
        self.tasks.append(task)
        state.reserved_requests.add(task)
        self.scaler.maybe_scale(task)
        return task

    def finish(self, task: object) -> None:
        self.tasks.remove(task)
        state.reserved_requests.discard(task)


@pytest.fixture
def worker() -> Iterator[Worker]:
    pool, hub = Pool(), Hub()
    # A keepalive that has passed with the next call.
    scaler = NeededProcesses(pool, 3, 1, worker=SimpleNamespace(hub=hub), keepalive=1e-9)
    found = Worker(pool, hub, scaler, [])
    yield found
    for task in list(found.tasks):
        found.finish(task)


def test_a_task_alone_starts_no_process(worker: Worker) -> None:
    worker.take()

    assert worker.hub.later == []
    assert worker.pool.num_processes == 1


def test_a_task_that_waits_only_shortly_starts_no_process(worker: Worker) -> None:
    first = worker.take()
    worker.take()

    worker.finish(first)
    worker.hub.pass_time()

    assert worker.pool.num_processes == 1


def test_tasks_that_have_waited_get_processes_up_to_the_most(worker: Worker) -> None:
    for _ in range(5):
        worker.take()
    assert [seconds for seconds, _ in worker.hub.later] == [WAIT_SECONDS]

    worker.hub.pass_time()

    assert worker.pool.num_processes == 3


def test_processes_end_when_no_task_has_needed_them_for_the_keepalive(worker: Worker) -> None:
    # Given three processes
    tasks = [worker.take() for _ in range(3)]
    worker.hub.pass_time()
    for task in tasks:
        worker.finish(task)

    # When tasks come one at a time, and Celery asks each keepalive
    worker.finish(worker.take())
    worker.scaler.maybe_scale()

    assert worker.pool.num_processes == 1


def test_processes_stay_while_tasks_need_them(worker: Worker) -> None:
    for _ in range(2):
        worker.take()
    worker.hub.pass_time()

    worker.scaler.maybe_scale()

    assert worker.pool.num_processes == 2
