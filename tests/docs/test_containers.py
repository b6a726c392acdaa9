"""What docker-compose.yml must say, whoever changes it: nothing open to others, no rights that are not needed, Flower with a login only."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent.parent / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "claude-code-tracker"]
NO_NEW_RIGHTS = "no-new-privileges:true"


def test_our_services_are_those_that_are_known() -> None:
    assert {"ingest", "query", "worker-drain", "worker-import", "beat", "flower", "migrate"} <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_rights_and_cannot_write_but_where_they_must(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert NO_NEW_RIGHTS in service["security_opt"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_gets_more_rights_than_he_began_with(name: str) -> None:
    assert NO_NEW_RIGHTS in SERVICES[name]["security_opt"]


def test_only_the_gateway_and_flower_are_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if service.get("ports")}
    assert published == {
        "gateway": ["${TRACKER_HOST:-127.0.0.1}:${TRACKER_PORT:-8000}:8000"],
        "flower": ["127.0.0.1:${TRACKER_FLOWER_PORT:-5555}:5555"],
    }
    assert not [name for name, service in SERVICES.items() if service.get("network_mode")]


@pytest.mark.parametrize("name", ["ingest", "query"])
def test_the_services_know_where_people_reach_them(name: str) -> None:
    """So they refuse to start when that is open to others and nobody is asked for a key."""
    environment = SERVICES[name]["environment"]
    assert environment["TRACKER_HOST"] == "${TRACKER_HOST:-127.0.0.1}"
    assert environment["TRACKER_ACCESS"] == "${TRACKER_ACCESS:-open}"
    assert environment["TRACKER_BEHIND_GATEWAY"] == "on"


@pytest.mark.parametrize("login", ["", "secret", ":secret", "name:"])
def test_flower_is_off_by_default_and_ends_with_a_sentence_without_a_login(login: str) -> None:
    flower = SERVICES["flower"]
    assert flower["profiles"] == ["flower"]
    command = [word.replace("$$", "$") for word in flower["command"]]
    ended = subprocess.run(command, env=os.environ | {"FLOWER_BASIC_AUTH": login}, capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == 1
    assert "set TRACKER_FLOWER_BASIC_AUTH=name:password" in ended.stderr
