"""Transcripts: parameters and answers."""

from datetime import datetime
from typing import Annotated

from services.query.answers.answer import Answer
from services.query.answers.fields import doc


class TranscriptFile(Answer):
    file: Annotated[str, doc("`<session>.jsonl`, or a path below the session's folder.", examples=["subagents/agent-a1b2c3.jsonl"])]
    machine: Annotated[str, doc("The id of the machine that it was captured on; empty if it was imported.")]
    generation: Annotated[int, doc("Grows when a file is rewritten on its machine.")]
    user: str | None
    bytes: Annotated[int, doc("Length of the stored content, without its secrets.")]
    changed_at: Annotated[datetime, doc("When its content last arrived.")]
    is_newest: Annotated[bool, doc("Whether this is the version that `…/transcript` gives if it is asked for the file alone.")]


class TranscriptFiles(Answer):
    items: list[TranscriptFile]
