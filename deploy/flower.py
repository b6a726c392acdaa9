"""`python -m deploy.flower`: Celery Flower behind the gateway, under /flower. It connects to the broker alone.

The login is in the environment: every process beside it can read a command line.
"""

import os
import re
import sys

from shared.broker import sender

PORT = 5555
URL_PREFIX = "flower"
# Flower keeps the name, times and arguments (ids) of each task.
MAX_TASKS = 2000
_LOGIN = re.compile(r"[^:,]+:[^,]+")


def main() -> None:
    """Serves until SIGTERM. Exits with a sentence without a login: Flower shows every task and can stop workers."""
    if not _LOGIN.fullmatch(os.environ.get("FLOWER_BASIC_AUTH", "")):
        sys.exit("Flower needs a login: set TRACKER_FLOWER_BASIC_AUTH=name:password and start it again.")
    # Like the workers: the broker's Redis if there is one, else the journal's.
    broker_url = os.environ.get("TRACKER_BROKER_URL") or os.environ.get("TRACKER_REDIS_URL") or "redis://localhost:6379/0"
    sender(broker_url).start(["flower", "--address=0.0.0.0", f"--port={PORT}", f"--url_prefix={URL_PREFIX}", f"--max_tasks={MAX_TASKS}"])


if __name__ == "__main__":
    main()
