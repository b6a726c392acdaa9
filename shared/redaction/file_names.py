"""Names of transcripts without their secrets. Ingest and the scrub must make the same name, or a file that is still captured would begin anew."""

from typing import Final

from shared.redaction.redact import redact_given, redact_text

_ENDING: Final = ".jsonl"


def redacted_file_name(name: str, counts: dict[str, int] | None = None) -> str:
    """`a/b.jsonl` with each part redacted by itself, so that it stays a path with its ending; the same object if nothing is found."""
    stem = name.removesuffix(_ENDING)
    ending = name[len(stem) :]
    # A given text may have slashes.
    without_given = redact_given(stem, counts)
    redacted = "/".join(redact_text(part, counts) for part in without_given.split("/"))
    return name if redacted == stem else redacted + ending
