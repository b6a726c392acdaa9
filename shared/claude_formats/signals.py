"""Names of what Claude Code tells by OpenTelemetry, as signals have them: of log events and metrics without `claude_code.`, of spans likewise.

Ingest lists all that is kept (services/ingest/telemetry/kept_attributes.py). These are the ones that the worker and queries ask for.
"""

from typing import Final

TOOL_RESULT: Final = "tool_result"
TOOL_DECISION: Final = "tool_decision"
# The span of a call that waits for a permission.
WAIT: Final = "tool.blocked_on_user"
# They know of a call what its row is to have.
OF_CALLS: Final = frozenset({TOOL_RESULT, TOOL_DECISION})
