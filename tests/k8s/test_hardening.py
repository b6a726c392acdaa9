"""Every container of every pod has as few rights as Kubernetes can give, as the "restricted" standard has it and further."""

import re
from base64 import b64decode

from tests.k8s.manifests import Manifest, every_container, of_kind, pods

MEMORY = {"Mi": 1, "Gi": 1024}


def mebibytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * MEMORY[unit]


def test_no_pod_that_can_do_more_is_admitted(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_pod_is_root_or_has_a_key_to_the_cluster(overlay: str) -> None:
    for pod in pods(overlay):
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True, pod
        # A number: the kubelet cannot tell whether an image's user that has a name is root.
        assert context["runAsUser"] > 0, pod
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, pod
        assert pod.spec["automountServiceAccountToken"] is False, pod
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec), pod


def test_no_container_can_gain_rights_or_write_where_it_need_not(overlay: str) -> None:
    for pod, container in every_container(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, f"{pod}/{container['name']}"


def test_every_volume_is_bounded_and_none_is_the_nodes(overlay: str) -> None:
    for pod in pods(overlay):
        for volume in pod.spec.get("volumes", []):
            kind = set(volume) - {"name"}
            assert kind <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}, f"{pod}: {volume}"
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], f"{pod}: {volume}"


def test_every_container_says_what_it_needs_and_what_it_may_take(overlay: str) -> None:
    for pod, container in every_container(overlay):
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert {"cpu", "memory"} == set(requests) == set(limits), f"{pod}/{container['name']}"
        assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"]), f"{pod}/{container['name']}"


def test_no_secret_stands_where_everybody_sees_it(overlay: str) -> None:
    """In a setting, in a command, or in a variable as it is."""
    shown = [text for _, container in every_container(overlay) for text in visible(container)]
    shown += [value for config in of_kind(overlay, "ConfigMap") for value in config["data"].values()]
    secret = {b64decode(value).decode() for each in of_kind(overlay, "Secret") for value in each["data"].values()}
    secret |= {match[1] for value in secret if (match := re.search(r"://\w+:([\w-]+)@", value))}
    assert bool(secret) == (overlay == "single")
    assert [text for text in shown if any(value in text for value in secret) or re.search(r"://\w+:\S+@", text)] == []


def visible(container: Manifest) -> list[str]:
    return [*container.get("command", []), *container.get("args", []), *(each.get("value", "") for each in container.get("env", []))]
