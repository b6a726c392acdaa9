"""The journal stays readable: samples of every released envelope version are kept here."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from shared.events.messages import ENVELOPE_VERSION, Event, ToolCall, decode_envelope, encode_envelope

SAMPLES = Path(__file__).parent / "journal_samples"


@pytest.mark.parametrize("version", range(1, ENVELOPE_VERSION + 1))
def test_entries_of_every_version_are_decoded(version: int) -> None:
    envelope = decode_envelope((SAMPLES / f"v{version}.json").read_bytes())
    assert envelope.version == version
    assert all(event.id for event in envelope.events)


def test_the_newest_sample_has_every_event_kind_and_round_trips() -> None:
    sample = (SAMPLES / f"v{ENVELOPE_VERSION}.json").read_bytes().strip()
    envelope = decode_envelope(sample)
    assert {type(event) for event in envelope.events} == set(get_args(Event))
    assert encode_envelope(envelope) == sample


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_entries_written_by_earlier_releases_are_decoded_completely(file: Path) -> None:
    # Named v<envelope>_<commit>: every kind of event with all its fields and with the fewest, one an entry, and all of them in one.
    *singles, batch = file.read_bytes().splitlines()
    events = [event for entry in singles for event in decode_envelope(entry).events]
    assert {type(event) for event in events} <= set(get_args(Event))
    assert decode_envelope(batch).events == events
    # Nothing of them is passed over: all fields of that release are still known.
    as_json = [event for entry in singles for event in msgspec.json.decode(entry)["events"]]
    assert [set(event) for event in as_json] == [set(msgspec.to_builtins(event)) for event in events]


def test_captured_hooks_and_ranges_are_decoded_completely() -> None:
    *singles, batch = (SAMPLES / "v1_capture.jsonl").read_bytes().splitlines()
    envelopes = [decode_envelope(entry) for entry in singles]
    assert [encode_envelope(envelope) for envelope in envelopes] == singles
    together = decode_envelope(batch)
    assert together.hooks == [hook for envelope in envelopes for hook in envelope.hooks]
    assert together.ranges == [each for envelope in envelopes for each in envelope.ranges]


def test_signals_are_decoded_completely() -> None:
    *singles, batch = (SAMPLES / "v1_signals.jsonl").read_bytes().splitlines()
    envelopes = [decode_envelope(entry) for entry in singles]
    assert [encode_envelope(envelope) for envelope in envelopes] == singles
    assert decode_envelope(batch).signals == [signal for envelope in envelopes for signal in envelope.signals]
    assert {signal.kind for signal in decode_envelope(batch).signals} == {"event", "metric", "span"}


def test_an_entry_of_a_later_version_is_refused_with_its_version() -> None:
    later = msgspec.structs.replace(decode_envelope((SAMPLES / "v1.json").read_bytes()), version=ENVELOPE_VERSION + 1)
    with pytest.raises(msgspec.ValidationError, match="newer than this worker's"):
        decode_envelope(encode_envelope(later))


def test_unknown_fields_are_ignored() -> None:
    entry = b'{"version":1,"request_id":"r","received_at":"2026-01-01T00:00:00Z","new":1,"events":[{"type":"tool_call","tool_name":"X",'
    entry += b'"result_status":"success","new":2}]}'
    assert decode_envelope(entry).events == [ToolCall(tool_name="X", result_status="success")]


@pytest.mark.parametrize(
    "entry", [b"", b"{", b"[]", b"null", b'{"version":1}', b'{"version":1,"request_id":"r","received_at":"x","events":[]}', b"\xff"]
)
def test_a_malformed_envelope_raises_value_error(entry: bytes) -> None:
    # Invalid UTF-8 is not a MsgspecError but a UnicodeDecodeError; both are ValueErrors.
    with pytest.raises(ValueError):  # noqa: PT011
        decode_envelope(entry)


def test_an_entry_with_an_identifier_that_ingest_now_refuses_is_decoded() -> None:
    entry = (
        b'{"version": 1, "request_id": "r", "received_at": "2024-01-01T00:00:00Z", "events": ['
        b'{"type": "tool_call", "tool_name": "a\\nb", "result_status": "success", "session_id": "s\\n1", "user": "u\\t"}]}'
    )
    [event] = decode_envelope(entry).events
    assert isinstance(event, ToolCall)
    assert (event.tool_name, event.session_id, event.user) == ("a\nb", "s\n1", "u\t")
