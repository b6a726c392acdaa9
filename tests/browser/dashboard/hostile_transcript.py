"""A session whose every text tries to become markup."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

SESSION = "77777777-0000-4000-8000-000000000016"
AGENT = "a77777777"
ATTACK = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>'
MARKDOWN = f"""{ATTACK}

<svg onload="window.attacked=1"></svg> <iframe srcdoc="<script>parent.attacked=1</script>"></iframe> <style>main {{ display: none }}</style>
<a href="javascript:window.attacked=1">tag</a> [click](javascript:window.attacked=1) [data](data:text/html,<script>attacked=1</script>)
[case](JaVaScRiPt:window.attacked=1) [space]( java\tscript:attacked=1) <javascript:attacked=1> [named][n] ![picture](http://evil.test/x.png)
<div class="note is-problem" id="content" style="position:fixed;inset:0">fake</div> <form action="http://evil.test"><input name=key></form>

| {ATTACK} | b |
|---|---|
| <b onmouseover="attacked=1">x</b> | y |

```html
{ATTACK}</code></pre><img src=x onerror="window.attacked=1">
```

```"><img src=x onerror=attacked=1>
code
```

[n]: javascript:window.attacked=1
"""


def hostile_rows() -> list[dict[str, Any]]:
    """The lines of its transcript."""
    start = datetime.now(UTC) - timedelta(hours=3)
    rows: list[dict[str, Any]] = []

    def add(kind: str, **fields: Any) -> None:
        at = start + timedelta(seconds=10 * len(rows))
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        base = {
            "sessionId": SESSION,
            "cwd": f"/home/ann/{ATTACK.replace('/', '')}",
            "gitBranch": ATTACK,
            "version": ATTACK,
            "isSidechain": False,
        }
        rows.append(
            base | {"type": kind, "uuid": f"77777777-0000-4000-8000-{len(rows):012}", "parentUuid": None, "timestamp": stamp} | fields
        )

    def said(*content: dict[str, Any]) -> None:
        usage = {"input_tokens": 3, "output_tokens": 20}
        add(
            "assistant",
            message={
                "model": ATTACK,
                "id": f"msg_{len(rows)}",
                "type": "message",
                "role": "assistant",
                "content": list(content),
                "usage": usage,
            },
        )

    def called(name: str, parameters: dict[str, Any], result: str, *, failed: bool = False, **more: Any) -> None:
        call = f"toolu_h{len(rows)}"
        said({"type": "tool_use", "id": call, "name": name, "input": parameters})
        back = {"type": "tool_result", "tool_use_id": call, "content": result, "is_error": failed}
        add("user", message={"role": "user", "content": [back]}, **more)

    add("user", message={"role": "user", "content": MARKDOWN})
    said({"type": "thinking", "thinking": MARKDOWN, "signature": "x"}, {"type": "text", "text": MARKDOWN})
    called("Bash", {"command": ATTACK, "description": ATTACK}, ATTACK, failed=True)
    called(f"mcp__evil__{ATTACK}", {ATTACK: ATTACK}, ATTACK)
    path = f"/home/ann/{ATTACK}"
    hunk = {"oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": 1, "lines": [f"-{ATTACK}", f"+{ATTACK}"]}
    edit = {"file_path": path, "old_string": ATTACK, "new_string": ATTACK + " "}
    called("Edit", edit, ATTACK, toolUseResult={"filePath": path, "structuredPatch": [hunk]})
    add("system", subtype="compact_boundary", content=ATTACK, compactMetadata={"trigger": ATTACK, "preTokens": 5})
    add("user", message={"role": "user", "content": MARKDOWN}, isCompactSummary=True)
    add("user", message={"role": "user", "content": f"<command-name>/{ATTACK}</command-name><command-args>{ATTACK}</command-args>"})
    add("user", message={"role": "user", "content": f"<local-command-stdout>{ATTACK}</local-command-stdout>"})
    return rows


def hostile_transcript() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in hostile_rows())
