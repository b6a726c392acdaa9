"""The result of a run as a table, in Markdown."""

import os
from statistics import median

from tests.faults.campaign import Outcome, Plan
from tests.faults.checks import Count


def table(plan: Plan, outcome: Outcome, count: Count) -> str:
    """A row a fault, one for all, and below it what else was measured."""
    drift = sum(count.drift.values())
    lines = [
        "| killed with -9 | times | accepted | lost | double | drift | recovered after, p50 | max |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, seconds in outcome.recoveries.items():
        lines.append(
            f"| {name} | {len(seconds)} | {count.accepted[name]} | {count.lost[name]} | {count.double[name]} | |{_recovered(seconds)}"
        )
    times = [seconds for of_fault in outcome.recoveries.values() for seconds in of_fault]
    totals = f"{count.accepted.total()} | {count.lost.total()} | {count.double.total()} | {drift}"
    lines.append(f"| all | {len(times)} | {totals} |{_recovered(times)}")
    return "\n".join([*lines, "", *_notes(plan, outcome, count)])


def _recovered(seconds: list[float]) -> str:
    return f" {median(seconds):.1f} s | {max(seconds):.1f} s |" if seconds else " | |"


def _notes(plan: Plan, outcome: Outcome, count: Count) -> list[str]:
    tally = outcome.tally
    answers = ", ".join(f"{name} {number}" for name, number in sorted(tally.answers.items()))
    pulses = sorted(outcome.pulses_ms) or [0.0]
    return [
        f"Seed {plan.seed}. {outcome.load_seconds:.0f} s of load, {count.accepted.total() / max(outcome.load_seconds, 1):.0f} events/s accepted "
        f"of {plan.rate:.0f} wanted. Stored {count.stored}; {count.duplicates_dropped} duplicates dropped by the worker.",
        f"Answers: {answers}. Slowest 503: {tally.slowest_refusal_seconds:.2f} s; slower than 1.5 s: {dict(tally.slow_refusals) or 'none'}.",
        f"/healthz while the API was not killed: p50 {median(pulses):.0f} ms, p99 {pulses[int(len(pulses) * 0.99)]:.0f} ms. "
        f"Load average of the machine, {os.cpu_count()} cores: {os.getloadavg()[1]:.1f}.",
        "Recovered: a new event accepted and in its table, counted from when the supervisor may start again what was killed.",
        *(f"VIOLATION {violation}" for violation in [*tally.violations[:20], *count.violations]),
    ]
