"""Erasures: answers of one and of their list. None of them names what was erased."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import JobFailure, NextCursor, doc


class Erasure(Answer):
    erasure_id: UUID
    kind: Annotated[Literal["session", "user", "project", "range"], doc("What was erased; its name or id is nowhere any more.")]
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: Annotated[bool, doc("True: it is counted and not erased.")]
    at_stage: Annotated[str, doc("The stage that it is at, by its name; `done` at the end.", examples=["rows"])]
    counts: Annotated[
        dict[str, int],
        doc("How much went, by store; with `dry_run`, how much would go.", examples=[{"sessions": 3, "rows": 1204, "transcript_files": 5}]),
    ]
    remains: Annotated[
        dict[str, str],
        doc(
            "What may still have it, by name, with what to do about it; complete when it has succeeded. Empty with `dry_run`.",
            examples=[{"backups": "Backups from before hold what they held. Make a new one, and delete those."}],
        ),
    ]
    failure: JobFailure
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ErasurePage(Answer):
    items: list[Erasure]
    next_cursor: NextCursor
