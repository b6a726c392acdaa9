"""Exports of a session: parameters."""

from typing import Annotated, Literal

from pydantic import Field

from services.query.parameters.fields import Absent, Parameters, Zone


class ExportParameters(Parameters):
    format: Literal["markdown", "digest"] = Field(
        "markdown",
        description="`digest`: a summary for a pull request, of at most 65,000 characters and without output of tools.",
    )
    tools: Annotated[
        Literal["none", "lines", "full"] | None,
        Absent(),
        Field(
            description="`lines`: a line for each tool call. `full`: with input, diff and output. `none`: no tool calls and file changes. "
            "Default: `lines`. For `markdown` alone."
        ),
    ] = None
    include_thinking: bool = Field(False, description="With Claude's thinking, where it was kept. Not in a digest.")
    tz: Zone = None
