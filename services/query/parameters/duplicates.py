"""Why a row was left out: its id in a path, and what else its key has."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.query.parameters.fields import Absent, Parameters, Text

RowName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="A row's id as the lists show it; or as a transcript has it: `msg_…` of an answer, `toolu_…` of a tool call, `uuid` of a record.",
        examples=["toolu_01A2b3C4"],
    ),
]


class DuplicatesParameters(Parameters):
    request_id: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=200, description="`requestId` of the answer. With it `msg_…` also finds the API call."),
    ] = None
