"""Signals: parameters."""

from typing import Annotated

from pydantic import Field

from services.query.parameters.fields import Absent, Paged, Text


class SignalList(Paged):
    name: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only those of this name.", examples=["api_error"])
    ] = None
