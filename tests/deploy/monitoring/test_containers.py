"""The profile `monitoring`: loopback only, pinned, read-only, with a password, and without telemetry."""

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.monitoring.sources import FOLDER, ROOT

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))["services"]


def test_monitoring_is_an_optional_profile_of_the_compose_file() -> None:
    assert "deploy/monitoring/compose.yml" in yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["include"]
    assert {name: service["profiles"] for name, service in SERVICES.items()} == {"prometheus": ["monitoring"], "grafana": ["monitoring"]}


@pytest.mark.parametrize("name", SERVICES)
def test_monitoring_containers_are_unprivileged_limited_and_pinned(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    # It may write its own volume alone.
    assert [volume for volume in service["volumes"] if not volume.endswith(":ro")] == [f"{name}:{writable(name)}"]


def writable(name: str) -> str:
    return {"prometheus": "/prometheus", "grafana": "/var/lib/grafana"}[name]


def test_only_prometheus_reaches_the_services() -> None:
    assert SERVICES["prometheus"]["networks"] == ["api", "monitoring"]
    assert SERVICES["grafana"]["networks"] == ["monitoring"]


def test_grafana_refuses_to_start_without_a_password() -> None:
    command = [word.replace("$$", "$") for word in SERVICES["grafana"]["entrypoint"]]
    ended = subprocess.run(
        command, env={"PATH": os.environ["PATH"], "GF_SECURITY_ADMIN_PASSWORD": ""}, capture_output=True, text=True, check=False, timeout=20
    )
    assert ended.returncode == 1
    assert "set TRACKER_GRAFANA_PASSWORD" in ended.stderr


def test_grafana_has_no_anonymous_access_and_no_telemetry() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "${TRACKER_GRAFANA_PASSWORD:-}"
    off = {name for name, value in environment.items() if value == "false"}
    assert {"GF_AUTH_ANONYMOUS_ENABLED", "GF_USERS_ALLOW_SIGN_UP", "GF_ANALYTICS_REPORTING_ENABLED", "GF_NEWS_NEWS_FEED_ENABLED"} <= off
    assert {"GF_ANALYTICS_CHECK_FOR_UPDATES", "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "GF_SNAPSHOTS_EXTERNAL_ENABLED"} <= off
    assert (environment["GF_PLUGINS_PREINSTALL_DISABLED"], environment["GF_SECURITY_DISABLE_GRAVATAR"]) == ("true", "true")


def test_prometheus_scrape_configuration_follows_the_access_setting() -> None:
    volumes = SERVICES["prometheus"]["volumes"]
    assert "./scrape/${TRACKER_ACCESS:-open}.yml:/etc/prometheus/scrape.yml:ro" in volumes
    assert "${TRACKER_METRICS_KEY_FILE:-/dev/null}:/run/secrets/metrics-key:ro" in volumes
