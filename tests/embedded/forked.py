"""A module that test_forks.py runs in a fork: `python -m tests.embedded.forked <file> <how it ends>` writes down what it finds about itself."""

import json
import os
import signal
import sys
from pathlib import Path


def open_files() -> list[int]:
    """Its descriptors, apart from that of the folder that is read for them."""
    return sorted(int(link.name) for link in Path("/proc/self/fd").iterdir() if link.exists())


if __name__ == "__main__":
    print("It runs.")
    found = {
        "environment": dict(os.environ),
        "arguments": sys.argv[1:],
        "folder": os.getcwd(),
        "files": open_files(),
        "leads_its_session": os.getsid(0) == os.getpid(),
        "name": Path("/proc/self/comm").read_text().strip(),
        "caught_signals": [int(number) for number in signal.valid_signals() if callable(signal.getsignal(number))],
        "blocked_signals": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    }
    draft = Path(f"{sys.argv[1]}.new")
    draft.write_text(json.dumps(found))
    draft.rename(sys.argv[1])
    match sys.argv[2]:
        case "code":
            sys.exit(3)
        case "sentence":
            sys.exit("Something has to be corrected.")
        case "error":
            raise ValueError("a bug")
        case "stay":
            signal.pause()
