"""The contract, from outside: the documented calls, and requests that the API's description allows or forbids."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from deploy.containers import compose
from tests.compose.stack import Composed
from tests.flow.documents.document_commands import check_commands, commands_of

REFERENCE = "docs/reference/api.md"
EXAMPLES, CASES = "3", "300"


def documented_calls(stack: Composed, folder: Path) -> str:
    """Every call of the reference of the API, at the gateway."""
    check_commands(REFERENCE, f"127.0.0.1:{stack.port}", folder, dict(os.environ))
    return f"{len(commands_of(REFERENCE))} calls answered as it says"


def contract(stack: Composed) -> str:
    """Schemathesis with all of its checks."""
    command = [sys.executable, "-m", "tests.integration.many_cases", "--url", stack.url, "--cases", CASES, "--examples", EXAMPLES]
    done = subprocess.run(command, cwd=compose.REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    cases = re.findall(r"^Cases: (.*)$", done.stdout, re.MULTILINE)
    return f"{cases[0]} cases, no failure"


def gateway(stack: Composed) -> str:
    """The gateway's own part: names, too large bodies, streams, the id of a request, foreign names."""
    with httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as client:
        answer = client.get("/api/projects", headers={"X-Request-ID": "seen-outside"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "seen-outside"), answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "nginx/" not in answer.headers.get("server", "")
        large = client.post("/api/events", content=b" " * (17 * 1024 * 1024), headers={"Content-Type": "application/json"})
        assert (large.status_code, large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE"), large.text
        foreign = client.get("/api/projects", headers={"Host": "attacker.example"})
        assert foreign.status_code == 421, foreign.text
        cross = client.post("/api/sessions/start", json={}, headers={"Origin": "https://attacker.example"})
        assert cross.status_code == 403, cross.text
    return "request ids, security headers, 413, 421, 403 as described"
