"""Celery's `worker`, `beat` and `flower` with two additions: a pool's processes die with their worker, and a file says when it is ready.

`python -m deploy.embedded.servers.celery_command <ready file> services.worker.app worker …`
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from celery.bin.base import CLIContext
from celery.signals import beat_init, worker_ready

from deploy.embedded.supervision.processes import die_with_parent


def run(ready_file: Path, app: str, command: str, options: list[str]) -> None:
    """Becomes `celery -A <app> <command> <options>`."""

    def say_ready(**_: object) -> None:
        ready_file.touch()

    worker_ready.connect(say_ready, weak=False)
    beat_init.connect(say_ready, weak=False)
    # A killed parent cannot send Celery's own exit message.
    os.register_at_fork(after_in_child=lambda: die_with_parent(os.getppid()))
    if command in {"worker", "beat"}:
        # Not through `celery`, which would load Flower (8 MB) into each process.
        found = getattr(import_module(f"celery.bin.{command}"), command)
        found.main(options, prog_name=command, obj=CLIContext(import_module(app).app, no_color=True, workdir=None))
    sys.argv = ["celery", "-A", app, command, *options]
    import_module("celery.__main__").main()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
