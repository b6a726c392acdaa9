"""The cost of redacting a megabyte, for worst-case texts and lines by kind, and for usual ones: `python -m tests.bench.redaction`.

Fails if one of them takes a second: that is not linear.

CPU time, the minimum of three, so that it means something on a busy machine.
"""

import sys
import time

from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from tests.adversarial_texts import BROKEN, KINDS, MEGABYTE, ONE_OF_EACH, broken_json, megabyte_of, worst_case_lines
from tests.bench.report import machine, milliseconds, table

ROUNDS = 3
# Only what is not linear takes so long. On a busy machine what takes 20 ms was seen to take 150 to 400.
LIMIT_MS = 1000
LINES = {
    "no secret": "def handler(request: Request) -> Response:  # tokens are counted elsewhere, see docs/usage.md\n",
    "a secret in 10 KB": ("x = compute(a, b)  # nothing to see here, go on\n" * 210) + "export DB_PASSWORD=Tr0ub4dor{:03}\n",
}


def cost_by_kind() -> dict[str, float]:
    """Milliseconds of CPU a megabyte, by what it is made of."""
    redact_text(ONE_OF_EACH)
    costs = {name: least_cost("".join(line.format(number) for number in range(MEGABYTE // len(line)))) for name, line in LINES.items()}
    costs |= {f"`{kind!r}`": least_cost(megabyte_of(kind)) for kind in KINDS}
    costs |= {f"lines of `{kind!r}`": least_cost_of_lines(worst_case_lines(kind, MEGABYTE // 3)) for kind in KINDS}
    # A fourth of a megabyte: each place could begin a value.
    return costs | {f"broken JSON, `{unit!r}`": least_cost_of_lines(broken_json(unit, MEGABYTE // 4)) for unit in BROKEN}


def least_cost(text: str) -> float:
    return min(cost(text) for _ in range(ROUNDS))


def cost(text: str) -> float:
    started = time.process_time()
    redact_text(text)
    return (time.process_time() - started) * 1000


def least_cost_of_lines(data: bytes) -> float:
    return min(cost_of_lines(data) for _ in range(ROUNDS))


def cost_of_lines(data: bytes) -> float:
    started = time.process_time()
    redact_lines(data, {})
    return (time.process_time() - started) * 1000


def main() -> None:
    """Prints a table, the slowest first. Exits with 1 beyond LIMIT_MS."""
    costs = sorted(cost_by_kind().items(), key=lambda kind_and_cost: -kind_and_cost[1])
    print(machine())
    print(table(["a megabyte of", "ms of CPU"], [[kind, milliseconds(each)] for kind, each in costs]))
    slowest, most = costs[0]
    if most >= LIMIT_MS:
        sys.exit(f"{slowest} takes more than {LIMIT_MS} ms")


if __name__ == "__main__":
    main()
