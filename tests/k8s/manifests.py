"""Rendered manifests, and what can be asked of them. A manifest is the dict that its YAML is."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from deploy.k8s.make_secrets import make_secrets
from tests.skips import skip_without

ROOT = Path(__file__).parent.parent.parent
OVERLAYS = ("single", "production")
NAME = "app.kubernetes.io/name"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A workload's pods: their labels, their spec, and the manifest that makes them."""

    name: str
    kind: str
    labels: dict[str, str]
    spec: Manifest
    workload: Manifest

    @property
    def containers(self) -> list[Manifest]:
        """All of them, those that only run at the beginning too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    def __str__(self) -> str:
        return self.name


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """The manifests that `kubectl apply -k` would send, with secrets of its own. Skips where there is no kustomize."""
    skip_without("kustomize")
    with TemporaryDirectory() as folder:
        # Not in the tree: somebody's own secrets may be there, and none must be left there.
        copy = Path(folder) / "deploy"
        shutil.copytree(ROOT / "deploy", copy, ignore=shutil.ignore_patterns("*-secrets.env", "__pycache__"))
        make_secrets(copy / "k8s/overlays/single")
        built = subprocess.run(
            ["kustomize", "build", copy / "k8s/overlays" / overlay], capture_output=True, text=True, check=False, timeout=60, env=os.environ
        )
    assert built.returncode == 0, built.stderr
    return tuple(yaml.safe_load_all(built.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [manifest for manifest in rendered(overlay) if manifest["kind"] in kinds]


def pods(overlay: str) -> list[Pod]:
    found = []
    for workload in of_kind(overlay, "Deployment", "StatefulSet", "Job"):
        template = workload["spec"]["template"]
        found.append(Pod(workload["metadata"]["name"], workload["kind"], template["metadata"]["labels"], template["spec"], workload))
    return found


def pod(overlay: str, name: str) -> Pod:
    return next(each for each in pods(overlay) if each.name == name)


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector, as NetworkPolicies and budgets have it, takes in labels. An empty one takes in all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", "only In is understood here"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


def environment(container: Manifest, overlay: str) -> dict[str, str]:
    """Each variable of a container, with its value or the place that it comes from."""
    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in of_kind(overlay, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]
    for variable in container.get("env", []):
        found[variable["name"]] = variable["value"] if "value" in variable else str(variable["valueFrom"])
    return found


def every_container(overlay: str) -> Iterator[tuple[Pod, Manifest]]:
    return ((each, container) for each in pods(overlay) for container in each.containers)
