"""Names of transcripts without their secrets. Ingest and the scrub must make the same name, or a file that is still captured would begin anew."""

from typing import Final

from shared.redaction.redact import redact_text

_ENDING: Final = ".jsonl"


def redacted_file_name(name: str, counts: dict[str, int] | None = None) -> str:
    """`a/b.jsonl` with each part redacted by itself, so that it stays a path with its ending; the same object if nothing is found."""
    stem = name.removesuffix(_ENDING)
    parts = stem.split("/")
    redacted = [redact_text(part, counts) for part in parts]
    return name if redacted == parts else "/".join(redacted) + name[len(stem) :]
