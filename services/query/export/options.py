"""The options of an export."""

from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

Tools = Literal["none", "lines", "full"]


class Options(Struct, frozen=True):
    """`tools`: tool calls left out, a line for each, or with input, diff and output. Thinking is left out before, if it is not asked for."""

    tools: Tools
    zone: ZoneInfo
