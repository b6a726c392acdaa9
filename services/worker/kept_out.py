"""Which texts are kept out, as this worker process knows it: asked for before each piece of work that redacts, at most once a second."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from services.worker.resources import Resources
from shared.redaction.kept_out import CHANGED_KEY, FINGERPRINTS, KnownList

T = TypeVar("T")

_known: Final = KnownList()


def know_kept_out(worker: Resources) -> None:
    """Reads the list again if it has changed."""
    if not worker.settings.redact or not _known.is_due():
        return
    changed: Any = worker.redis.get(CHANGED_KEY)
    if _known.must_read(changed):
        with worker.transaction() as connection:
            _known.take([fingerprint for (fingerprint,) in connection.execute(FINGERPRINTS).fetchall()], changed)


def knowing_kept_out(worker: Resources, items: Iterable[T]) -> Iterator[T]:
    """The same items, each with the list as it is then."""
    for item in items:
        know_kept_out(worker)
        yield item
