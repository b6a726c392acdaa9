"""Records of telemetry to signals: which are kept, under which id, and which are rejected."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from services.ingest.events.decode import check_identifier
from services.ingest.events.event_ids import derived_id
from services.ingest.telemetry.kept_attributes import (
    CUMULATIVE,
    EVENT_NAME,
    EVENT_SEQUENCE,
    EVENT_TIME,
    EVENTS,
    METRICS,
    PARENTS,
    PREFIX,
    SESSION,
    SPANS,
    TOOL_USE,
    Attributes,
    Kept,
    Record,
    integer_of,
    kept_attributes,
    number_of,
    text_of,
    without_persons,
)
from shared.claude_formats.signals import TOOL_DECISION, TOOL_RESULT
from shared.events.messages import Signal
from shared.events.plausible import objection_to_time
from shared.http.errors import ApiError

NO_SESSION: Final = "Some have no attribute session.id, or one that no session can have; only Claude Code's telemetry is taken."
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_ID: Final = 200
_TOOL_USE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_REVISION: Final = re.compile(r"[0-9a-f]{7,64}")
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Found(Struct):
    """The contents of an export. `dropped`: how many records say nothing that is kept; `rejected`: how many name no session."""

    signals: list[Signal] = []
    dropped: int = 0
    rejected: int = 0


class _Parameters(Struct):
    """A commit's id alone is read of the inputs of a tool."""

    git_commit_id: str | None = None


_parameters: Final = msgspec.json.Decoder(_Parameters)


def signals_of_logs(records: Iterable[Record], now: datetime) -> Found:
    """Events that are listed. The id is of session, time and sequence, so an export that is sent again changes nothing."""
    found = Found()
    for record in records:
        attributes = record.attributes
        name = (text_of(attributes, EVENT_NAME) or record.name).removeprefix(PREFIX)
        session_id = _counted_session(found, attributes, EVENTS.get(name))
        if session_id is None:
            continue
        kept = kept_attributes(attributes, EVENTS[name])
        if name == TOOL_RESULT and (commit := _commit_of(attributes)) is not None:
            kept["commit"] = commit
        if name == TOOL_DECISION:
            # A decision is written in the span of the wait for it, which does not name the call (services/worker/persist/signal_rows.sql).
            kept |= _span_of(record)
        time = text_of(attributes, EVENT_TIME)
        sequence = integer_of(attributes.get(EVENT_SEQUENCE))
        # Without a sequence two events of one moment are told by what they say.
        told_by = str(sequence) if sequence is not None else f"{name} {_encode(kept).decode()}"
        signal_id = derived_id("signal", session_id, time or str(record.time), told_by)
        found.signals.append(_signal(signal_id, session_id, "event", name, _time_of(time, record.time, now), attributes, kept))
    return found


def signals_of_metrics(records: Iterable[Record], now: datetime) -> Found:
    """Points of metrics that are listed. The id is of name, attributes, start and time."""
    found = Found()
    for record in records:
        attributes = without_persons(record.attributes)
        name = record.name.removeprefix(PREFIX)
        session_id = _counted_session(found, attributes, METRICS.get(name))
        value = number_of(record.value)
        if session_id is None or value is None:
            found.dropped += session_id is not None
            continue
        told_by = _encode(attributes).decode()
        signal_id = derived_id("metric", record.name, told_by, str(record.start), str(record.time))
        kept = kept_attributes(attributes, METRICS[name])
        signal = _signal(signal_id, session_id, "metric", name, _time_of(None, record.time, now), attributes, kept)
        signal.value = value
        signal.started_at = _time_of(None, record.start, now) if record.start else None
        signal.is_cumulative = record.temporality == CUMULATIVE
        found.signals.append(signal)
    return found


def signals_of_spans(records: Iterable[Record], now: datetime) -> Found:
    """Waits for a permission. The span does not name its call. The span around it does, which ends with the call, perhaps in a later export."""
    found = Found()
    spans = list(records)
    around = {span.span_id: span.attributes for span in spans if span.span_id and span.name.removeprefix(PREFIX) in PARENTS}
    for span in spans:
        attributes = around.get(span.parent_id, {}) | span.attributes
        name = span.name.removeprefix(PREFIX)
        session_id = _counted_session(found, attributes, SPANS.get(name))
        if session_id is None:
            continue
        kept = kept_attributes(attributes, SPANS[name]) | _span_of(span)
        lasted = integer_of((span.time - span.start) // 1_000_000) if span.start > 0 else None
        if "duration_ms" not in kept and lasted is not None:
            kept["duration_ms"] = lasted
        signal_id = derived_id("span", session_id, span.span_id, str(span.start), str(span.time))
        found.signals.append(_signal(signal_id, session_id, "span", name, _time_of(None, span.time, now), attributes, kept))
    return found


def _counted_session(found: Found, attributes: Attributes, kept: Kept | None) -> str | None:
    """The session of a record that is to be kept. None, and counted, of one that is not."""
    session_id = text_of(attributes, SESSION)
    if session_id is None or len(session_id) > _MAX_ID or not _is_identifier(session_id):
        found.rejected += 1
        return None
    if kept is None:
        found.dropped += 1
        return None
    return session_id


def _is_identifier(session_id: str) -> bool:
    try:
        check_identifier(session_id, SESSION)
    except ApiError:
        return False
    return True


def _signal(
    signal_id: UUID,
    session_id: str,
    kind: Literal["event", "metric", "span"],
    name: str,
    occurred_at: datetime,
    attributes: Attributes,
    kept: dict[str, Any],
) -> Signal:
    tool_use = text_of(attributes, TOOL_USE)
    return Signal(
        id=signal_id,
        session_id=session_id,
        kind=kind,
        name=name,
        occurred_at=occurred_at,
        tool_use_id=tool_use if tool_use is not None and _TOOL_USE_ID.fullmatch(tool_use) else None,
        attributes=_encode(kept).decode(),
    )


def _span_of(record: Record) -> dict[str, str]:
    return {"span_id": record.span_id} if _SPAN_ID.fullmatch(record.span_id) else {}


def _commit_of(attributes: Attributes) -> str | None:
    """The revision of a commit that the call made; another text is left out."""
    revision = text_of(attributes, "vcs.ref.head.revision")
    if revision is None and (parameters := text_of(attributes, "tool_parameters")) is not None:
        try:
            revision = _parameters.decode(parameters).git_commit_id
        except (msgspec.MsgspecError, RecursionError):
            return None
    return revision if revision is not None and _REVISION.fullmatch(revision) else None


def _time_of(text: str | None, nanoseconds: int, now: datetime) -> datetime:
    """The time that the record names; now, if it names none or one that cannot be true. A wrong clock must not keep the record out."""
    try:
        if text is not None:
            time = msgspec.convert(text, datetime)
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        else:
            time = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except (msgspec.ValidationError, OverflowError):
        return now
    return now if objection_to_time(time, now) else time
