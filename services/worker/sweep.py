"""Beat's scheduler: it looks whether work waits, and sends a task only then (docs/adr/0042-the-sweep-looks-before-it-sends-a-task.md).

A look reads Redis or Postgres and changes nothing, so two beats, or one that starts again, do no harm. What a look finds is not sent while a task of
that name is still in its queue: a queue that no worker reads does not grow.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import FrameType
from typing import Any, Final, LiteralString

import msgspec
import psycopg
import structlog
from celery.beat import ScheduleEntry, Scheduler
from kombu import Producer
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ResponseError

from services.worker.settings import Settings
from services.worker.sweep_statements import (
    ABANDONED_MERGES,
    ABANDONED_SCRUBS,
    ABANDONED_SHARDS,
    ARCHIVE_COLLECTED_KEY,
    CALLS_WITHOUT_SAVING,
    CANCEL_SECONDS,
    CAPTURED_FILES_WAIT,
    COLLECT_SECONDS,
    COMPACTABLE_FILES,
    DEAD_CONSUMER_SECONDS,
    DOCUMENTS_WAIT,
    EXPIRED_FILES,
    GONE_CONSUMERS,
    HOOKS_WAIT,
    IDLE_SESSIONS,
    UNHEARD_CANCELS,
    UNSWEPT_UPLOADS,
    UPLOADS_SWEPT_KEY,
)
from shared.broker import (
    QUEUES,
    TASK_ARCHIVE,
    TASK_CANARY,
    TASK_CHECK_ACCOUNTING,
    TASK_CLOSE_IDLE_SESSIONS,
    TASK_DRAIN,
    TASK_END_CANCELLED,
    TASK_FILL_SAVINGS,
    TASK_INDEX,
    TASK_MERGE_USERS,
    TASK_READ_CAPTURED,
    TASK_REMOVE_DEAD_CONSUMERS,
    TASK_RUN_IMPORT,
    TASK_SCRUB,
    TASK_SWEEP_UPLOADS,
    queue_key,
)
from shared.database import connect_options
from shared.journal.partitions import streams_in_use
from shared.journal.streams import GROUP, lease_key
from shared.redis.clients import REDIS_ERRORS, connect

log = structlog.get_logger()

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

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)

# Arguments of a task.
Call = tuple[str | int, ...]
ONE_CALL: Final[Sequence[Call]] = [()]
NO_CALL: Final[Sequence[Call]] = []


class Looks:
    """What waits, as Redis and Postgres have it now. Connects when first used. Raises their errors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._postgres: psycopg.Connection[Any] | None = None

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

    def always(self) -> Sequence[Call]:
        """For a task that is itself the look."""
        return ONE_CALL

    def journal(self) -> Sequence[Call]:
        """Whether a partition that nobody drains has entries that are new, or that a dead worker holds."""
        streams = streams_in_use(self._redis, self._settings.journal_partitions)
        with self._redis.pipeline(transaction=False) as pipeline:
            for stream in streams:
                pipeline.xlen(stream)
                pipeline.exists(lease_key(stream))
            found: list[Any] = pipeline.execute()
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
        # What is acknowledged is also removed, so entries beyond those held are new.
        return bool(entries > held["pending"] or abandoned)

    def captured(self) -> Sequence[Call]:
        """Whether anything that live capture has stored is to be read."""
        return self._exists(CAPTURED_FILES_WAIT) or self._exists(HOOKS_WAIT)

    def documents(self) -> Sequence[Call]:
        """Whether any row's document is to be made again."""
        return self._exists(DOCUMENTS_WAIT)

    def abandoned_shards(self) -> Sequence[Call]:
        return self._select(ABANDONED_SHARDS)

    def unheard_cancels(self) -> Sequence[Call]:
        return self._exists(UNHEARD_CANCELS, seconds=CANCEL_SECONDS)

    def abandoned_scrubs(self) -> Sequence[Call]:
        return self._select(ABANDONED_SCRUBS)

    def abandoned_merges(self) -> Sequence[Call]:
        return self._select(ABANDONED_MERGES)

    def savings(self) -> Sequence[Call]:
        """Whether there are calls of which it is not known what the cache saved. Those whose model has no price any more are looked at again each time."""
        return self._exists(CALLS_WITHOUT_SAVING)

    def idle_sessions(self) -> Sequence[Call]:
        return self._exists(IDLE_SESSIONS, idle_seconds=self._settings.session_idle_seconds)

    def uploads(self) -> Sequence[Call]:
        """Whether files of a job have to go: a day after it failed, or as it ended after the last sweep. And once a day, for files without a job."""
        found: Any = self._redis.get(UPLOADS_SWEPT_KEY)
        swept_at = float(found or 0)
        if time.time() > swept_at + LIST_UPLOADS_SECONDS:
            return ONE_CALL
        return self._exists(UNSWEPT_UPLOADS, since=swept_at - JOB_MARGIN_SECONDS)

    def archive(self) -> Sequence[Call]:
        """Whether ranges are to become segments, a transcript's days are over, or a day has passed since garbage was collected."""
        found: Any = self._redis.get(ARCHIVE_COLLECTED_KEY)
        if time.time() > float(found or 0) + COLLECT_SECONDS:
            return ONE_CALL
        settings = self._settings
        if settings.archive and (calls := self._exists(COMPACTABLE_FILES)):
            return calls
        return self._exists(EXPIRED_FILES, archive=settings.archive, days=settings.archive_days)

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

    def is_queued(self, task: str) -> bool:
        """Whether a task of this name waits in its queue."""
        messages: Any = self._broker.lrange(queue_key(QUEUES[task]), 0, MESSAGES_READ - 1)
        return any(_task_of(message) == task for message in messages)

    def drop_spare_wakeups(self) -> None:
        """Ingest sends wake-ups without a look. While no worker reads them they would pile up, so only the newest stay."""
        partitions = len(streams_in_use(self._redis, self._settings.journal_partitions))
        self._broker.ltrim(queue_key(QUEUES[TASK_DRAIN]), 0, partitions + SPARE_WAKEUPS - 1)

    def _exists(self, statement: LiteralString, **parameters: object) -> Sequence[Call]:
        return ONE_CALL if self._select(statement, **parameters) else NO_CALL

    def _select(self, statement: LiteralString, **parameters: object) -> list[Call]:
        if self._postgres is None or self._postgres.closed:
            options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=1_000, read_only=True)
            self._postgres = psycopg.connect(self._settings.database_url, autocommit=True, application_name="tracker-beat", **options)
        try:
            return self._postgres.execute(statement, parameters).fetchall()
        except BaseException:
            # What the connection would say next may be the answer to this.
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
    """Which task a look is for."""

    task: str
    every_seconds: float
    look: Callable[[Looks], Sequence[Call]]


def sweeps(canary_seconds: float) -> dict[str, Sweep]:
    """All looks by name. The last two look by doing: they assert that nothing is lost, and that events get through."""
    found = {
        "journal": Sweep(TASK_DRAIN, 1, Looks.journal),
        "captured": Sweep(TASK_READ_CAPTURED, 1, Looks.captured),
        "documents": Sweep(TASK_INDEX, 1, Looks.documents),
        "abandoned-shards": Sweep(TASK_RUN_IMPORT, 5, Looks.abandoned_shards),
        "unheard-cancels": Sweep(TASK_END_CANCELLED, 5, Looks.unheard_cancels),
        "abandoned-scrubs": Sweep(TASK_SCRUB, 10, Looks.abandoned_scrubs),
        "abandoned-merges": Sweep(TASK_MERGE_USERS, 10, Looks.abandoned_merges),
        "savings": Sweep(TASK_FILL_SAVINGS, 60, Looks.savings),
        "idle-sessions": Sweep(TASK_CLOSE_IDLE_SESSIONS, 60, Looks.idle_sessions),
        "uploads": Sweep(TASK_SWEEP_UPLOADS, 600, Looks.uploads),
        "archive": Sweep(TASK_ARCHIVE, 60, Looks.archive),
        "dead-consumers": Sweep(TASK_REMOVE_DEAD_CONSUMERS, 600, Looks.dead_consumers),
        "accounting": Sweep(TASK_CHECK_ACCOUNTING, 60, Looks.always),
    }
    if canary_seconds:
        found["canary"] = Sweep(TASK_CANARY, canary_seconds, Looks.always)
    return found


class LookFirst(Scheduler):
    """Sends what the looks find. Keeps nothing on a disk: after a start every look is made at once."""

    def __init__(self, app: Any, **options: Any) -> None:
        settings = Settings()
        self._heartbeat_file = settings.heartbeat_file
        self._looks = Looks(settings)
        self._sweeps = sweeps(settings.canary_seconds)
        # Of looks that failed when they were last made.
        self._failing: set[str] = set()
        app.conf.beat_schedule = {
            name: {
                "task": sweep.task,
                "schedule": sweep.every_seconds,
                # Celery takes None for now.
                "last_run_at": None if sweep.look is Looks.always else _LONG_AGO,
            }
            for name, sweep in self._sweeps.items()
        }
        super().__init__(app, **options)

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        """One look, and what it found is sent. An error of Redis or Postgres is a warning, once until the look succeeds again."""
        assert entry.name is not None
        sweep = self._sweeps[entry.name]
        try:
            with _within(LOOK_SECONDS):
                calls = sweep.look(self._looks)
                if calls and sweep.task == TASK_DRAIN:
                    self._looks.drop_spare_wakeups()
                is_sent = not calls or self._looks.is_queued(sweep.task)
            for arguments in [] if is_sent else calls:
                self.send_task(sweep.task, arguments, producer=producer)
        except (*REDIS_ERRORS, psycopg.Error, OperationalError, OSError) as error:
            if entry.name not in self._failing:
                log.warning("look_failed", look=entry.name, error=type(error).__name__, reason=str(error).partition("\n")[0][:200])
            self._failing.add(entry.name)
            return
        if entry.name in self._failing:
            log.info("look_succeeds_again", look=entry.name)
            self._failing.remove(entry.name)
        if sweep.task == TASK_DRAIN and self._heartbeat_file:
            self._heartbeat_file.touch()

    def close(self) -> None:
        """At beat's end."""
        self._looks.close()
        super().close()


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """TimeoutError if the block takes longer. Only in the main thread, where beat runs."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
