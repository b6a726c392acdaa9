"""Bodies of events, and what they decode to."""

import json
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MESSAGE = {"session_id": "s", "content": "hello", "role": "user"}
CALL = {"tool_name": "Bash", "result_status": "success"}


def body(fields: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(fields | more).encode()
