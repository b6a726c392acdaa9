"""Celery's command line with two additions: a pool's processes die with their worker, and a file says when it is ready.

`python -m deploy.embedded.servers.celery_command <ready file> -A services.worker.app worker …`
"""

import os
import sys
from pathlib import Path

from celery.__main__ import main
from celery.signals import beat_init, worker_ready

from deploy.embedded.supervision.processes import die_with_parent


def run(ready_file: Path, arguments: list[str]) -> None:
    """Becomes `celery <arguments>`."""

    def say_ready(**_: object) -> None:
        ready_file.touch()

    worker_ready.connect(say_ready, weak=False)
    beat_init.connect(say_ready, weak=False)
    # Celery's own way, an exit message from the parent, is not sent by a parent that was killed.
    os.register_at_fork(after_in_child=lambda: die_with_parent(os.getppid()))
    sys.argv = ["celery", *arguments]
    main()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
