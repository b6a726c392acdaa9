"""`make bench`: the write path against this machine's own limits, as a Markdown table with ratios. Both sides take turns within one run."""

import argparse
from dataclasses import dataclass
from statistics import median

from shared.logs import configure_logs
from tests.bench import accepting, capturing, draining, plain_copy
from tests.bench.data_sets import say
from tests.bench.event_source import Events, EventSource
from tests.bench.freshness import freshness
from tests.bench.http_load import generator
from tests.bench.report import machine, table
from tests.bench.stack import Stack, running_stack

HEAD = ("what", "measured", "against", "ratio", "target", "met")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how much."""

    rounds: int
    seconds: float
    tool_calls: int
    messages: int
    single_entries: int
    fresh_seconds: int
    range_bytes: int


FULL = Effort(
    rounds=5,
    seconds=5,
    tool_calls=200_000,
    messages=50_000,
    single_entries=50_000,
    fresh_seconds=30,
    range_bytes=128 * 1024**2,
)
QUICK = Effort(rounds=1, seconds=1, tool_calls=6_000, messages=2_000, single_entries=2_000, fresh_seconds=3, range_bytes=8 * 1024**2)
# A second, with the search index.
MESSAGES_TARGET = 4_000
PARTS = ("accept", "bulk", "capture", "drain", "fresh")


def main() -> int:
    """Prints the table. Numbers that miss their target are no failure of the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run at all?")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts; repeat for several")
    options = parser.parse_args()
    effort, parts = QUICK if options.quick else FULL, options.only or PARTS
    configure_logs("bench", "WARNING")
    source = EventSource(seed=1)
    rows: list[list[str]] = []
    with running_stack() as stack:
        if "accept" in parts:
            rows += _accept(stack, source, effort)
        if "bulk" in parts:
            rows += _bulk(stack, source, effort)
        if "capture" in parts:
            rows += _capture(stack, source, effort)
        if "drain" in parts:
            rows += _drain(stack, source, effort)
        if "fresh" in parts:
            rows += _fresh(stack, source, effort)
    print(f"Load by {generator()}, {accepting.CONNECTIONS} connections; medians of {effort.rounds} rounds in turn. {machine()}.\n")
    print(table(HEAD, rows))
    return 0


def _accept(stack: Stack, source: EventSource, effort: Effort) -> list[list[str]]:
    rows = []
    for name, path, events in (
        ("tool call", "/api/tool-calls", source.tool_calls(50)),
        ("conversation", "/api/conversations", source.messages(50)),
    ):
        found = accepting.single(stack, events, path, rounds=effort.rounds, seconds=effort.seconds)
        measured, against = _rate(found.durable), f"{_rate(found.do_nothing)} with Pydantic, doing nothing"
        rows.append(_ratio(f"durable accept, one {name}", measured, against, found.ratio, 1.0))
    return rows


def _bulk(stack: Stack, source: EventSource, effort: Effort) -> list[list[str]]:
    requests = accepting.batches(stack, source.tool_calls(accepting.BATCH_EVENTS), rounds=effort.rounds, seconds=effort.seconds)
    rate = requests.a_second * accepting.BATCH_EVENTS
    measured = f"{rate:,.0f}/s, {requests.cpu_us / 1000:.1f} ms CPU a request"
    return [["bulk accept, 500 tool calls a request", measured, "", "", "≥ 100,000/s", _met(rate >= 100_000)]]


def _capture(stack: Stack, source: EventSource, effort: Effort) -> list[list[str]]:
    hooks, delay = capturing.hooks(stack, source.tool_calls(50), rounds=effort.rounds, seconds=effort.seconds)
    messages = source.messages(1_000)
    sent = capturing.ranges(stack, messages, rounds=effort.rounds, total_bytes=effort.range_bytes)
    stored = capturing.stored(stack, messages, rounds=min(effort.rounds, 3), total_bytes=effort.range_bytes)
    nothing = f"{_rate(hooks.do_nothing)} with Pydantic, doing nothing"
    return [
        _ratio("durable accept, one hook", _rate(hooks.durable), nothing, hooks.ratio, 1.0),
        ["one hook's wait", f"p50 {delay.p50_ms:.1f} ms, p99 {delay.p99_ms:.1f} ms", "", "", "p99 ≤ 5 ms", _met(delay.p99_ms <= 5)],
        _unaimed("durable accept, ranges of a transcript", sent, "doing nothing"),
        _unaimed("ranges, accept → stored", stored, "by INSERTs of the same frames"),
    ]


def _unaimed(what: str, found: capturing.Bytes, how: str) -> list[str]:
    ranges = found.a_second * capturing.MEBIBYTE / capturing.RANGE_BYTES
    measured = f"{found.a_second:,.0f} MiB/s, {ranges:,.0f} ranges/s"
    return [what, measured, f"{found.other:,.0f} MiB/s {how}", f"{found.ratio:.2f} ×", "", ""]


def _drain(stack: Stack, source: EventSource, effort: Effort) -> list[list[str]]:
    calls, messages = source.tool_calls(effort.tool_calls), source.messages(effort.messages)
    singles = Events(calls.starts, calls.events[: effort.single_entries])
    rates: dict[str, list[float]] = {}
    for _ in range(min(effort.rounds, 3)):
        _note(rates, "drain, 500 an entry", draining.events_a_second(stack, calls, entry_events=500))
        _note(rates, "plain copy", plain_copy.rows_a_second(stack, calls))
        _note(rates, "drain, 1 an entry", draining.events_a_second(stack, singles, entry_events=1))
        _note(rates, "plain copy without sums", plain_copy.rows_a_second(stack, calls, with_sums=False))
        _note(rates, "drain, messages, indexed meanwhile", draining.events_a_second(stack, messages, entry_events=500, indexes=True))
        _note(rates, "drain, messages", draining.events_a_second(stack, messages, entry_events=500))
        _note(rates, "messages indexed", draining.messages_indexed_a_second(stack))
        _note(rates, "plain copy, messages", plain_copy.rows_a_second(stack, messages))
    return _drain_rows({name: median(found) for name, found in rates.items()})


def _drain_rows(rate: dict[str, float]) -> list[list[str]]:
    ours, copied = rate["drain, 500 an entry"], rate["plain copy"]
    bare = f"{copied:,.0f}/s by COPY with rollups ({rate['plain copy without sums']:,.0f}/s without)"
    singles = rate["drain, 1 an entry"]
    said, said_copied = rate["drain, messages"], rate["plain copy, messages"]
    return [
        _ratio("accept → queryable, tool calls, 500 an entry", f"{ours:,.0f}/s", bare, ours / copied, 0.4),
        _ratio("accept → queryable, tool calls, 1 an entry", f"{singles:,.0f}/s", "the same", singles / copied, 0.4),
        [
            "accept → queryable, conversations",
            f"{said:,.0f}/s",
            f"{said_copied:,.0f}/s by COPY",
            f"{said / said_copied:.2f} ×",
            f"≥ {MESSAGES_TARGET:,}/s",
            _met(said >= MESSAGES_TARGET),
        ],
        *_search_rows(rate),
    ]


def _search_rows(rate: dict[str, float]) -> list[list[str]]:
    said, beside = rate["drain, messages"], rate["drain, messages, indexed meanwhile"]
    indexed = f"{rate['messages indexed']:,.0f} messages/s"
    return [
        [
            "the same, indexed meanwhile",
            f"{beside:,.0f}/s",
            f"{said:,.0f}/s not indexed",
            f"{beside / said:.2f} ×",
            f"≥ {MESSAGES_TARGET:,}/s",
            _met(beside >= MESSAGES_TARGET),
        ],
        ["the search index of messages, alone", indexed, "", "", "", ""],
    ]


def _fresh(stack: Stack, source: EventSource, effort: Effort) -> list[list[str]]:
    rate = 1_000
    found = freshness(stack, source.tool_calls(rate * effort.fresh_seconds), rate=rate)
    measured = f"p50 {found.p50_ms:.0f} ms, p99 {found.p99_ms:.0f} ms"
    how = f"looked every {found.look_ms:.1f} ms; {found.events_a_second:,.0f} events/s for {effort.fresh_seconds} s"
    met = found.p50_ms <= 50 and found.p99_ms <= 500
    return [["freshness at 1,000 events/s", measured, how, "", "p50 ≤ 50 ms, p99 ≤ 500 ms", _met(met)]]


def _rate(rate: accepting.Rate) -> str:
    return f"{rate.a_second:,.0f}/s, {rate.cpu_us:.0f} µs CPU"


def _ratio(what: str, measured: str, against: str, ratio: float, target: float) -> list[str]:
    return [what, measured, against, f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:.0f} ×", f"≥ {target} ×", _met(ratio >= target)]


def _note(rates: dict[str, list[float]], name: str, rate: float) -> None:
    say(f"{name}: {rate:,.0f} a second")
    rates.setdefault(name, []).append(rate)


def _met(yes: bool) -> str:
    return "yes" if yes else "NO"


if __name__ == "__main__":
    raise SystemExit(main())
