"""Events of every kind, stored by a worker."""

from pathlib import Path

from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources
from shared.journal.streams import PAYLOAD_FIELD, stream_key

SAMPLES = Path(__file__).parents[3] / "unit" / "shared" / "journal_samples"


def arrive(worker: Resources) -> None:
    """Stores them, as the journal has them."""
    for file in SAMPLES.glob("*.jsonl"):
        for entry in file.read_bytes().splitlines():
            worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: entry})
    drain(worker)
