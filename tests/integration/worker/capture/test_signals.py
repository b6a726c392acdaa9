"""Telemetry is added to what transcripts and hooks say, in any order, and makes no rows of its own."""

import json
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.importers.formats import ids
from services.worker.importers.job import undo
from services.worker.resources import Resources
from services.worker.sweep.scheduler import NO_CALL, ONE_CALL, Looks
from shared.events.messages import Signal
from tests.example_counts import examples
from tests.integration.worker.all_tables import all_tables, empty, is_verified
from tests.integration.worker.capture.captured import capture, import_files, read_all
from tests.integration.worker.capture.hook_session import (
    AGENTS_FILE,
    AGENTS_TRANSCRIPT,
    HOOKS,
    TRANSCRIPT,
    Sample,
    bring,
    bring_transcript,
    sample,
    without_better_knowledge,
)
from tests.integration.worker.capture.signals import put_signals, signals_of
from tests.integration.worker.statements import execute, select
from tests.skips import needs
from tests.telemetry import event, logs, metric, metrics, point, span, traces
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, START, answer, jsonl, use


def of_session(name: str, sequence: int, seconds: float, **values: Any) -> dict[str, Any]:
    return event(name, sequence, session=SESSION, seconds=seconds, start=START, **values)


# (its call, when it ended, how long it ran): of the calls of the session in hook_session.py.
RAN = [
    ("toolu_1", 5, 2400),
    ("toolu_2", 6, 30),
    ("toolu_3", 20, 5),
    ("toolu_5", 40, 15_600),
    ("toolu_6", 28, 7),
    ("toolu_7", 43, 3),
    ("toolu_8", 183, 120_010),
]
EVENTS = [
    *(of_session("tool_decision", n, at - 1, tool_use_id=key, decision="accept", source="config") for n, (key, at, _) in enumerate(RAN)),
    *(
        of_session("tool_result", 100 + n, at, tool_use_id=key, duration_ms=str(ran), success="true")
        for n, (key, at, ran) in enumerate(RAN)
    ),
    of_session("tool_decision", 200, 22, tool_use_id="toolu_4", decision="reject", source="config"),
    # A person was asked twice, and said yes at last.
    of_session("tool_decision", 203, 8.6, tool_use_id="toolu_3", decision="reject", source="user_reject"),
    # The spans of two waits: one names its call, of the other only the decision does, which was written in it.
    of_session("tool_decision", 204, 39.5, tool_use_id="toolu_5", decision="accept", source="user_temporary")
    | {"spanId": "19be78952a90fae1"},
    of_session("api_request", 201, 8, request_id="req_1", duration_ms=900, ttft_ms=300, cost_usd=0.01),
    of_session("tool_result", 202, 50, tool_use_id="toolu_of_nothing", duration_ms="12"),
]
WAITS = [
    span("tool.blocked_on_user", "863a56f09178121b", session__id=SESSION, lasts=1.8, tool_use_id="toolu_1"),
    span("tool.blocked_on_user", "19be78952a90fae1", session__id=SESSION, lasts=0.9),
    span("tool.blocked_on_user", "5d0f4e1c2b3a4958", session__id=SESSION, lasts=7.0),
]
SIGNALS = [
    *signals_of(logs(*EVENTS)),
    *signals_of(traces(*WAITS)),
    *signals_of(metrics(metric("commit.count", point(1.0, session=SESSION)))),
]
# (milliseconds that telemetry says; the rest of the time between the transcript's two rows)
REPORTED = [
    ("toolu_1", 2400, 500),
    ("toolu_2", 30, 3770),
    ("toolu_3", 5, 11_995),
    ("toolu_5", 15_600, 400),
    # The transcript of the agent says one second.
    ("toolu_6", 7, 993),
    ("toolu_7", 3, 997),
    ("toolu_8", 120_010, 990),
]


# (who allowed it, and who says so; how long a person was asked) of each call, in their order
DECIDED = {
    "toolu_1": ("accept", "config", "telemetry", 1800),
    # The transcript says it, whatever telemetry says.
    "toolu_2": ("accept", "classifier", "transcript", None),
    "toolu_3": ("accept", "config", "telemetry", None),
    "toolu_4": ("reject", "config", "telemetry", None),
    "toolu_5": ("accept", "user_temporary", "telemetry", 900),
    "toolu_6": ("accept", "config", "telemetry", None),
    "toolu_7": ("accept", "config", "telemetry", None),
    "toolu_8": ("accept", "config", "telemetry", None),
}
_DECISION = ("decision", "decision_source", "decision_told_by", "decided_at", "decision_wait_ms")


def bring_signals(worker: Resources, signals: list[Signal] = SIGNALS, **whose: Any) -> None:
    with worker.transaction() as connection:
        put_signals(connection, signals, **whose)
    read_all(worker)


def reported(worker: Resources) -> list[tuple[Any, ...]]:
    found = "SELECT id, duration_ms, wait_ms FROM tool_calls WHERE duration_source = 'reported' ORDER BY occurred_at"
    return select(worker, found)


def decisions(worker: Resources) -> dict[UUID, list[Any]]:
    """By call: what was decided, by what, who says it, how long a person was asked."""
    found = "SELECT id, decision, decision_source, decision_told_by, decision_wait_ms FROM tool_calls WHERE decision IS NOT NULL"
    return {call_id: told for call_id, *told in select(worker, found)}


def expected_decisions() -> dict[UUID, list[Any]]:
    return {ids.tool_use_id(key): list(told) for key, told in DECIDED.items()}


def without_decisions(found: dict[str, Any]) -> dict[str, Any]:
    """Tables without what telemetry may say of a call that nobody else knows."""
    calls = sorted((json.loads(row) for row in found["tool_calls"]), key=itemgetter("id"))
    return found | {"tool_calls": [{name: value for name, value in call.items() if name not in _DECISION} for call in calls]}


def of_transcripts(worker: Resources) -> dict[str, Any]:
    """The tables without what hooks and telemetry know better, or what nobody else knows."""
    return without_decisions(without_better_knowledge(all_tables(worker)))


def status_of(worker: Resources, key: str) -> tuple[str, str | None, int | None]:
    call = "SELECT status, error_class, duration_ms FROM tool_calls WHERE id = %s"
    [found] = select(worker, call, [ids.tool_use_id(key)])
    return found


def expected() -> list[tuple[Any, ...]]:
    return [(ids.tool_use_id(key), ran, wait) for key, ran, wait in REPORTED]


@pytest.fixture
def of_transcript(worker: Resources) -> dict[str, Any]:
    """The tables of the transcript alone, without what telemetry knows better: the same as of hooks."""
    bring_transcript(worker)
    found = without_better_knowledge(all_tables(worker))
    empty(worker)
    return found


@pytest.mark.parametrize("order", ["signals first", "transcript first", "together"])
def test_a_call_of_a_transcript_has_its_exact_duration(worker: Resources, of_transcript: dict[str, Any], order: str) -> None:
    if order == "signals first":
        bring_signals(worker)
    elif order == "together":
        with worker.transaction() as connection:
            put_signals(connection, SIGNALS)
    bring_transcript(worker)
    if order == "transcript first":
        bring_signals(worker)

    assert reported(worker) == expected()
    assert decisions(worker) == expected_decisions()
    assert of_transcripts(worker) == without_decisions(of_transcript)
    assert is_verified(worker)


def test_signals_alone_make_no_rows(worker: Resources) -> None:
    before = all_tables(worker)

    bring_signals(worker)

    assert all_tables(worker) == before
    assert select(worker, "SELECT count(*), count(*) FILTER (WHERE is_new) FROM signals") == [(len(SIGNALS), 0)]


def test_beat_sees_signals_that_calls_have_not_been_told(worker: Resources, looks: Looks) -> None:
    assert looks.captured() == NO_CALL

    with worker.transaction() as connection:
        put_signals(connection, SIGNALS)
    assert looks.captured() == ONE_CALL

    read_all(worker)
    assert looks.captured() == NO_CALL


MADE_UP = Sample(
    SESSION,
    {f"{SESSION}.jsonl": TRANSCRIPT.splitlines(keepends=True), AGENTS_FILE: AGENTS_TRANSCRIPT.splitlines(keepends=True)},
    HOOKS,
    SIGNALS,
    START,
)


def shuffled(data: st.DataObject, found: Sample) -> tuple[Sample, list[tuple[str, str]], set[int]]:
    """The lines of files in their order, hooks and signals in any and some twice, and moments at which all that is there is read."""
    hooks, signals = (
        data.draw(st.permutations(each + (data.draw(st.lists(st.sampled_from(each), max_size=6)) if each else [])))
        for each in (found.hooks, found.signals)
    )
    mixed = found._replace(hooks=hooks, signals=signals)
    order = data.draw(st.permutations(mixed.pieces))
    return mixed, order, data.draw(st.sets(st.integers(0, len(order) - 1), max_size=8))


@settings(max_examples=examples(24), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), with_signals=st.booleans())
def test_pieces_of_all_channels_may_come_in_any_order_and_again(
    worker: Resources, of_transcript: dict[str, Any], data: st.DataObject, *, with_signals: bool
) -> None:
    pieces = shuffled(data, MADE_UP if with_signals else MADE_UP._replace(signals=[]))
    empty(worker)

    bring(worker, *pieces)

    # Then all is as the transcript alone gives it, and the durations are those that were reported, by hooks alone too
    found = without_better_knowledge(all_tables(worker))
    assert without_decisions(found) == without_decisions(of_transcript)
    assert reported(worker) == expected()
    if with_signals:
        assert decisions(worker) == expected_decisions()
    else:
        assert found == of_transcript
    assert is_verified(worker)


ASKED = jsonl(answer(2.1, "a2", "msg_1", use("toolu_1", "Bash", command="make test")))


def refused_by(source: str) -> Any:
    """A refusal as telemetry tells it."""
    return signals_of(logs(of_session("tool_decision", 1, 9, tool_use_id="toolu_1", decision="reject", source=source)))


REFUSED = refused_by("user_reject")


@pytest.mark.parametrize("order", ["refusal first", "call first"])
@pytest.mark.parametrize(
    ("source", "error_class"), [("user_reject", "rejected"), ("user_abort", "rejected"), ("config", "permission"), ("hook", "hook_blocked")]
)
def test_a_call_that_is_refused_ends_as_rejected_by_whom_it_was(worker: Resources, order: str, source: str, error_class: str) -> None:
    """given a transcript with the use of a call, and no result of it."""
    if order == "refusal first":
        bring_signals(worker, refused_by(source))
    capture(worker, SESSION, ASKED)
    if order == "call first":
        assert status_of(worker, "toolu_1") == ("pending", None, None)
        bring_signals(worker, refused_by(source))

    assert status_of(worker, "toolu_1") == ("rejected", error_class, None)
    assert is_verified(worker)


def test_the_result_of_a_call_says_more_than_its_refusal(worker: Resources) -> None:
    """given a call that was refused and whose result came all the same, as of one that was asked about twice."""
    bring_signals(worker, REFUSED)

    bring_transcript(worker)

    assert status_of(worker, "toolu_1")[0] == "success"
    assert is_verified(worker)


def test_signals_that_come_again_change_nothing(worker: Resources) -> None:
    bring_transcript(worker)
    bring_signals(worker)
    before = all_tables(worker)

    with worker.transaction() as connection:
        outcome = put_signals(connection, SIGNALS)
    read_all(worker)

    assert (outcome.persisted, outcome.duplicates) == (0, len(SIGNALS))
    assert all_tables(worker) == before


def test_an_import_that_is_undone_takes_its_calls_with_it(worker: Resources, tmp_path: Path) -> None:
    """given signals of calls that only an import brought: they are no reason to keep the calls."""
    import_files(worker, tmp_path, TRANSCRIPT, AGENTS_TRANSCRIPT)
    bring_signals(worker)
    assert reported(worker) == expected()

    with worker.transaction() as connection:
        [(number,)] = connection.execute("SELECT number FROM import_jobs WHERE kind <> 'capture'").fetchall()
        while undo.undo_some(worker, connection, number):
            pass
        undo.clear_up(connection, number)

    assert select(worker, "SELECT count(*) FROM tool_calls") == [(0,)]
    assert is_verified(worker)
    # And they know the calls when these come again
    bring_transcript(worker)
    assert reported(worker) == expected()


def test_what_a_client_sent_stays_as_it_was_sent(worker: Resources) -> None:
    bring_transcript(worker)
    execute(worker, "UPDATE tool_calls SET brought_by = NULL")
    before = select(worker, "SELECT id, duration_ms, duration_source FROM tool_calls ORDER BY id")

    bring_signals(worker)

    assert select(worker, "SELECT id, duration_ms, duration_source FROM tool_calls ORDER BY id") == before


@pytest.mark.parametrize("order", ["no first", "yes first"])
def test_of_two_decisions_the_last_counts(worker: Resources, order: str) -> None:
    """given a stored call, to which a person said no and then yes, each told and read by itself."""
    bring_transcript(worker)
    no = of_session("tool_decision", 1, 8.6, tool_use_id="toolu_3", decision="reject", source="user_reject")
    yes = of_session("tool_decision", 2, 19, tool_use_id="toolu_3", decision="accept", source="user_temporary")

    for told in (no, yes) if order == "no first" else (yes, no):
        bring_signals(worker, signals_of(logs(told)))

    assert decisions(worker)[ids.tool_use_id("toolu_3")] == ["accept", "user_temporary", "telemetry", None]
    assert is_verified(worker)


@pytest.mark.parametrize("order", ["wait first", "decision first"])
def test_a_wait_finds_its_call_by_the_span_of_the_decision(worker: Resources, order: str) -> None:
    """given a stored call, and its decision and the wait for it in two exports."""
    bring_transcript(worker)
    decided = of_session("tool_decision", 1, 39.5, tool_use_id="toolu_5", decision="accept", source="user_temporary")
    exports = [signals_of(logs(decided | {"spanId": "19be78952a90fae1"})), signals_of(traces(WAITS[1]))]

    for signals in exports if order == "decision first" else exports[::-1]:
        bring_signals(worker, signals)

    assert decisions(worker)[ids.tool_use_id("toolu_5")] == ["accept", "user_temporary", "telemetry", 900]


@pytest.mark.parametrize("order", ["signals first", "transcript first"])
def test_signals_of_a_key_of_another_user_change_nothing(worker: Resources, order: str) -> None:
    """given a session of ann, and signals about it by a key that is bound to bob."""
    bring_transcript(worker)
    alone, decided = reported(worker), decisions(worker)
    if order == "transcript first":
        with worker.transaction() as connection:
            outcome = put_signals(connection, SIGNALS, user="bob", bound_user="bob")
        assert outcome.dead == len(SIGNALS)
    else:
        empty(worker)
        bring_signals(worker, user="bob", bound_user="bob")
        bring_transcript(worker)
    read_all(worker)

    assert reported(worker) == alone
    assert decisions(worker) == decided


def test_attributes_are_stored_as_json(worker: Resources) -> None:
    bring_signals(worker)

    [(found,)] = select(worker, "SELECT attributes FROM signals WHERE name = 'api_request'")
    assert found == json.loads('{"cost_usd": 0.01, "duration_ms": 900, "event_sequence": 201, "request_id": "req_1", "ttft_ms": 300}')


@needs("samples")
@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_real_session_is_the_same_in_any_order_of_its_channels(worker: Resources, data: st.DataObject) -> None:
    # Given a session as the transcript and its signals give it, in this order
    found = sample()
    empty(worker)
    bring(worker, found, [piece for piece in found.pieces if piece[0] == "line"], set())
    of_transcript = of_transcripts(worker)
    bring_signals(worker, found.signals)
    assert of_transcripts(worker) == of_transcript
    expected, decided = reported(worker), decisions(worker)
    assert len(expected) >= 6
    assert {told_by for _, _, told_by, _ in decided.values()} == {"transcript", "telemetry"}

    # When its channels come in any order, in pieces, some twice
    pieces = shuffled(data, found)
    empty(worker)
    bring(worker, *pieces)

    # Then rows, tokens and cost are those of the transcript alone, and durations those that Claude Code measured
    assert of_transcripts(worker) == of_transcript
    assert reported(worker) == expected
    # And each decision is told by the first of them that says it
    assert decisions(worker) == decided
    assert is_verified(worker)
