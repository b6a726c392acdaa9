"""What redaction costs a megabyte of text that is made to be slow, by kind, and of text that is not: `python -m tests.bench.redaction`.

CPU time, the least of three, so that it means something on a busy machine. With the paths of checkouts as arguments, each of them is measured
in turn on the same texts, so that they can be compared.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from shared.redaction.redact import redact_text
from tests.adversarial_texts import KINDS, MEGABYTE, ONE_OF_EACH, megabyte_of
from tests.bench.report import machine, milliseconds, table

ROUNDS = 3
LINES = {
    "no secret": "def handler(request: Request) -> Response:  # tokens are counted elsewhere, see docs/usage.md\n",
    "a secret in 10 KB": ("x = compute(a, b)  # nothing to see here, go on\n" * 210) + "export DB_PASSWORD=Tr0ub4dor{:03}\n",
}


def cost_by_kind() -> dict[str, float]:
    """Milliseconds of CPU a megabyte, by what it is made of."""
    redact_text(ONE_OF_EACH)
    costs = {name: least_cost("".join(line.format(number) for number in range(MEGABYTE // len(line)))) for name, line in LINES.items()}
    return costs | {f"`{kind!r}`": least_cost(megabyte_of(kind)) for kind in KINDS}


def least_cost(text: str) -> float:
    return min(cost(text) for _ in range(ROUNDS))


def cost(text: str) -> float:
    started = time.process_time()
    redact_text(text)
    return (time.process_time() - started) * 1000


def cost_of_checkout(path: str) -> dict[str, float]:
    """The same with the product of another checkout; texts and tests are of this one."""
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import shared.redaction.redact; sys.path[0] = sys.argv[2];"
        " from tests.bench.redaction import cost_by_kind; print(json.dumps(cost_by_kind()))"
    )
    here = Path(__file__).parents[2]
    paths = [sys.executable, "-P", "-c", code, path, str(here)]
    result: dict[str, float] = json.loads(subprocess.run(paths, stdout=subprocess.PIPE, check=True, cwd=os.sep).stdout)
    return result


def main() -> None:
    """Prints a table, the slowest first."""
    paths = sys.argv[1:]
    columns = [cost_of_checkout(path) for path in paths] if paths else [cost_by_kind()]
    rows = sorted(columns[-1], key=lambda kind: -columns[-1][kind])
    print(machine())
    print(
        table(
            ["a megabyte of, ms of CPU", *(paths or ["now"])],
            [[kind, *(milliseconds(each[kind]) for each in columns)] for kind in rows],
        )
    )


if __name__ == "__main__":
    main()
