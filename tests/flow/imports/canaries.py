"""Texts that are secret, in the files of Claude Code."""

from typing import Any
from uuid import uuid4


def canary() -> str:
    return "sk-canary-3f9d"


def claude_json(name: str) -> dict[str, Any]:
    project = {
        "lastSessionId": str(uuid4()),
        "lastCost": 1.25,
        "lastTotalInputTokens": 7,
        "history": [{"display": f"hello {name}", "pastedContents": {"1": {"content": canary()}}}],
        "mcpServers": {"x": {"env": {"TOKEN": canary()}}},
    }
    return {
        "numStartups": 3,
        "primaryApiKey": canary(),
        "oauthAccount": {"emailAddress": canary()},
        "projects": {f"/imported/{name}": project},
    }
