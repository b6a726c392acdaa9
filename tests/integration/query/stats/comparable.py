"""Answers that differ only where estimates may."""

from typing import Any

import pytest


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
