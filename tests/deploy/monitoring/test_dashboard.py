"""The dashboard's file has what Grafana expects: a panel an id, no two on the same place, and one known source for all."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.deploy.monitoring.sources import DASHBOARD, FOLDER, panels

COLUMNS = 24


def test_every_panel_has_an_id_of_its_own() -> None:
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert [number for number, times in ids.items() if times > 1] == []
    titles = Counter(panel["title"] for panel in panels())
    assert [title for title, times in titles.items() if times > 1] == []


def test_no_panel_covers_another_or_leaves_the_page() -> None:
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
def test_a_panel_says_what_it_shows_in_which_unit_and_asks_the_provisioned_source(panel: dict[str, Any]) -> None:
    uid = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"][0]["uid"]
    assert panel["type"] in ("stat", "timeseries")
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": uid}
    assert [target["datasource"]["uid"] for target in panel["targets"]] == [uid] * len(panel["targets"])
    assert [target["refId"] for target in panel["targets"]] == list("ABCDE"[: len(panel["targets"])])
    # Several lines in one panel need names.
    assert len(panel["targets"]) == 1 or all(target.get("legendFormat") for target in panel["targets"])


def test_grafana_finds_the_file_and_nobody_changes_it_in_the_page() -> None:
    provider = yaml.safe_load((FOLDER / "grafana/provisioning/dashboards/tracker.yml").read_text(encoding="utf-8"))["providers"][0]
    compose = yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
    assert provider["allowUiUpdates"] is False
    # Grafana 12's and 13's classic model; 13 takes it as it is.
    assert (DASHBOARD["uid"], DASHBOARD["schemaVersion"]) == ("tracker", 42)
