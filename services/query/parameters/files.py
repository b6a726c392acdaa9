"""Files and their history: parameters and answers."""

from typing import Annotated, Literal

from pydantic import Field

from services.query.parameters.fields import (
    Absent,
    Dated,
    Filtered,
    Text,
)


class FileList(Dated, Filtered):
    path: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=4096, description="Only this file. With `*` at its end: every path with this prefix."),
    ] = None
    contains: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=400, description="Only paths with this text, whatever its case.", examples=["timer"]),
    ] = None
    sort: Literal["changes", "lines_changed", "sessions", "last_change"] = Field(
        "changes", description="Sort key. An unknown date sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class FileHistoryList(Dated, Filtered):
    path: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=4096,
            description="The file. With `*` at its end: every path with this prefix. With `project_id` it may be relative to the project.",
            examples=["/home/ann/claude-tracker/src/timer.ts"],
        ),
    ]
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None
