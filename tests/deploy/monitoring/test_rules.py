"""Alerts: each names the next step and its document, and each was tested to fire and not to fire."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.monitoring.prometheus_server import write_configuration
from tests.deploy.monitoring.sources import FOLDER, ROOT, RULE_FILES, RULE_TESTS, alerts
from tests.skips import needs

NAMES = [rule["alert"] for rule in alerts()]
DOCUMENT = (ROOT / "docs" / "how-to" / "monitor.md").read_text(encoding="utf-8")


def promtool(*arguments: str | Path) -> None:
    ran = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def expectations() -> dict[str, set[bool]]:
    """{alert: whether a test has it firing, and whether one has it not}."""
    found: dict[str, set[bool]] = {}
    for file in RULE_TESTS:
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for asked in test["alert_rule_test"]:
                found.setdefault(asked["alertname"], set()).add(bool(asked.get("exp_alerts")))
    return found


def anchors(document: Path) -> set[str]:
    """The anchors of its headings, as a browser of repositories makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_alert_has_a_test_that_fires_and_one_that_does_not() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert expectations() == {name: {True, False} for name in NAMES}


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_each_alert_has_a_one_sentence_summary_and_a_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    summary = rule["annotations"]["summary"]
    assert summary.endswith(".")
    assert len(re.findall(r"[.!?](?: |$)", summary)) == 1
    document, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in anchors(ROOT / document)


def test_the_document_lists_exactly_the_alerts() -> None:
    rows = re.findall(r"^\| `(Tracker\w+)` \|", DOCUMENT, re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


@needs("promtool")
@pytest.mark.parametrize("tests", RULE_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_exactly_when_expected(tests: Path) -> None:
    promtool("test", "rules", tests)


@needs("promtool")
@pytest.mark.parametrize("access", ["open", "keys"])
def test_prometheus_accepts_the_configuration_and_the_rules(access: str, tmp_path: Path) -> None:
    promtool("check", "rules", *RULE_FILES)
    shutil.copytree(FOLDER / "rules", tmp_path / "rules")
    shutil.copy(FOLDER / "prometheus.yml", tmp_path)
    # The key is a file in the container; here it is another.
    key = tmp_path / "metrics-key"
    key.write_text("cct_of-this-test")
    scrapes = (FOLDER / "scrape" / f"{access}.yml").read_text(encoding="utf-8").replace("/run/secrets/metrics-key", str(key))
    (tmp_path / "scrape.yml").write_text(scrapes)
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_access_by_keys_scrapes_the_same_targets_with_a_key() -> None:
    """and only where one is needed: Flower would be shown it for nothing."""
    open_jobs, key_jobs = (
        yaml.safe_load((FOLDER / "scrape" / f"{access}.yml").read_text())["scrape_configs"] for access in ("open", "keys")
    )
    with_key = {job["job_name"]: job.pop("authorization", None) for job in key_jobs}
    assert key_jobs == open_jobs
    key = {"credentials_file": "/run/secrets/metrics-key"}
    assert with_key == {"ingest": key, "query": key, "flower": None}


def test_tests_use_the_shipped_prometheus_configuration(tmp_path: Path) -> None:
    """but for the addresses, and how often."""
    write_configuration(tmp_path, {"ingest": "a:1", "query": "b:2", "flower": "c:3"}, None)
    shipped, used = (yaml.safe_load((folder / "prometheus.yml").read_text()) for folder in (FOLDER, tmp_path))
    assert shipped | {"global": None} == used | {"global": None}
    jobs = yaml.safe_load((tmp_path / "scrape.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["ingest", "query", "flower"]
