"""How tests start a worker, as arguments of Python."""

from typing import Final

# A worker of all queues.
WORKER_COMMAND: Final = [
    "-m",
    "celery",
    "-A",
    "services.worker.app",
    "worker",
    "-c",
    "1",
    "-Q",
    "drain,capture,import,maintenance",
    "--without-gossip",
    "--without-mingle",
]
BEAT_COMMAND: Final = ["-m", "celery", "-A", "services.worker.app", "beat", "--pidfile="]
