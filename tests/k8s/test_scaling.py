"""Replicas: one beat, no more drain workers than partitions, and no gap while pods are replaced."""

from typing import Any

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import PATTERN_CONNECTIONS
from services.query.settings import Settings as QuerySettings
from tests.k8s.manifests import Manifest, environment, of_kind, pod, pods

# The most connections of one pod to Postgres: a setting, or two for each of a worker's processes.
CONNECTIONS: dict[str, int] = {
    "ingest": IngestSettings.model_fields["ingest_database_connections"].default,
    "query": QuerySettings.model_fields["query_database_connections"].default + PATTERN_CONNECTIONS,
    "worker-drain": 2,
    "worker-import": 6,
}


def most(overlay: str) -> dict[str, int]:
    """{node: how many pods of it there can be, but for those of a rolling update}."""
    found: dict[str, int] = {each.name: each.workload["spec"].get("replicas", 0) for each in pods(overlay)}
    for scaler in scalers(overlay):
        spec: Any = scaler["spec"]
        found[spec["scaleTargetRef"]["name"]] = spec["maxReplicas"]
    return found


def scalers(overlay: str) -> list[Manifest]:
    return of_kind(overlay, "HorizontalPodAutoscaler")


def test_exactly_one_beat_runs(overlay: str) -> None:
    beat = pod(overlay, "beat").workload["spec"]
    assert (beat["replicas"], beat["strategy"]["type"]) == (1, "Recreate")
    assert "beat" not in {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers(overlay)}


def test_autoscaled_workloads_state_no_replicas(overlay: str) -> None:
    """Else every apply would set it back."""
    for scaler in scalers(overlay):
        assert "replicas" not in pod(overlay, scaler["spec"]["scaleTargetRef"]["name"]).workload["spec"]


def test_drain_workers_never_exceed_partitions(overlay: str) -> None:
    partitions = int(environment(pod(overlay, "ingest").spec["containers"][0], overlay)["TRACKER_JOURNAL_PARTITIONS"])
    assert most(overlay)["worker-drain"] <= partitions


def test_production_has_two_replicas_of_what_serves_requests() -> None:
    least = {each.name: each.workload["spec"].get("replicas", 0) for each in pods("production")}
    for scaler in scalers("production"):
        least[scaler["spec"]["scaleTargetRef"]["name"]] = scaler["spec"]["minReplicas"]
    assert min(least[name] for name in ("gateway", "ingest", "query", "worker-drain")) >= 2


def test_a_new_pod_is_ready_before_an_old_one_stops(overlay: str) -> None:
    for name in ("gateway", "ingest", "query"):
        each = pod(overlay, name)
        assert each.workload["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        # It runs until no request is routed to it; then it has time to finish running requests.
        sleep = each.spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert sleep >= 5
        assert each.spec["terminationGracePeriodSeconds"] >= sleep + 15


def test_all_replicas_together_fit_the_database_connections() -> None:
    """docs/how-to/kubernetes.md says for how many connections Postgres must be set up."""
    numbers = most("production")
    assert sum(CONNECTIONS[name] * numbers[name] for name in CONNECTIONS) <= 130
