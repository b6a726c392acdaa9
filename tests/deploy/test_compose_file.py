"""docker-compose.yml: nothing reachable by others, no unneeded rights or resources, and no secrets."""

import re

import pytest

from deploy.secrets_file import PASSWORDS, new_secrets
from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from services.worker.settings import Settings as WorkerSettings
from tests.deploy.compose_file import COMPOSE, ROOT, SERVICES, TEXT

IMAGES = {"gateway": "nginx:1.28", "postgres": "postgres:18", "redis": "redis:8"}
OURS = sorted(set(SERVICES) - set(IMAGES))


def test_the_compose_services_are_those_of_the_diagram() -> None:
    assert set(SERVICES) == {
        "gateway",
        "ingest",
        "query",
        "worker-drain",
        "worker-import",
        "beat",
        "flower",
        "migrate",
        "postgres",
        "redis",
    }
    assert {name: SERVICES[name]["image"] for name in IMAGES} == IMAGES


@pytest.mark.parametrize("name", OURS)
def test_each_service_builds_its_own_image_target(name: str) -> None:
    target = SERVICES[name]["build"]["target"]
    assert SERVICES[name]["image"] == f"claude-code-tracker-{target}:${{TRACKER_IMAGE_TAG:-latest}}"
    assert target == ("worker" if name in {"worker-drain", "worker-import", "beat"} else name)


@pytest.mark.parametrize("name", SERVICES)
def test_containers_are_unprivileged_and_read_only(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert all("size=" in place for place in service["tmpfs"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert not service.get("network_mode")
    # Ours have a user in their image (test_dockerfile.py).
    assert name in OURS or service["user"] not in {"root", "0", "0:0"}


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_resource_limits(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    # Docker refuses more than the machine has; `make env` writes TRACKER_CPUS=1 where there is one.
    assert limits["cpus"] == "${TRACKER_CPUS:-2}" or float(limits["cpus"]) <= 1
    assert limits["memory"]
    assert limits["pids"] <= 256
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert service["restart"] == {"migrate": "no", "flower": "on-failure:3"}.get(name, "unless-stopped")


def test_only_the_gateway_is_published_on_loopback() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if service.get("ports") and name in SERVICES}
    assert published == {"gateway": ["${TRACKER_HOST:-127.0.0.1}:${TRACKER_PORT:-8000}:8000"]}


def test_postgres_and_redis_are_on_an_internal_network_without_the_gateway() -> None:
    networks = COMPOSE["networks"]
    assert networks["data"]["internal"] is networks["api"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["data"]
    assert SERVICES["gateway"]["networks"] == ["front", "api"]
    assert [name for name in SERVICES if "front" in SERVICES[name]["networks"]] == ["gateway"]


def test_passwords_are_required_variables_and_none_is_in_the_file() -> None:
    asked = set(re.findall(r"\$\{(TRACKER_\w*PASSWORD):\?run `make env` first\}", TEXT))
    assert asked == set(PASSWORDS)
    for line in re.findall(r".*PASSWORD.*(?<!: \"\")$", TEXT, re.MULTILINE):
        assert line.count("PASSWORD") <= 2 * line.count(":?run `make env` first}"), f"a password with a default: {line}"
    assert "://tracker:tracker@" not in TEXT


def test_each_service_connects_with_its_own_role() -> None:
    for name, role in [
        ("ingest", "tracker_ingest"),
        ("query", "tracker_query"),
        ("worker-drain", "tracker_worker"),
        ("worker-import", "tracker_worker"),
        ("beat", "tracker_query"),
    ]:
        url = SERVICES[name]["environment"]["TRACKER_DATABASE_URL"]
        assert url.startswith(f"postgresql://{role}:$"), name
    assert "TRACKER_DATABASE_URL" not in SERVICES["flower"]["environment"]


@pytest.mark.parametrize("name", ["ingest", "query"])
def test_the_services_know_their_published_address(name: str) -> None:
    """So they refuse to start when that address is reachable and no key is needed."""
    environment = SERVICES[name]["environment"]
    assert environment["TRACKER_HOST"] == "${TRACKER_HOST:-127.0.0.1}"
    assert environment["TRACKER_ACCESS"] == "${TRACKER_ACCESS:-open}"
    assert environment["TRACKER_BEHIND_GATEWAY"] == "on"


@pytest.mark.parametrize(
    ("name", "settings"),
    [("ingest", IngestSettings), ("query", QuerySettings), ("worker-drain", WorkerSettings), ("worker-import", WorkerSettings)],
)
def test_every_setting_of_a_service_can_be_passed_to_its_container(name: str, settings: type[IngestSettings]) -> None:
    # The image says where the heartbeat is.
    wanted = {f"TRACKER_{field.upper()}" for field in settings.model_fields} - {"TRACKER_HEARTBEAT_FILE"}
    assert wanted <= set(SERVICES[name]["environment"])


def test_the_first_container_to_run_sees_every_name_of_the_settings_file() -> None:
    assert SERVICES["migrate"]["env_file"] == [{"path": "${COMPOSE_ENV_FILES:-.env}", "required": False}]
    for name in set(OURS) - {"migrate"}:
        assert "env_file" not in SERVICES[name]


def test_the_first_container_to_run_has_no_password_of_the_settings_file() -> None:
    written = re.findall(r"^(\w+)=", new_secrets(), re.MULTILINE)

    assert {SERVICES["migrate"]["environment"][name] for name in written if name != "TRACKER_CPUS"} == {""}


def test_durable_data_is_on_named_volumes() -> None:
    kept = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", []) if not volume.startswith("./")}
    assert kept == set(COMPOSE["volumes"]) == {"postgres", "redis", "blobs", "archive", "search"}
    assert not [
        volume
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./") and not volume.endswith(":ro")
    ]


def test_the_index_of_sessions_is_on_a_volume_that_no_other_service_has() -> None:
    folder = SERVICES["query"]["environment"]["TRACKER_SEARCH_FOLDER"]
    assert folder == str(QuerySettings.model_fields["search_folder"].default)
    assert [name for name in SERVICES if f"search:{folder}" in SERVICES[name].get("volumes", [])] == ["query"]
    # A new volume takes on the owner of the image's folder
    made = re.search(r"install -d -o tracker -g tracker -m 700 (.*)", (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8"))
    assert made and folder in made[1].split()


def test_every_service_waits_for_the_migrations() -> None:
    for name in set(OURS) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name
