"""The dashboard file is valid for Grafana: unique ids, no overlapping panels, and one known data source."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.deploy.monitoring.sources import DASHBOARD, FOLDER, panels

COLUMNS = 24


def test_panel_ids_and_titles_are_unique() -> None:
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert [number for number, times in ids.items() if times > 1] == []
    titles = Counter(panel["title"] for panel in panels())
    assert [title for title, times in titles.items() if times > 1] == []


def test_panels_neither_overlap_nor_leave_the_grid() -> None:
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS, panel["title"]
    covered = [
        (one["title"], other["title"]) for one, other in combinations(DASHBOARD["panels"], 2) if overlap(one["gridPos"], other["gridPos"])
    ]
    assert covered == []


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h")))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_each_panel_has_description_unit_and_the_provisioned_source(panel: dict[str, Any]) -> None:
    uid = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"][0]["uid"]
    assert panel["type"] in ("stat", "timeseries")
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": uid}
    assert [target["datasource"]["uid"] for target in panel["targets"]] == [uid] * len(panel["targets"])
    assert [target["refId"] for target in panel["targets"]] == list("ABCDE"[: len(panel["targets"])])
    # Several lines in one panel need names.
    assert len(panel["targets"]) == 1 or all(target.get("legendFormat") for target in panel["targets"])


def test_grafana_provisions_the_dashboard_read_only() -> None:
    provider = yaml.safe_load((FOLDER / "grafana/provisioning/dashboards/tracker.yml").read_text(encoding="utf-8"))["providers"][0]
    compose = yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
    assert provider["allowUiUpdates"] is False
    # Grafana 12's and 13's classic model; 13 takes it as it is.
    assert (DASHBOARD["uid"], DASHBOARD["schemaVersion"]) == ("tracker", 42)
