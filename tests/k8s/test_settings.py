"""Each service has the settings it reads, under known names, and only its own secrets."""

import re

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from services.worker.settings import Settings as WorkerSettings
from tests.k8s.manifests import ROOT, environment, every_container, of_kind, pod, pods

SETTINGS_PAGE = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
# Which of the database's roles a node is: the Secret's key that it has.
ROLES = {
    "ingest": "ingest",
    "query": "query",
    "worker-drain": "worker",
    "worker-import": "worker",
    # It looks, and cannot write.
    "beat": "query",
    "migrate": "owner",
    "console": "ingest",
}


def test_every_variable_is_a_documented_setting(overlay: str) -> None:
    known = set(re.findall(r"^\| `(TRACKER_\w+)`", SETTINGS_PAGE, re.MULTILINE))
    for each, container in every_container(overlay):
        names = {name for name in environment(container, overlay) if name.startswith("TRACKER_")}
        assert names <= known, each


def test_settings_parse_with_the_services_own_classes(overlay: str) -> None:
    for name, settings in {"ingest": IngestSettings, "query": QuerySettings, "worker-drain": WorkerSettings}.items():
        container = pod(overlay, name).spec["containers"][0]
        said = {
            key.removeprefix("TRACKER_").lower(): value
            for key, value in environment(container, overlay).items()
            if key.startswith("TRACKER_") and not value.startswith("{")
        }
        settings(**{key: value for key, value in said.items() if key in settings.model_fields})  # type: ignore[arg-type]


def test_requests_from_outside_need_a_key(overlay: str) -> None:
    for name in ("ingest", "query"):
        assert environment(pod(overlay, name).spec["containers"][0], overlay)["TRACKER_ACCESS"] == "keys"


def test_shared_settings_are_stated_once(overlay: str) -> None:
    configs = [each for each in of_kind(overlay, "ConfigMap") if "TRACKER_JOURNAL_PARTITIONS" in each["data"]]
    assert len(configs) == 1
    for name in ("ingest", "query", "worker-drain", "worker-import", "beat"):
        sources = pod(overlay, name).spec["containers"][0]["envFrom"]
        assert sources[0] == {"configMapRef": {"name": configs[0]["metadata"]["name"]}}, name


def test_changed_settings_restart_their_readers(overlay: str) -> None:
    """By names that are made of the content."""
    for config in of_kind(overlay, "ConfigMap", "Secret"):
        assert re.search(r"-[a-z0-9]{10}$", config["metadata"]["name"])


def test_each_service_uses_its_own_database_role(overlay: str) -> None:
    for each in pods(overlay):
        url = environment(each.spec["containers"][0], overlay).get("TRACKER_DATABASE_URL", "")
        wanted = ROLES.get(each.name)
        assert (f"'database-url-{wanted}'" in url) if wanted else not url, each


def test_each_secret_goes_only_to_services_that_need_it(overlay: str) -> None:
    """The gateway, which others reach, has none; Flower does not know the database."""
    keys = {each.name: set(re.findall(r"'key': '([\w-]+)'", str(each.spec))) for each in pods(overlay)}
    assert keys["gateway"] == set()
    assert keys["beat"] == {"database-url-query", "redis-url", "broker-url"}
    assert keys["flower"] == {"redis-url", "broker-url", "flower-login"}
    assert [name for name, held in keys.items() if "database-url-owner" in held] == ["migrate"]
