"""Import jobs, scrubs, dead letters, keys and the service itself: parameters and answers."""

from typing import Annotated, Literal

from pydantic import Field

from services.query.parameters.fields import Absent, Paged, Text


class DeadLetterParameters(Paged):
    kind: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only dead letters of this kind.", examples=["conversation"])
    ] = None
    reason: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=500, description="Only dead letters with exactly this reason.")
    ] = None
    status: Literal["waiting", "stored"] = Field("waiting", description="`waiting`: not stored yet. `stored`: the event was stored later.")
