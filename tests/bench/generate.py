"""`python -m tests.bench.generate [--share 0.1] [--verify]`: makes a data set for the reads, or says that it is there."""

import argparse
import json

from tests.bench.data_sets import drift, prepared, say, sizes
from tests.bench.plan import LARGE


def main() -> int:
    """Prints rows and sizes; with --verify, 1 if an aggregate is not what its rows say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of 1,000,000 messages and 5,000,000 tool calls")
    parser.add_argument("--verify", action="store_true", help="compare every aggregate with the rows")
    options = parser.parse_args()
    server = prepared(options.seed, LARGE.part(options.share))
    try:
        print(json.dumps(sizes(server.url), indent=1))
        if not options.verify:
            return 0
        differences = drift(server)
        say(f"drift: {differences}")
        return 1 if any(differences.values()) else 0
    finally:
        server.stop()


if __name__ == "__main__":
    raise SystemExit(main())
