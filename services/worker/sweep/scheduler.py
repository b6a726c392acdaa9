"""Beat's scheduler: it looks whether work waits, and sends a task only then (docs/adr/0042-the-sweep-looks-before-it-sends-a-task.md).

A look reads Redis or Postgres and changes nothing, so two beats, or one that starts again, do no harm. A found task is not sent while one of that
name is still in its queue: a queue that no worker reads does not grow.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, LiteralString

import msgspec
import psycopg
import structlog
from celery.beat import Scheduler
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ResponseError

from services.worker.settings import Settings
from services.worker.sweep.beat_time_limit import within
from services.worker.sweep.sweep_statements import (
    ABANDONED_JOBS,
    ARCHIVE_COLLECTED_KEY,
    CANCEL_SECONDS,
    CAPTURED_WAITS,
    COLLECT_SECONDS,
    COMPACTABLE_FILES,
    DEAD_CONSUMER_SECONDS,
    DUE_RETENTION,
    EXPIRED_EXPORTS,
    EXPIRED_FILES,
    GONE_CONSUMERS,
    IDLE_SESSIONS,
    OLD_CHANGES,
    UNSWEPT_UPLOADS,
    UPLOADS_SWEPT_KEY,
    last_due,
)
from shared.broker import Task, queue_key
from shared.database import connect_options
from shared.jobs import KINDS, JobTask
from shared.journal.failed_looks import FAILED_LOOKS_KEY
from shared.journal.partitions import PARTITIONS_KEY, streams_in_use
from shared.journal.streams import GROUP, lease_key, stream_key
from shared.redis.clients import REDIS_ERRORS, connect

log = structlog.get_logger()

# The look that tells that beat is alive.
JOURNAL: Final = "journal"
# A look that takes longer has failed. A server that hangs must not hang beat.
LOOK_SECONDS: Final = 5.0
# Messages of a queue that are read to see which tasks wait in it.
MESSAGES_READ: Final = 200
# Wake-ups that ingest sent while no worker read them. More than one per partition, and these, say nothing new.
SPARE_WAKEUPS: Final = 8
# Uploads that no job knows are seen only by listing the store. They are left alone for a day, so a look a day is enough.
LIST_UPLOADS_SECONDS: Final = 24 * 3600
# A job's files are deleted after it has finished. The sweep that follows a job must not be fooled by that, nor by two clocks.
JOB_MARGIN_SECONDS: Final = 60

AnyTask = Task | JobTask
# Arguments of a task.
Call = tuple[str | int, ...]
ONE_CALL: Final[Sequence[Call]] = [()]
NO_CALL: Final[Sequence[Call]] = []


class Looks:
    """The waiting work, as Redis and Postgres have it now. Connects when first used. Raises their errors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._postgres: psycopg.Connection[Any] | None = None
        # The most that were ever written with, as far as is known.
        self._partitions = settings.journal_partitions

    def close(self) -> None:
        """Ends the connection to Postgres. Redis' clients end theirs."""
        if self._postgres is not None:
            self._postgres.close()

    @cached_property
    def _redis(self) -> Redis:
        return connect(self._settings.redis_url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=10, protocol=2)

    @cached_property
    def _broker(self) -> Redis:
        url = self._settings.broker_url
        if url is None:
            return self._redis
        return connect(url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=10, protocol=2)

    def journal(self) -> Sequence[Call]:
        """True if a partition without a worker has entries that are new, or that a dead worker holds."""
        while True:
            streams = [stream_key(partition) for partition in range(self._partitions)]
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(PARTITIONS_KEY)
                for stream in streams:
                    pipeline.xlen(stream)
                    pipeline.exists(lease_key(stream))
                announced, *found = pipeline.execute()
            if int(announced or 0) <= self._partitions:
                break
            self._partitions = int(announced)
        undrained = [
            (stream, entries) for stream, entries, is_held in zip(streams, found[::2], found[1::2], strict=True) if entries and not is_held
        ]
        return ONE_CALL if any(self._has_untaken(stream, entries) for stream, entries in undrained) else NO_CALL

    def _has_untaken(self, stream: str, entries: int) -> bool:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xpending(stream, GROUP)
            pipeline.xpending_range(stream, GROUP, "-", "+", 1, idle=self._settings.claim_idle_ms)
            held, abandoned = pipeline.execute(raise_on_error=False)
        if isinstance(held, ResponseError) and "NOGROUP" in str(held):
            return True
        for answer in (held, abandoned):
            if isinstance(answer, Exception):
                raise answer
        # An acknowledged entry is also removed, so entries beyond those held are new.
        return bool(entries > held["pending"] or abandoned)

    def captured(self) -> Sequence[Call]:
        """Whether anything that live capture has stored is to be read."""
        return self._exists(CAPTURED_WAITS)

    def due_retention(self) -> Sequence[Call]:
        """Whether the day's run of retention is to begin."""
        since, has_settings = last_due(self._settings.retention_hour), self._settings.drops_anything
        return self._exists(DUE_RETENTION, since=since, has_settings=has_settings)

    def abandoned_jobs(self) -> Mapping[AnyTask, Sequence[Call]]:
        """Jobs of all kinds that wait, or whose worker is gone. A kind that this release does not know waits on."""
        tasks: dict[str, AnyTask] = {kind.name: kind.task for kind in KINDS.values()} | dict(Task.__members__)
        found: dict[AnyTask, list[Call]] = defaultdict(list)
        for name, arguments in self._select(ABANDONED_JOBS, seconds=CANCEL_SECONDS):
            if name in tasks:
                found[tasks[name]].append(tuple(arguments))
        return found

    def idle_sessions(self) -> Sequence[Call]:
        return self._exists(IDLE_SESSIONS, idle_seconds=self._settings.session_idle_seconds)

    def uploads(self) -> Sequence[Call]:
        """Whether files of a job have to go: a day after it failed, or as it ended after the last sweep. And once a day, for files without a job.

        Or an export, whose time is over.
        """
        found: Any = self._redis.get(UPLOADS_SWEPT_KEY)
        swept_at = float(found or 0)
        if time.time() > swept_at + LIST_UPLOADS_SECONDS:
            return ONE_CALL
        return self._exists(UNSWEPT_UPLOADS, since=swept_at - JOB_MARGIN_SECONDS) or self._exists(EXPIRED_EXPORTS)

    def archive(self) -> Sequence[Call]:
        """Whether ranges are to become segments, ranges are not kept, or a day has passed since garbage was collected."""
        found: Any = self._redis.get(ARCHIVE_COLLECTED_KEY)
        if time.time() > float(found or 0) + COLLECT_SECONDS:
            return ONE_CALL
        settings = self._settings
        if settings.archive and (calls := self._exists(COMPACTABLE_FILES)):
            return calls
        return self._exists(EXPIRED_FILES, archive=settings.archive)

    def dead_consumers(self) -> Sequence[Call]:
        """Whether a process that is gone is still a consumer of the journal, or has a row."""
        streams = streams_in_use(self._redis, self._settings.journal_partitions)
        living: list[str] = []
        for stream in streams:
            try:
                consumers: Any = self._redis.xinfo_consumers(stream, GROUP)
            except ResponseError:
                # A partition that was never written to.
                continue
            if any(each["pending"] == 0 and each["idle"] > DEAD_CONSUMER_SECONDS * 1000 for each in consumers):
                return ONE_CALL
            living += [each["name"].decode() for each in consumers]
        return self._exists(GONE_CONSUMERS, living=living, seconds=DEAD_CONSUMER_SECONDS)

    def old_changes(self) -> Sequence[Call]:
        """Whether notes of changed rows are older than those that are kept."""
        return self._exists(OLD_CHANGES)

    def is_queued(self, task: AnyTask) -> bool:
        """Whether a task of this name waits in its queue."""
        messages: Any = self._broker.lrange(queue_key(task.queue), 0, MESSAGES_READ - 1)
        return any(_task_of(message) == task for message in messages)

    def drop_spare_wakeups(self) -> None:
        """Ingest sends wake-ups without a look. While no worker reads them they would pile up, so only the newest stay."""
        partitions = len(streams_in_use(self._redis, self._settings.journal_partitions))
        self._broker.ltrim(queue_key(Task.DRAIN.queue), 0, partitions + SPARE_WAKEUPS - 1)

    def count_failures(self, failed: Mapping[str, int]) -> None:
        """Adds to the number of failed looks, by name."""
        with self._redis.pipeline() as pipeline:
            for name, number in failed.items():
                pipeline.hincrby(FAILED_LOOKS_KEY, name, number)
            pipeline.execute()

    def _exists(self, statement: LiteralString, **parameters: object) -> Sequence[Call]:
        return ONE_CALL if self._select(statement, **parameters) else NO_CALL

    def _select(self, statement: LiteralString, **parameters: object) -> list[Any]:
        if self._postgres is None or self._postgres.closed:
            options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=1_000, read_only=True)
            self._postgres = psycopg.connect(self._settings.database_url, autocommit=True, application_name="tracker-beat", **options)
        try:
            return self._postgres.execute(statement, parameters).fetchall()
        except BaseException:
            # The next words of the connection may be the answer to this.
            self._postgres.close()
            raise


class _Headers(msgspec.Struct):
    task: str = ""


class _Message(msgspec.Struct):
    headers: _Headers


def _task_of(message: bytes) -> str:
    """The name of the task that a message of Celery's asks for; empty if it is another's message."""
    try:
        return msgspec.json.decode(message, type=_Message).headers.task
    except msgspec.MsgspecError:
        return ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A look, and how often it is made. It tells how each task is to be called."""

    every_seconds: float
    look: Callable[[Looks], Mapping[AnyTask, Sequence[Call]]]
    # The others come after their interval.
    at_start: bool = True


def _task(task: Task, every_seconds: float, look: Callable[[Looks], Sequence[Call]]) -> Sweep:
    return Sweep(every_seconds, lambda looks: {task: look(looks)})


def _always(task: Task, every_seconds: float) -> Sweep:
    return Sweep(every_seconds, lambda _: {task: ONE_CALL}, at_start=False)


def sweeps(canary_seconds: float) -> dict[str, Sweep]:
    """All looks by name. The last two look by doing: they assert that nothing is lost, and that events get through."""
    found = {
        JOURNAL: _task(Task.DRAIN, 1, Looks.journal),
        "captured": _task(Task.READ_CAPTURED, 1, Looks.captured),
        "abandoned-jobs": Sweep(5, Looks.abandoned_jobs),
        "due-retention": _task(Task.BEGIN_RETENTION, 60, Looks.due_retention),
        "idle-sessions": _task(Task.CLOSE_IDLE_SESSIONS, 60, Looks.idle_sessions),
        "uploads": _task(Task.SWEEP_UPLOADS, 600, Looks.uploads),
        "archive": _task(Task.ARCHIVE, 60, Looks.archive),
        "dead-consumers": _task(Task.REMOVE_DEAD_CONSUMERS, 600, Looks.dead_consumers),
        "old-changes": _task(Task.FORGET_CHANGES, 600, Looks.old_changes),
        "accounting": _always(Task.CHECK_ACCOUNTING, 60),
    }
    if canary_seconds:
        found["canary"] = _always(Task.CANARY, canary_seconds)
    return found


class LookFirst(Scheduler):
    """Sends what the looks find. Keeps nothing on a disk: after a start every look is made at once.

    Celery's own schedule costs more than the looks: each second it compares all entries, and computes their times in a time zone.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        settings = Settings()
        self._heartbeat_file = settings.heartbeat_file
        self._looks = Looks(settings)
        self.sweeps = sweeps(settings.canary_seconds)
        # Looks that failed when they were last made, and failures that Redis has not been told yet.
        self._failing: set[str] = set()
        self._uncounted: Counter[str] = Counter()
        now = time.monotonic()
        self._due_at = {name: now + (0 if sweep.at_start else sweep.every_seconds) for name, sweep in self.sweeps.items()}
        super().__init__(app, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Makes the looks that are due. Returns the seconds until the next is."""
        for name in self.due_looks(time.monotonic()):
            self.make_look(name)
        return max(0.0, min(self._due_at.values()) - time.monotonic())

    def due_looks(self, now: float) -> list[str]:
        """The looks to be made, each of which is due again after its interval. They keep step, so that one tick makes several."""
        due = [name for name, due_at in self._due_at.items() if due_at <= now]
        for name in due:
            interval = self.sweeps[name].every_seconds
            # After a look that took long, those that were missed are not made up for.
            self._due_at[name] += interval * ((now - self._due_at[name]) // interval + 1)
        return due

    def make_look(self, name: str) -> None:
        """One look, and what it found is sent. One that fails is logged once until it succeeds again, counted each time, and keeps no other from its turn."""
        try:
            with within(LOOK_SECONDS):
                wanted = {task: calls for task, calls in self.sweeps[name].look(self._looks).items() if calls}
                if Task.DRAIN in wanted:
                    self._looks.drop_spare_wakeups()
                queued = [task for task in wanted if self._looks.is_queued(task)]
            for task, calls in wanted.items():
                for arguments in [] if task in queued else calls:
                    self.send_task(task, arguments, producer=self.producer)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one look, beat lives for the others
            self._note_failure(name, error)
            return
        if name in self._failing:
            log.info("look_succeeds_again", look=name)
            self._failing.remove(name)
        if name == JOURNAL and self._heartbeat_file:
            self._heartbeat_file.touch()

    def _note_failure(self, name: str, error: Exception) -> None:
        if name not in self._failing:
            is_outage = isinstance(error, (*REDIS_ERRORS, psycopg.Error, OperationalError, OSError))
            tell = log.warning if is_outage else log.exception
            tell("look_failed", look=name, error=type(error).__name__, reason=str(error).partition("\n")[0][:200])
        self._failing.add(name)
        self._uncounted[name] += 1
        # Without Redis they are counted with the next failure.
        with suppress(*REDIS_ERRORS, OSError), within(LOOK_SECONDS):
            self._looks.count_failures(self._uncounted)
            self._uncounted.clear()

    def close(self) -> None:
        """At beat's end."""
        self._looks.close()
        super().close()
