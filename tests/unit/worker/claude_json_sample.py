"""A claude.json's session, and a file with a secret in each place where one is known to occur."""

from typing import Any

SESSION = {
    "lastSessionId": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a",
    "lastCost": 14.5,
    "lastDuration": 92_520_000,
    "lastAPIDuration": 45_210,
    "lastToolDuration": 2_010,
    "lastLinesAdded": 350,
    "lastLinesRemoved": 115,
    "lastTotalInputTokens": 120,
    "lastTotalOutputTokens": 960,
    "lastTotalCacheCreationInputTokens": 200,
    "lastTotalCacheReadInputTokens": 3840,
    "lastModelUsage": {"small": {"outputTokens": 3}, "large": {"outputTokens": 957}},
}
SECRET = "sk-canary-"


def canary_file() -> dict[str, Any]:
    """A claude.json with a different secret in each place where one is known to occur (FORMATS: secrets an importer must never store)."""
    places: dict[str, Any] = {
        "oauthAccount": {"emailAddress": SECRET + "01", "accountUuid": SECRET + "02"},
        "primaryApiKey": SECRET + "03",
        "customApiKeyResponses": {"approved": [SECRET + "04"], "rejected": [SECRET + "05"]},
        "apiKeyHelper": SECRET + "06",
        "env": {"TOKEN": SECRET + "07"},
        "mcpServers": {
            "a": {"env": {"T": SECRET + "08"}, "headers": {"Authorization": SECRET + "09"}, "args": [SECRET + "10"], "url": SECRET + "11"}
        },
        "userID": SECRET + "12",
        "machineID": SECRET + "13",
        "anonymousId": SECRET + "14",
        "passesEligibilityCache": {"org": {"referral_code_details": {"code": SECRET + "15"}}},
        "groveConfigCache": {SECRET + "16": 1},
        "githubRepoPaths": {SECRET + "17": ["/x"]},
        "bridgeOauthDeadExpiresAt": SECRET + "18",
    }
    project = SESSION | {
        "mcpServers": {"b": {"oauth": SECRET + "19", "url": "https://x/?key=" + SECRET + "20"}},
        "history": [{"display": "hello", "pastedContents": {"1": {"id": 1, "type": "text", "content": SECRET + "21"}}}],
        "lastSessionFirstPrompt": SECRET + "22",
        "env": {"X": SECRET + "23"},
    }
    return places | {"projects": {"/home/ann/app": project}}
