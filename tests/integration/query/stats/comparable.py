"""Answers about numbers, which a filter must leave as if there were nothing else, and which differ only where estimates may."""

from typing import Any

import pytest

IN_AUTUMN = "start_date=2024-10-26&end_date=2024-11-03"
STATS = [
    *(f"/api/stats?{query}" for query in ("", "user=ada", "tz=America/New_York&interval=week", IN_AUTUMN)),
    "/api/stats?interval=hour&start_date=2024-03-30&end_date=2024-04-02&tz=Asia/Kathmandu",
    *(f"/api/tool-calls/stats?{query}" for query in ("", "tool_name=Bash", "user=bob&start_date=2024-10-26")),
    *(f"/api/usage?group_by={by}" for by in ("day", "model", "project", "user,month", "session", "branch,week", "project,user")),
    *(f"/api/usage?group_by={by}&{IN_AUTUMN}&tz=Europe/Berlin" for by in ("day", "user", "model,day")),
]


def approximate(value: Any) -> Any:
    """Percentiles of long ranges come from histograms, those of a machine from its calls."""
    if isinstance(value, dict):
        return {
            name: pytest.approx(each, rel=0.03, abs=0.6) if name[:1] == "p" and name[-3:] == "_ms" and each else approximate(each)
            for name, each in value.items()
        }
    return [approximate(each) for each in value] if isinstance(value, list) else value


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what is of all data, and with files of equally many touches in one order."""
    answer.pop("price_versions", None)
    answer.get("top_files", []).sort(key=lambda file: (-file["touches"], file["file_path"], file.get("project_id")))
    return answer
