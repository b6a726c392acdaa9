"""Transcripts: parameters and answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.query.parameters.fields import MAX_BIGINT, Absent, Text


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
