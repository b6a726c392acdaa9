"""Events are split into journal entries: small enough to read, and in order within a partition."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.journal.append import MAX_ENTRY_BYTES, MAX_ENTRY_EVENTS, Entry, entries_of
from shared.events.messages import Conversation, Event, decode_envelope
from shared.journal.streams import partition_of, stream_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(session_id: str, number: int) -> Conversation:
    return Conversation(session_id=session_id, content="x", role="user", timestamp=NOW, id=UUID(int=number))


def cut(events: list[Event], sizes: list[int], partitions: int) -> list[Entry]:
    return entries_of(events, sizes, request_id="r-1", received_at=NOW, partitions=partitions)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, MAX_ENTRY_BYTES * 2)), max_size=60), st.integers(1, 4))
def test_each_event_is_in_exactly_one_entry_of_its_partition_in_order(items: list[tuple[str, int]], partitions: int) -> None:
    events: list[Event] = [message(session_id, number) for number, (session_id, _) in enumerate(items)]
    sizes = [size for _, size in items]
    found: list[Event] = []
    last: dict[str, int] = {}
    for entry in cut(events, sizes, partitions):
        carried = decode_envelope(entry.payload).events
        total = sum(sizes[event.id.int] for event in carried if event.id)
        assert len(carried) == 1 or total <= MAX_ENTRY_BYTES
        for event in carried:
            assert entry.stream == stream_key(partition_of(event.session_id, partitions))
            assert event.id is not None
            assert event.id.int > last.get(entry.stream, -1)
            last[entry.stream] = event.id.int
        found += carried
    assert Counter(map(str, found)) == Counter(map(str, events))


def test_an_entry_has_at_most_500_events_and_its_request_id() -> None:
    entries = cut([message("s", number) for number in range(1201)], [10] * 1201, 1)
    envelopes = [decode_envelope(entry.payload) for entry in entries]
    assert [len(envelope.events) for envelope in envelopes] == [MAX_ENTRY_EVENTS, MAX_ENTRY_EVENTS, 201]
    assert {(envelope.request_id, envelope.received_at) for envelope in envelopes} == {("r-1", NOW)}
