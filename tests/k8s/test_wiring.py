"""References between manifests are valid: names, labels, ports, paths, images."""

import json
from collections.abc import Iterator
from typing import Any

from services.query.settings import Settings as QuerySettings
from tests.k8s.manifests import NAME, ROOT, Manifest, Pod, every_container, matches, of_kind, pod, pods, rendered

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# nginx' own, beside the API's.
FLOWERS_PATH = "/flower/healthcheck"


def of_service(overlay: str, service: Manifest) -> list[Pod]:
    return [each for each in pods(overlay) if matches({"matchLabels": service["spec"]["selector"]}, each.labels)]


def test_every_pod_is_labelled_with_its_service_name(overlay: str) -> None:
    for each in pods(overlay):
        assert each.labels[NAME] == each.name == each.spec["containers"][0]["name"]
        selector = each.workload["spec"].get("selector")
        assert each.kind == "Job" or selector == {"matchLabels": {NAME: each.name}}


def test_every_service_targets_a_port_of_its_pods(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        (target,) = of_service(overlay, service)
        assert target.name == service["metadata"]["name"]
        ports = {port["name"]: port["containerPort"] for port in target.spec["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"], service["metadata"]["name"]


def test_pods_behind_a_service_have_readiness_probes(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        (target,) = of_service(overlay, service)
        assert {"startupProbe", "readinessProbe"} <= set(target.spec["containers"][0]), target


def test_probes_request_existing_paths(overlay: str) -> None:
    known = set(json.loads((ROOT / "shared/openapi.json").read_text(encoding="utf-8"))["paths"]) | {FLOWERS_PATH}
    asked = {probe["httpGet"]["path"] for _, container, probe in every_probe(overlay) if "httpGet" in probe}
    assert asked == {"/healthz", FLOWERS_PATH}
    assert asked <= known


def test_probes_use_named_ports_and_an_allowed_host(overlay: str) -> None:
    for each, container, probe in every_probe(overlay):
        if "httpGet" in probe:
            assert probe["httpGet"]["port"] in {port["name"] for port in container["ports"]}
            headers = {header["name"]: header["value"] for header in probe["httpGet"].get("httpHeaders", [])}
            assert each.name == "flower" or headers == {"Host": "localhost"}


def every_probe(overlay: str) -> Iterator[tuple[Pod, Manifest, Manifest]]:
    return ((each, container, container[probe]) for each, container in every_container(overlay) for probe in PROBES if probe in container)


def test_disruption_budgets_match_pods_and_permit_draining_nodes(overlay: str) -> None:
    budgets = {budget["metadata"]["name"]: budget["spec"] for budget in of_kind(overlay, "PodDisruptionBudget")}
    assert set(budgets) == {"gateway", "ingest", "query", "worker-drain"}
    for name, spec in budgets.items():
        assert [each.name for each in pods(overlay) if matches(spec["selector"], each.labels)] == [name]
        assert spec["maxUnavailable"] == 1


def test_referenced_config_maps_secrets_and_claims_exist(overlay: str) -> None:
    """The Secret `tracker` of production is its owner's."""
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered(overlay)}
    if overlay == "production":
        there.add(("Secret", "tracker"))
    assert set(named(rendered(overlay))) <= there


def named(node: Any) -> Iterator[tuple[str, str]]:
    """Every ConfigMap, Secret and claim that is named anywhere below."""
    kinds = {
        "configMapRef": "ConfigMap",
        "configMap": "ConfigMap",
        "configMapKeyRef": "ConfigMap",
        "secretKeyRef": "Secret",
        "secretRef": "Secret",
    }
    if isinstance(node, dict):
        for key, value in node.items():
            if key in kinds and "name" in value and not value.get("optional"):
                yield kinds[key], value["name"]
            elif key in kinds:
                continue
            elif key == "secret" and isinstance(value, dict) and "secretName" in value:
                yield "Secret", value["secretName"]
            elif key == "persistentVolumeClaim":
                yield "PersistentVolumeClaim", value["claimName"]
            else:
                yield from named(value)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from named(each)


def test_every_mount_has_its_volume(overlay: str) -> None:
    for each, container in every_container(overlay):
        claims = [claim["metadata"]["name"] for claim in each.workload["spec"].get("volumeClaimTemplates", [])]
        volumes = {volume["name"] for volume in each.spec.get("volumes", [])} | set(claims)
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, each


def test_each_pod_of_query_has_its_own_folder_for_its_index(overlay: str) -> None:
    query = pod(overlay, "query")
    folder = str(QuerySettings.model_fields["search_folder"].default)
    [mount] = [each for each in query.spec["containers"][0]["volumeMounts"] if each["mountPath"] == folder]
    [volume] = [each for each in query.spec["volumes"] if each["name"] == mount["name"]]
    assert set(volume["emptyDir"]) == {"sizeLimit"}
    assert not mount.get("readOnly")
