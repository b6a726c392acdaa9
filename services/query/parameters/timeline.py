"""A session's timeline and its turns: parameters and answers."""

from typing import Annotated, Literal

from pydantic import Field

from services.query.parameters.fields import Absent, Paged, Parameters, Text, Zone


class TimelineParameters(Paged):
    order: Literal["asc", "desc"] = Field(
        "asc", description="`asc`: from the session's beginning. `desc`: from its end. Items without a date are the earliest."
    )
    around: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=300,
            description="The `id` of an item, or of a file change below a call: it is in the middle of the page, and both cursors lead on from "
            "there. With a `cursor` it has no effect.",
            examples=["018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"],
        ),
    ] = None
    agent_id: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=200, description="A subagent's own timeline, in place of the session's.", examples=["a1b2c3"]),
    ] = None
    threads: Literal["one", "all"] = Field(
        "one", description="`all`: what the session and all of its subagents did, in one order; each item has its `agent_id`."
    )
    include_thinking: bool = Field(False, description="With Claude's thinking, where it was kept.")

    def filters(self) -> dict[str, object]:
        """The filters that a cursor is bound to. A page around an item leads on to pages without `around`."""
        return {name: value for name, value in super().filters().items() if name != "around"}


class TurnParameters(Paged):
    limit: int = Field(50, ge=1, le=200, description="Most turns on a page.")


class OutcomeParameters(Parameters):
    tz: Zone = None
