"""Transcripts: parameters and answers."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.query.schemas.fields import MAX_BIGINT, Absent, Text


class TranscriptParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=1000,
            description="A file of the session as `…/transcript/files` names it, for example a subagent's. Without it: the session's own.",
            examples=["subagents/agent-a1b2c3.jsonl"],
        ),
    ] = None
    machine: Annotated[
        Text | None,
        Absent(),
        Field(max_length=64, description="The version of this machine; empty: an imported one. Without it: the newest of all."),
    ] = None
    generation: Annotated[
        int | None, Absent(), Field(ge=0, le=MAX_BIGINT, description="This generation. Without it: the newest that fits.")
    ] = None


class TranscriptFile(BaseModel):
    file: str = Field(description="`<session>.jsonl`, or a path below the session's folder.", examples=["subagents/agent-a1b2c3.jsonl"])
    machine: str = Field(description="The id of the machine that it was captured on; empty if it was imported.")
    generation: int = Field(description="Grows when a file is rewritten on its machine.")
    user: str | None
    bytes: int = Field(description="Length of the stored content, without its secrets.")
    changed_at: datetime = Field(description="When its content last arrived.")
    is_newest: bool = Field(description="Whether this is the version that `…/transcript` gives if it is asked for the file alone.")


class TranscriptFiles(BaseModel):
    items: list[TranscriptFile]
