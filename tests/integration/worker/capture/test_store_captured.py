"""Hooks and ranges of transcripts on the journal become rows that wait to be read; the account stays exact."""

import itertools
import random
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from zstandard import ZstdDecompressor

from services.worker.drain import consumer_fencing
from services.worker.drain.drain_partition import BATCH_BYTES, batches, drain
from services.worker.drain.store_captured import CANNOT_BE_CUT, Received, store_captured
from services.worker.persist.dead_letters import write_dead_letter
from services.worker.resources import Resources
from shared.events.messages import HookPayload, TranscriptRange
from shared.journal.dead_letter_envelope import HOOK_KIND, WHOLE_ENTRY, DeadLetter, encode_replay
from shared.journal.streams import EPOCH_FIELD, EVENTS_FIELD, GROUP, PAYLOAD_FIELD, partition_of, stream_key, transcript_key
from tests.integration.worker.accounting.accounting_world import PARTITIONS, World
from tests.integration.worker.capture.captured import FILE, stored_lines
from tests.integration.worker.journal_entries import NOW, request
from tests.integration.worker.statements import select

LINES = [b'{"n":1}\n', b'{"n":22}\n', b'{"n":333}\n', b'{"n":4444}\n']
OFFSETS = [0, *itertools.accumulate(map(len, LINES))]


def part(first: int, last: int, *, redacted: bool = False, generation: int = 0, machine: str = "m", file: str = FILE) -> TranscriptRange:
    """The lines from `first` up to `last`."""
    content = b"".join(LINES[first:last])
    content = content.replace(b'"n"', b'"redacted"') if redacted else content
    return TranscriptRange(
        session_id="s",
        file_name=file,
        start_offset=OFFSETS[first],
        end_offset=OFFSETS[last],
        content=content.decode(),
        machine_id=machine,
        generation=generation,
        user="ann",
    )


def hook(payload: str = "{}", hook_id: UUID | None = None) -> HookPayload:
    return HookPayload(id=hook_id or uuid4(), session_id="s", payload=payload, occurred_at=NOW, machine_id="m", user="ann")


def entry(*items: HookPayload | TranscriptRange) -> bytes:
    hooks = [item for item in items if isinstance(item, HookPayload)]
    ranges = [item for item in items if isinstance(item, TranscriptRange)]
    return request(hooks=hooks, ranges=ranges)


def append(world: World, *items: HookPayload | TranscriptRange) -> None:
    """Each in an entry of its own."""
    for item in items:
        world.append(payload=entry(item), n=1)


def sums(world: World) -> dict[str, int]:
    return dict(zip(("accepted", "persisted", "duplicate", "dead", "pending"), world.sums(), strict=True))


def test_hooks_and_ranges_are_stored_and_counted(world: World) -> None:
    woken: list[int] = []
    append(world, hook('{"a":1}'), part(0, 2), part(2, 4))

    drain(world.me, lambda: woken.append(1))

    assert sums(world) == {"accepted": 3, "persisted": 3, "duplicate": 0, "dead": 0, "pending": 0}
    assert stored_lines(world.me) == (OFFSETS[4], b"".join(LINES))
    assert select(world.me, "SELECT session_id, machine_id, user_name, occurred_at, request_id, payload FROM hook_payloads") == [
        ("s", "m", "ann", NOW, "r", '{"a":1}')
    ]
    assert select(world.me, "SELECT session_id, machine_id FROM session_machines") == [("s", "m")]
    assert select(world.me, "SELECT user_name, parsed_offset, brought_by FROM transcript_files") == [("ann", 0, None)]
    assert woken


def test_a_machine_is_heard_of_with_what_it_sends_at_most_once_a_minute(world: World) -> None:
    def heard() -> list[tuple[object, ...]]:
        drain(world.me)
        return select(world.me, "SELECT machine_id, name, user_name, first_seen_at, last_heard_at FROM machines")

    append(world, part(0, 1), hook())
    assert heard() == [("m", "m", "ann", NOW, NOW)]

    for seconds, expected in ((59, 0), (61, 61), (30, 61)):
        received_at = NOW + timedelta(seconds=seconds)
        world.append(payload=request(received_at=received_at, hooks=[hook()]), n=1)
        assert heard() == [("m", "m", "ann", NOW, NOW + timedelta(seconds=expected))]


def test_a_repeated_hook_or_range_is_a_duplicate(world: World) -> None:
    same = hook()
    append(world, same, part(0, 2), same, part(0, 2), part(0, 1), part(1, 2))

    drain(world.me)

    assert sums(world) == {"accepted": 6, "persisted": 2, "duplicate": 4, "dead": 0, "pending": 0}
    assert stored_lines(world.me) == (OFFSETS[2], b"".join(LINES[:2]))


@pytest.mark.parametrize("order", list(itertools.permutations([part(0, 1), part(1, 2), part(2, 3), part(3, 4)])))
def test_ranges_join_in_any_order(world: World, order: Sequence[TranscriptRange]) -> None:
    for item in order:
        append(world, item)
        drain(world.me)

    assert stored_lines(world.me) == (OFFSETS[4], b"".join(LINES))
    assert sums(world) == {"accepted": 4, "persisted": 4, "duplicate": 0, "dead": 0, "pending": 0}


@pytest.mark.parametrize("redacted", [False, True])
def test_of_an_overlap_only_the_new_lines_are_stored(world: World, redacted: bool) -> None:
    append(world, part(0, 2, redacted=redacted), part(0, 4, redacted=redacted))

    drain(world.me)

    content = b"".join(LINES).replace(b'"n"', b'"redacted"') if redacted else b"".join(LINES)
    assert stored_lines(world.me) == (OFFSETS[4], content)
    assert sums(world) == {"accepted": 2, "persisted": 2, "duplicate": 0, "dead": 0, "pending": 0}


def test_a_redacted_overlap_that_begins_inside_a_stored_range_is_a_dead_letter(world: World) -> None:
    append(world, part(0, 2), part(1, 4, redacted=True))

    drain(world.me)

    assert stored_lines(world.me) == (OFFSETS[2], b"".join(LINES[:2]))
    assert sums(world) == {"accepted": 2, "persisted": 1, "duplicate": 0, "dead": 1, "pending": 0}
    [(kind, reason)] = select(world.me, "SELECT kind, reason FROM dead_letters")
    assert (kind, reason) == ("transcript_range", CANNOT_BE_CUT)


def test_a_range_behind_a_gap_waits_and_ingest_has_to_ask_postgres(world: World) -> None:
    # Given that ingest believes the file is longer than what Postgres, a restored backup, has of it
    key = transcript_key(stream_key(partition_of("s", PARTITIONS)), "s", "m", FILE)
    world.redis.hset(key, mapping={"generation": 0, "offset": OFFSETS[3]})
    append(world, part(0, 1), part(2, 3))

    drain(world.me)

    # Then the range is kept, nobody reads beyond the gap, and ingest forgets what it believed
    assert stored_lines(world.me) == (OFFSETS[1], LINES[0])
    assert sums(world)["persisted"] == 2
    assert not world.redis.exists(key)

    # When the sender fills the gap
    append(world, part(1, 2))
    drain(world.me)

    assert stored_lines(world.me) == (OFFSETS[3], b"".join(LINES[:3]))


@pytest.mark.parametrize("filling", [part(1, 3), part(1, 4), part(0, 4)])
def test_a_gap_is_filled_by_any_range_that_covers_it(world: World, filling: TranscriptRange) -> None:
    append(world, part(0, 1), part(2, 4), part(3, 4), filling)

    drain(world.me)

    assert stored_lines(world.me) == (OFFSETS[4], b"".join(LINES))
    assert select(world.me, "SELECT count(*) FROM transcript_ranges, transcript_files WHERE end_offset > stored_offset") == [(0,)]
    assert (sums(world)["dead"], sums(world)["pending"]) == (0, 0)


def test_files_machines_and_generations_are_apart(world: World) -> None:
    append(world, part(0, 2), part(0, 1, generation=1), part(0, 3, file="subagents/agent-1.jsonl"), part(0, 1, machine="n"))

    drain(world.me)

    assert select(world.me, "SELECT file_name, machine_id, generation, stored_offset FROM transcript_files ORDER BY 1, 2, 3") == [
        (FILE, "m", 0, OFFSETS[2]),
        (FILE, "m", 1, OFFSETS[1]),
        (FILE, "n", 0, OFFSETS[1]),
        ("subagents/agent-1.jsonl", "m", 0, OFFSETS[3]),
    ]


def test_what_postgres_refuses_is_a_dead_letter_and_the_rest_is_stored(world: World) -> None:
    append(world, hook("good"), hook("bad \0"), part(0, 1), hook("good too"))

    drain(world.me)

    assert sums(world) == {"accepted": 4, "persisted": 3, "duplicate": 0, "dead": 1, "pending": 0}
    assert select(world.me, "SELECT payload FROM hook_payloads ORDER BY payload") == [("good",), ("good too",)]
    [(kind, payload)] = select(world.me, "SELECT kind, payload FROM dead_letters")
    assert kind == "hook_payload"
    assert isinstance(payload, bytes)
    assert msgspec.json.decode(payload, type=HookPayload).payload == "bad \0"


def test_a_replayed_dead_letter_is_stored_and_leaves_the_list(world: World) -> None:
    append(world, part(0, 2), part(1, 4, redacted=True))
    drain(world.me)
    [(entry_id, event_id, payload)] = select(world.me, "SELECT journal_entry_id, event_id, payload FROM dead_letters")
    assert isinstance(entry_id, str)
    assert isinstance(event_id, UUID)
    assert isinstance(payload, bytes)
    letter = DeadLetter(journal_entry_id=entry_id, event_id=event_id, kind="transcript_range", payload=payload)

    # When the sender has gone on from the offset wanted, and the dead letter is replayed
    append(world, part(2, 4))
    world.append(payload=encode_replay(letter), n=1)
    drain(world.me)

    assert stored_lines(world.me)[0] == OFFSETS[4]
    assert sums(world) == {"accepted": 4, "persisted": 2, "duplicate": 1, "dead": 1, "pending": 0}
    assert select(world.me, "SELECT stored_at IS NOT NULL FROM dead_letters") == [(True,)]


def test_a_whole_entry_that_is_replayed_is_stored(world: World) -> None:
    whole = DeadLetter(journal_entry_id="1-1", kind=WHOLE_ENTRY, payload=entry(hook(), hook(), part(0, 1)))
    world.append(payload=encode_replay(whole), n=3)

    drain(world.me)

    assert sums(world) == {"accepted": 3, "persisted": 3, "duplicate": 0, "dead": 0, "pending": 0}


def test_readable_items_of_a_damaged_entry_are_stored(world: World) -> None:
    good = hook("good")
    damaged = entry(hook("hurt"), good, part(0, 1), part(1, 2)).replace(b'"payload":"hurt"', b'"payload":7').replace(b":22", b":\xff")
    world.append(payload=damaged, n=4)

    drain(world.me)

    assert sums(world) == {"accepted": 4, "persisted": 2, "duplicate": 0, "dead": 2, "pending": 0}
    assert select(world.me, "SELECT payload FROM hook_payloads") == [("good",)]
    assert stored_lines(world.me) == (OFFSETS[1], LINES[0])
    [(kind,)] = select(world.me, "SELECT kind FROM dead_letters")
    assert kind == WHOLE_ENTRY


@pytest.mark.parametrize("commits", [True, False])
def test_a_worker_that_dies_around_its_commit_stores_nothing_twice_and_loses_nothing(world: World, commits: bool) -> None:
    append(world, hook(), part(0, 2), part(2, 3))
    entries = world.take(world.me)
    if commits:
        world.commit(world.me, entries)
    world.let_time_pass()

    drain(world.other)

    assert sums(world) == {"accepted": 3, "persisted": 3, "duplicate": 0, "dead": 0, "pending": 0}
    assert stored_lines(world.me) == (OFFSETS[3], b"".join(LINES[:3]))


def test_a_backlog_of_large_ranges_is_read_in_bounded_parts(worker: Resources) -> None:
    # Given 60 MB of ranges, as after an outage
    line = b'{"x":"' + b"y" * 1_000_000 + b'"}\n'
    for number in range(60):
        start = number * len(line)
        item = TranscriptRange(session_id="s", file_name=FILE, start_offset=start, end_offset=start + len(line), content=line.decode())
        worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: entry(item), EPOCH_FIELD: "e", EVENTS_FIELD: 1})
    with worker.transaction() as connection:
        consumer = consumer_fencing.register(connection, worker.consumer)

    # When they are read
    sizes = [sum(len(each.payload) for each in batch) for batch in batches(worker, consumer, time.monotonic() + 60)]

    # Then no batch has more than its limit and one entry, and none is left
    assert max(sizes) <= BATCH_BYTES + len(line) + 1000
    assert sum(sizes) >= 60 * len(line)
    pending = worker.redis.xpending(stream_key(0), GROUP)["pending"]
    assert pending == 60


def test_a_replayed_hook_is_read_again(world: World) -> None:
    item = hook('{"hook_event_name":"Stop","session_id":"s"}')
    letter = DeadLetter(journal_entry_id="hook:1", event_id=item.id, kind=HOOK_KIND, received_at=NOW, payload=msgspec.json.encode(item))
    with world.me.transaction() as connection:
        write_dead_letter(connection, letter, "cannot be read")
    world.append(payload=encode_replay(letter), n=1)

    drain(world.me)

    assert sums(world) == {"accepted": 1, "persisted": 1, "duplicate": 0, "dead": 0, "pending": 0}
    assert select(world.me, "SELECT id, payload FROM hook_payloads") == [(item.id, item.payload)]
    assert select(world.me, "SELECT stored_at IS NOT NULL FROM dead_letters") == [(True,)]


def test_ranges_that_wait_may_overlap_in_any_way(worker: Resources) -> None:
    # Given lines of a file, in ranges that overlap as they like and come in any order
    lines = [b'{"n":%d}\n' % 10**n for n in range(12)]
    offsets = [0, *itertools.accumulate(map(len, lines))]
    for seed in range(40):
        seeded = random.Random(seed)
        parts = [sorted(seeded.sample(range(len(lines) + 1), 2)) for _ in range(14)] + [[0, 3], [2, len(lines)]]
        for first, last in parts:
            content = b"".join(lines[first:last]).decode()
            item = TranscriptRange(
                session_id=f"s{seed}", file_name=FILE, start_offset=offsets[first], end_offset=offsets[last], content=content
            )
            with worker.transaction() as connection:
                store_captured(connection, [Received(item, NOW, "r", "1-1")])

        # Then in the end the whole file is there, each byte once
        found = select(
            worker,
            "SELECT stored_offset, start_offset, end_offset, content FROM transcript_files AS f JOIN transcript_ranges AS r ON r.file_id = f.id"
            " WHERE session_id = %s ORDER BY start_offset",
            [f"s{seed}"],
        )
        assert {row[0] for row in found} == {offsets[-1]}
        assert [row[1] for row in found] == [0, *(row[2] for row in found[:-1])]
        assert b"".join(ZstdDecompressor().decompress(row[3]) for row in found) == b"".join(lines)
