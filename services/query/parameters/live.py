"""The live feed: its filters, and one item of it."""

from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from services.query.parameters.fields import (
    Absent,
    Filtered,
    OptionalSession,
    OptionalTool,
)
from shared.feed import Kind

_KINDS = get_args(Kind)


def _are_kinds(text: str | None) -> str | None:
    unknown = [kind for kind in text.split(",") if kind not in _KINDS] if text is not None else []
    if unknown:
        raise ValueError(f"{unknown[0][:100]} is not a kind; there are {', '.join(_KINDS)}")
    return text


class LiveParameters(Filtered):
    session_id: OptionalSession = None
    tool_name: OptionalTool = None
    kind: Annotated[
        str | None,
        Absent(),
        AfterValidator(_are_kinds),
        Field(
            max_length=300, description=f"Only these kinds, separated by commas: {', '.join(_KINDS)}.", examples=["prompt,tool_finished"]
        ),
    ] = None
    last_event_id: Annotated[
        str | None,
        Absent(),
        Field(max_length=40, description="As the header `Last-Event-ID`, for clients that cannot set one. The header wins."),
    ] = None
