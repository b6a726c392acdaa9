"""Marks that people give a session. Ingest takes them, and the worker from exports of other trackers."""

from typing import Annotated, Final

from msgspec import Meta

from shared.events.messages import NO_CONTROL_CHARACTERS

MAX_TAGS: Final = 50
Tag = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Compared without regard to case.",
        extra_json_schema={"pattern": r"^[^\u0001-\u001f\u007f-\u009f]*[^\s\u0001-\u001f\u007f-\u009f][^\u0001-\u001f\u007f-\u009f]*$"},
    ),
]
Tags = Annotated[list[Tag], Meta(max_length=MAX_TAGS)]
Note = Annotated[str, Meta(max_length=65_536)]
Title = Annotated[str, Meta(max_length=300, extra_json_schema=NO_CONTROL_CHARACTERS)]
