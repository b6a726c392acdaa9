"""Every container has as few rights as Kubernetes allows: the "restricted" standard and more."""

import re
from base64 import b64decode

from tests.k8s.manifests import Manifest, every_container, of_kind, pods

MEMORY = {"Mi": 1, "Gi": 1024}


def mebibytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * MEMORY[unit]


def test_the_namespace_enforces_the_restricted_standard(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_run_as_non_root_without_a_service_account_token(overlay: str) -> None:
    for pod in pods(overlay):
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True, pod
        # A number: the kubelet cannot tell whether an image's user that has a name is root.
        assert context["runAsUser"] > 0, pod
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, pod
        assert pod.spec["automountServiceAccountToken"] is False, pod
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec), pod


def test_containers_are_read_only_and_cannot_gain_privileges(overlay: str) -> None:
    for pod, container in every_container(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, f"{pod}/{container['name']}"


def test_volumes_are_bounded_and_never_host_paths(overlay: str) -> None:
    for pod in pods(overlay):
        for volume in pod.spec.get("volumes", []):
            kind = set(volume) - {"name"}
            assert kind <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}, f"{pod}: {volume}"
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], f"{pod}: {volume}"


def test_every_container_has_requests_and_limits(overlay: str) -> None:
    for pod, container in every_container(overlay):
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert {"cpu", "memory"} == set(requests) == set(limits), f"{pod}/{container['name']}"
        assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"]), f"{pod}/{container['name']}"


def test_no_secret_is_in_a_setting_command_or_plain_variable(overlay: str) -> None:
    """In a setting, in a command, or in a variable as it is."""
    shown = [text for _, container in every_container(overlay) for text in visible(container)]
    shown += [value for config in of_kind(overlay, "ConfigMap") for value in config["data"].values()]
    secret = {b64decode(value).decode() for each in of_kind(overlay, "Secret") for value in each["data"].values()}
    secret |= {match[1] for value in secret if (match := re.search(r"://\w+:([\w-]+)@", value))}
    assert bool(secret) == (overlay == "single")
    assert [text for text in shown if any(value in text for value in secret) or re.search(r"://\w+:\S+@", text)] == []


def visible(container: Manifest) -> list[str]:
    return [*container.get("command", []), *container.get("args", []), *(each.get("value", "") for each in container.get("env", []))]
