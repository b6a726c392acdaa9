"""Exports of everything: how far one is, and its archive."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.query.answers.answer import Answer
from services.query.answers.fields import doc


class Export(Answer):
    export_id: UUID
    status: Annotated[
        Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"],
        doc("`expired`: it was written, and its time is over or it was deleted."),
    ]
    progress: Annotated[float, Field(ge=0, le=1)]
    selection: Annotated[dict[str, Any], doc("`user` or `project_id`; empty: everything.", examples=[{"user": "ann"}])]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    snapshot_at: Annotated[datetime | None, doc("When the rows were as they are in it: what came later is not. Null before it begins.")]
    sessions_done: Annotated[int, doc("Sessions whose transcripts are written; these come last.")]
    sessions_total: int
    rows_done: int
    bytes_done: Annotated[int, doc("Unpacked.")]
    counts: Annotated[dict[str, int], doc("Rows by table, once it is written.", examples=[{"messages": 5152}])]
    bytes: Annotated[int | None, doc("Size of the archive; null until it is written.")]
    sha256: Annotated[str | None, doc("SHA-256 of the archive.")]
    expires_at: Annotated[datetime | None, doc("From then on the archive is gone (`TRACKER_EXPORT_DAYS`).")]
    errors: Annotated[list[dict[str, Any]], doc("Why it failed.")]


class Exports(Answer):
    items: Annotated[list[Export], doc("The newest hundred.")]
