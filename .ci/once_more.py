"""`python .ci/once_more.py CACHE`: the tests that failed in the run of pytest with this cache_dir, once more and alone. Prints those that passed then.

Exit code 1 if one fails again, if more than three had failed, or if pytest itself did not get that far.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

MOST = 3
ALONE = (sys.executable, "-m", "pytest", "--last-failed", "--last-failed-no-failures=none", "-n", "0", "-p", "no:randomly")


def main(cache: Path) -> None:
    """SystemExit with what to do about it, or the names on stdout."""
    names = cache / "v/cache/lastfailed"
    if not names.exists():
        sys.exit("The tests ended before one of them failed; what is above says why.")
    failed = sorted(json.loads(names.read_text()))
    if not 0 < len(failed) <= MOST:
        sys.exit(f"{len(failed)} tests failed; up to {MOST} are tried once more.")
    # Without what was added for the whole run, as the file of its results.
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    if subprocess.run([*ALONE, "-o", f"cache_dir={cache}"], env=env, stdout=sys.stderr, check=False).returncode:
        sys.exit("What failed beside other tests failed alone too.")
    print("\n".join(failed))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
