"""`python -m tests.integration.many_cases --cases 20000`: Schemathesis, all checks, until so many cases were sent; then the totals.

Against a stack of its own, with API keys if `--keys` is given, or against `--url` with `--key`. Rounds with seeds from `--seed` on; each finds other cases.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from tests.faults.product.stack import Stack

REPOSITORY: Final = Path(__file__).parents[2]
# A list of keys leads to their ids, and the one that is used would be revoked. The live feed does not end.
NOT_ASKED_FOR: Final = ("revoke_key", "watch_live")


def main() -> int:
    arguments = _arguments()
    cases = 0
    failures: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="tracker-cases-") as folder, _served(arguments, Path(folder)) as (url, key):
        seed = arguments.seed
        while cases < arguments.cases:
            report = _round(url, key, seed, arguments.examples, Path(folder))
            cases += report["test_cases"]["generated"]
            for found in (*report["failures"], *report["errors"]):
                failures[f"{found.get('code', 'error')} {found.get('title', '')}".strip()] += found.get("count", 1)
            print(f"seed {seed}: {cases:,} cases so far, {failures.total()} failures", flush=True)
            seed += 1
    print(f"\nCases: {cases:,}")
    print("Failures by check: " + ("; ".join(f"{check}: {number}" for check, number in failures.most_common()) or "none"))
    return int(bool(failures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.many_cases", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="at least so many in all")
    parser.add_argument("--examples", type=int, default=50, help="of each operation in a round")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--keys", action="store_true", help="with TRACKER_ACCESS=keys and an admin's key")
    parser.add_argument("--url", help="of a stack that is running and may be filled with nonsense")
    parser.add_argument(
        "--key", default=os.environ.get("TRACKER_TOKEN"), help="an API key for --url, if it asks for one; or $TRACKER_TOKEN"
    )
    return parser.parse_args()


@contextmanager
def _served(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str | None]]:
    """The URL of a running stack, and the key that it asks for."""
    if arguments.url:
        yield arguments.url, arguments.key
        return
    stack = Stack(folder)
    stack.start()
    try:
        key = None
        if arguments.keys:
            made = httpx.post(f"{stack.url}/api/keys", json={"name": "cases", "scopes": ["admin"]}, timeout=30, trust_env=False)
            key = str(made.raise_for_status().json()["key"])
            stack.stop()
            os.environ["TRACKER_ACCESS"] = "keys"
            stack.start()
        yield stack.url, key
    finally:
        stack.stop()


def _round(url: str, key: str | None, seed: int, examples: int, folder: Path) -> dict[str, Any]:
    """Schemathesis' report of one run, which prints what it finds."""
    report = folder / f"{seed}.json"
    command = [
        str(Path(sys.executable).with_name("st")),
        "--config-file",
        str(REPOSITORY / "schemathesis.toml"),
        "run",
        f"{url}/openapi.json",
    ]
    options = ["--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none", "--no-color", "--continue-on-failure"]
    options += ["--report", "json", "--report-json-path", str(report)]
    for operation in NOT_ASKED_FOR if key else ():
        options += ["--exclude-operation-id", operation]
    options += ["--header", f"Authorization:Bearer {key}"] if key else []
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-20_000:], done.stderr[-2_000:])
    if not report.exists():
        raise SystemExit(f"Schemathesis did not run: {done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
