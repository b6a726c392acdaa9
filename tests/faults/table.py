"""The result of a run as a table, in Markdown."""

import os
from statistics import median

from tests.faults.campaign import Outcome
from tests.faults.checks import Count
from tests.faults.kinds.catalogue import FAULTS
from tests.faults.plan import TOGETHER, Plan

NOTES_SHOWN = 20


def table(plan: Plan, outcome: Outcome, count: Count) -> str:
    """A row a fault that happened, one for those that came together, one for all, and below it what else was measured."""
    lines = [
        "| number | fault | times | accepted | lost | double | drift | recovered after, p50 | max |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, seconds in outcome.recoveries.items():
        if not seconds and not count.accepted[name]:
            continue
        number = "F26" if name == TOGETHER else FAULTS[name].number
        counts = f"{count.accepted[name]:,} | {count.lost[name]} | {count.double[name]}"
        lines.append(f"| {number} | {name} | {len(seconds)} | {counts} | |{_recovered(seconds)}")
    times = [seconds for of_fault in outcome.recoveries.values() for seconds in of_fault]
    totals = f"{count.accepted.total():,} | {count.lost.total()} | {count.double.total()} | {sum(count.drift.values())}"
    lines.append(f"| | all | {len(times)} | {totals} |{_recovered(times)}")
    return "\n".join([*lines, "", *_notes(plan, outcome, count)])


def _recovered(seconds: list[float]) -> str:
    return f" {median(seconds):.1f} s | {max(seconds):.1f} s |" if seconds else " | |"


def _notes(plan: Plan, outcome: Outcome, count: Count) -> list[str]:
    tally = outcome.tally
    pulses = sorted(outcome.reading.pulses_ms) or [0.0]
    violations = [*tally.violations[:NOTES_SHOWN], *outcome.reading.violations[:NOTES_SHOWN], *count.violations]
    return [
        f"Seed {plan.seed}. {outcome.faults.total()} faults, {outcome.kills} of them kills with -9, in {outcome.load_seconds:.0f} s of load; "
        f"{count.accepted.total() / max(outcome.load_seconds, 1):.0f} events/s accepted of {plan.rate:.0f} wanted. "
        f"Stored {count.stored:,}; {count.duplicates_dropped:,} duplicates dropped by the worker; {count.imports}.",
        f"Answers to writers: {_answers(tally.answers)}. Slowest refusal: {tally.slowest_refusal_seconds:.2f} s; slower than 1.5 s: "
        f"{dict(tally.slow_refusals) or 'none'}. Answers to readers: {_answers(outcome.reading.answers)}.",
        f"/healthz while nothing was done to the API: p50 {median(pulses):.0f} ms, p99 {pulses[int(len(pulses) * 0.99)]:.0f} ms, "
        f"longest {pulses[-1]:.0f} ms. Load average of the machine, {os.cpu_count()} cores: {os.getloadavg()[1]:.1f}.",
        "Recovered: a new event accepted and in its table, counted from when the fault was taken away.",
        *(f"Note: {note}." for note in [*count.notes, *outcome.notes[-NOTES_SHOWN:]]),
        *(f"VIOLATION {violation}" for violation in violations),
    ]


def _answers(answers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(answers.items()))
