"""The things that deploy/monitoring asks for: its alerts, the dashboard's panels, every expression of both and the metrics that they name."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent.parent
FOLDER = ROOT / "deploy" / "monitoring"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
RULE_TESTS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana" / "dashboards" / "tracker.json").read_text(encoding="utf-8"))
# Grafana puts four scrapes in its place.
RATE_INTERVAL = "1m"

_METRIC = re.compile(r"\b(?:tracker|flower|process|python)_[a-z_]+\b")


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Those of the dashboard that show something, so without its headings."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def dashboard_expressions() -> dict[str, str]:
    """{"panel, query": PromQL}."""
    return {
        f"{panel['title']}, {target['refId']}": target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        for panel in panels()
        for target in panel["targets"]
    }


def alert_expressions() -> dict[str, str]:
    """{alert: PromQL}."""
    return {rule["alert"]: rule["expr"] for rule in alerts()}


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in it."""
    return set(_METRIC.findall(re.sub(r'"[^"]*"', "", expression)))


def metrics_named() -> set[str]:
    """All that are asked for."""
    expressions = [*dashboard_expressions().values(), *alert_expressions().values()]
    return set().union(*map(metrics_in, expressions))
