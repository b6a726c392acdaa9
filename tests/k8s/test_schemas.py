"""Every manifest is valid for the oldest supported and the newest known Kubernetes version."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from tests.k8s.manifests import Manifest, rendered
from tests.skips import KUBERNETES_SCHEMAS, skip_without

# 1.30 is the first in which a pod can sleep before it ends without a shell.
VERSIONS = ("v1.30.0", "v1.37.0")
KIND = "x-kubernetes-group-version-kind"


@cache
def definitions(version: str) -> dict[str, Any]:
    file = KUBERNETES_SCHEMAS / f"{version}-local-strict/_definitions.json"
    skip_without("Kubernetes' schemas")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def validator(version: str, api_version: str, kind: str) -> Any:
    group, _, number = api_version.rpartition("/")
    wanted = {"group": group, "version": number, "kind": kind}
    whole = definitions(version)
    names = [name for name, schema in whole["$defs"].items() if wanted in schema.get(KIND, [])]
    assert len(names) == 1, f"Kubernetes {version} has no {api_version} {kind}"
    # A name has dots, slashes none: it needs no escapes in the reference.
    registry = jsonschema_rs.Registry([(whole["$id"], whole)])
    return jsonschema_rs.validator_for({"$ref": f"{whole['$id']}#/$defs/{names[0]}"}, registry=registry)


def complaints(version: str, manifest: Manifest) -> list[str]:
    check = validator(version, manifest["apiVersion"], manifest["kind"])
    who = f"{manifest['kind']} {manifest['metadata']['name']}"
    return [f"{who}: {'/'.join(map(str, error.instance_path))}: {error.message}" for error in check.iter_errors(manifest)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_valid(overlay: str, version: str) -> None:
    assert [complaint for manifest in rendered(overlay) for complaint in complaints(version, manifest)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas_reject_unknown_fields_and_wrong_types(version: str) -> None:
    """That the schemas are strict: else the test above says nothing."""
    container = {"name": "a", "image": "b", "imagePulPolicy": "Always"}
    spec = {"replicas": "1", "selector": {}, "template": {"spec": {"containers": [container]}}}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    text = "\n".join(complaints(version, manifest))
    assert "imagePulPolicy" in text
    assert "spec/replicas" in text
