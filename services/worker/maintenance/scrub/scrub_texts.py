"""The texts that a scrub was given: read from its two halves, kept out while it runs and perhaps for good, forgotten before files are written anew."""

import time
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from services.worker.maintenance.scrub.scrub_stage import Options, Step
from services.worker.maintenance.staged_job import Done
from services.worker.resources import Resources
from shared.redaction import sealed_texts
from shared.redaction.given_texts import PlainTexts
from shared.redaction.kept_out import KNOWN_SECONDS, noted_change
from shared.redaction.sealed_texts import Given
from shared.redaction.text_fingerprints import fingerprints_of
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub_texts.sql")

OTHER_FORMS: Final = {
    "texts": "A text is replaced as it was written, and in the encodings that docs/how-to/scrub.md lists: not in another case, and not in numbers of JSON.",
}


class TextsOfScrub(NamedTuple):
    """The given texts, and the same to be searched for."""

    given: Given
    plain: PlainTexts


def texts_of(worker: Resources, scrub_id: UUID) -> TextsOfScrub | None:
    """The texts that a scrub was given; None if a half of it is gone."""
    with worker.transaction() as connection:
        row = connection.execute(_SQL.half, {"scrub_id": scrub_id}).fetchone()
    other: Any = worker.redis.get(row[1]) if row is not None else None
    if row is None or other is None:
        return None
    given = sealed_texts.joined(row[0], other)
    return TextsOfScrub(given, PlainTexts(given.texts, given.salt))


def keep_texts_out(step: Step) -> Done:
    """Has all services replace the texts in what comes in, and waits until they know of it."""
    options = step.options
    if not options.text_count:
        return Done(None)
    if step.after is None:
        texts = texts_of(step.worker, options.scrub_id)
        assert texts is not None, "the scrub has them, or it would have ended"
        found = [each for text in texts.given.texts for each in fingerprints_of(text, texts.given.salt)]
        parameters = {"scrub_id": options.scrub_id, "is_for_good": options.keep_out}
        step.connection.execute(_SQL.keep_out, parameters | {"fingerprints": [msgspec.msgpack.encode(each) for each in found]})
        noted_change(step.worker.redis)
        return Done(str(time.time() + KNOWN_SECONDS), waits=True)
    return Done(step.after, waits=True) if time.time() < float(step.after) else Done(None)


def forget_texts(step: Step) -> Done:
    """Deletes both halves, and what keeps the texts out if that was only meant for the scrub."""
    forget(step.worker, step.options)
    return Done(None)


def forget(worker: Resources, options: Options) -> None:
    """The same, for a scrub that ends."""
    if not options.text_count:
        return
    with worker.transaction() as connection:
        row = connection.execute(_SQL.half, {"scrub_id": options.scrub_id}).fetchone()
    if row is not None:
        worker.redis.delete(row[1])
    with worker.transaction() as connection:
        connection.execute(_SQL.forget, {"scrub_id": options.scrub_id})
    noted_change(worker.redis)
