"""The manifests run the images of deploy/Dockerfile and the gateway of docker-compose.yml."""

import json
import re

import yaml

from tests.k8s.manifests import ROOT, every_container, of_kind, pod, pods

OURS = "claude-code-tracker-"
OFFICIAL = {"nginx:1.28", "postgres:18", "redis:8"}


def test_images_are_our_build_targets_or_official(overlay: str) -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    for each, container in every_container(overlay):
        image = container["image"]
        if image in OFFICIAL:
            continue
        name = image.rpartition("/")[2].partition(":")[0]
        assert name.startswith(OURS), f"{each}: {image}"
        assert name.removeprefix(OURS) in targets, f"{each}: {image}"


def test_production_uses_one_numbered_release() -> None:
    tags = {container["image"].rpartition(":")[2] for _, container in every_container("production") if OURS in container["image"]}
    assert len(tags) == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", tags.pop())


def test_the_gateway_has_the_committed_configuration(overlay: str) -> None:
    (mount,) = [volume for volume in pod(overlay, "gateway").spec["volumes"] if volume["name"] == "conf"]
    (config,) = [each for each in of_kind(overlay, "ConfigMap") if each["metadata"]["name"] == mount["configMap"]["name"]]
    assert config["data"]["nginx.conf"] == (ROOT / "deploy/gateway/nginx.conf").read_text(encoding="utf-8")
    included = set(re.findall(r"include /etc/nginx/tracker/(\S+);", "".join(config["data"].values())))
    assert "keepalive.conf" in included
    assert {*included, "start.sh"} <= set(config["data"])


def test_each_service_runs_the_same_command_as_in_compose(overlay: str) -> None:
    """Said in docker-compose.yml, or by the image."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    by_image = {
        target: json.loads(found[1])
        for target, stage in re.findall(r"^FROM \S+ AS (\S+)$(.*?)(?=^FROM |\Z)", dockerfile, re.MULTILINE | re.DOTALL)
        if (found := re.search(r"^CMD (\[.*\])$", stage, re.MULTILINE))
    }
    for each in pods(overlay):
        if each.name not in services or each.name in ("postgres", "redis"):
            continue
        image = services[each.name]["image"].partition(":")[0].removeprefix(OURS)
        assert each.spec["containers"][0]["command"] == services[each.name].get("command", by_image.get(image)), each
