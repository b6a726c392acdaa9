"""Which subagent a call started."""

import re
from typing import Any

import msgspec
from msgspec import Raw

from services.worker.importers.formats.transcript.transcript_rows import Block, Row, ToolResult

MAX_AGENT_ID = 200
# Others, such as SendMessage, name agents that were there before. Task is the old name of Agent; a skill may run as an agent.
STARTING_TOOLS = frozenset({"Agent", "Task", "Skill"})
# The words that Claude is told behind the agent's report.
_TOLD = re.compile(r"agentId: ([A-Za-z0-9_-]{6,64})\b")

_blocks = msgspec.json.Decoder(list[Raw])


def started_agent(tool_name: str, block: Block, row: Row) -> str | None:
    """The `agent_id` of the subagent, from the structured result, else from what Claude is told, as subagents' files have it."""
    if isinstance(row.tool_use_result, ToolResult):
        return started_agent_of(tool_name, row.tool_use_result)
    return _told_agent(block.content) if tool_name in STARTING_TOOLS else None


def started_agent_of(tool_name: str, result: ToolResult | None) -> str | None:
    """The same, from the structured result alone."""
    return result.agent_id[:MAX_AGENT_ID] if tool_name in STARTING_TOOLS and result is not None and result.agent_id else None


def _told_agent(content: Raw) -> str | None:
    """It stands at the beginning of a block of its own, the last."""
    try:
        blocks = _blocks.decode(content)
        last: Any = msgspec.json.decode(blocks[-1]) if len(blocks) > 1 else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    text = last.get("text") if isinstance(last, dict) else None
    found = _TOLD.match(text) if isinstance(text, str) else None
    return found[1] if found else None
