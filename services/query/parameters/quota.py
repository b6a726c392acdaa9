"""Quota: parameters."""

from typing import Annotated

from pydantic import Field

from services.query.parameters.fields import Absent, OptionalUser, Parameters, Text


class QuotaParameters(Parameters):
    user: OptionalUser = None
    account: Annotated[
        Text | None, Absent(), Field(pattern="^[0-9a-f]{16}$", description="Only this account, by its hash.", examples=["9f86d081884c7d65"])
    ] = None
    kind: Annotated[
        Text | None, Absent(), Field(pattern="^[a-z0-9_]{1,60}$", description="Only windows of this kind.", examples=["seven_day_opus"])
    ] = None
    need: Annotated[
        float | None,
        Absent(),
        Field(
            gt=0,
            le=100,
            description="How many percent must be left. If a window has less, the answer is a 429 whose `Retry-After` is the seconds until it resets. "
            "Windows that are over do not count, and those of one model only where `kind` names them. Without any reading the answer is 200.",
            examples=[10],
        ),
    ] = None
