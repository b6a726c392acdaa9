"""`make crowd`: 1,000 connections for five minutes before a stack of its own. Exit 1 if a quick write or read was refused."""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from tests.bench.report import machine
from tests.crowd.story import refused, report, tell
from tests.faults.product.stack import Stack


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--standstill-every", type=float, default=60, help="seconds between two stand-stills of the workers")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="tracker-crowd-") as folder:
        # Postgres and Redis run as another user when this is root.
        Path(folder).chmod(0o755)
        stack = Stack(Path(folder))
        try:
            stack.start()
            notes = tell(stack, connections=options.connections, seconds=options.seconds, standstill_every=options.standstill_every)
        finally:
            stack.stop()
    print(f"{options.connections} connections, {options.seconds:.0f} s, {machine()}\n\n{report(notes)}\n")
    if bad := refused(notes):
        print(f"Quick requests were refused: {bad}")
        return 1
    print("No quick request was refused.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
