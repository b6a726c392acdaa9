"""Network policies allow exactly the connections of the diagram."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import pytest

from tests.k8s.manifests import NAME, Manifest, matches, of_kind, pods

NAMESPACE = "tracker"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Peer:
    """Somebody in the network: a pod with labels in a namespace, or, without a namespace, an address outside of the cluster."""

    name: str
    namespace: str | None
    labels: tuple[tuple[str, str], ...] = ()
    address: str = ""


def peers(overlay: str) -> list[Peer]:
    """Our pods, and those around them."""
    ours = [Peer(pod.name, NAMESPACE, tuple(pod.labels.items())) for pod in pods(overlay)]
    around = [
        Peer("prometheus", "monitoring", ((NAME, "prometheus"),)),
        Peer("names", "kube-system", (("k8s-app", "kube-dns"),)),
        Peer("stranger", "default", ((NAME, "gateway"), ("reaches-postgres", "yes"), ("reaches-redis", "yes"))),
        Peer("internet", None, address="203.0.113.7"),
        Peer("credentials", None, address="169.254.169.254"),
        Peer("postgres-server", None, address="10.20.0.7"),
        Peer("redis-server", None, address="10.20.1.7"),
    ]
    return ours + around


def edges(overlay: str, ports: tuple[int, ...]) -> set[tuple[str, str, int]]:
    """(from, to, port) of each connection that is let through and has one of our pods at an end."""
    policies = [policy["spec"] for policy in of_kind(overlay, "NetworkPolicy")]
    everybody = peers(overlay)
    return {
        (source.name, target.name, port)
        for source in everybody
        for target in everybody
        for port in ports
        if source != target
        and NAMESPACE in (source.namespace, target.namespace)
        and _lets(policies, "Egress", source, target, port)
        and _lets(policies, "Ingress", target, source, port)
    }


def _lets(policies: list[Manifest], direction: str, whose: Peer, other: Peer, port: int) -> bool:
    """Whether the policies of `whose` side allow the connection. Policies of other namespaces are unknown and count as open."""
    if whose.namespace != NAMESPACE:
        return True
    chosen = [each for each in policies if direction in each["policyTypes"] and matches(each["podSelector"], dict(whose.labels))]
    rules = [rule for each in chosen for rule in each.get(direction.lower(), [])]
    side = "to" if direction == "Egress" else "from"
    return not chosen or any(
        (side not in rule or any(_is(peer, other) for peer in rule[side]))
        and ("ports" not in rule or any(each.get("port") == port for each in rule["ports"]))
        for rule in rules
    )


def _is(described: Manifest, peer: Peer) -> bool:
    if "ipBlock" in described:
        return peer.namespace is None and _in_block(described["ipBlock"], peer.address)
    if peer.namespace is None:
        return False
    # A peer without a namespaceSelector is of the policy's own namespace.
    wanted = described.get("namespaceSelector", {"matchLabels": {NAMESPACE_LABEL: NAMESPACE}})
    return matches(wanted, {NAMESPACE_LABEL: peer.namespace}) and matches(described.get("podSelector", {}), dict(peer.labels))


def _in_block(block: Manifest, address: str) -> bool:
    where = ip_address(address)
    return where in ip_network(block["cidr"]) and not any(where in ip_network(each) for each in block.get("except", []))


PORTS = (22, 53, 443, 5432, 5555, 6379, 8000, 8001)
DATABASE = ("ingest", "query", "worker-drain", "worker-import", "beat", "migrate", "console")
JOURNAL = ("ingest", "query", "worker-drain", "worker-import", "beat", "flower")
WITHIN = {
    ("gateway", "ingest", 8000),
    ("gateway", "query", 8000),
    ("gateway", "flower", 5555),
    # The canary
    ("worker-drain", "gateway", 8000),
    # Metrics
    ("prometheus", "ingest", 8000),
    ("prometheus", "query", 8000),
    ("prometheus", "flower", 5555),
    # People; who they are, keys tell.
    ("prometheus", "gateway", 8000),
    ("stranger", "gateway", 8000),
    ("internet", "gateway", 8000),
}
OUTSIDE = ("credentials", "postgres-server", "redis-server", "names")
STORES = {
    "single": {(node, "postgres", 5432) for node in DATABASE} | {(node, "redis", 6379) for node in JOURNAL},
    "production": {(node, "postgres-server", 5432) for node in DATABASE}
    | {(node, "redis-server", 6379) for node in JOURNAL}
    # The blob store, which can be anywhere
    | {
        (node, anywhere, 443)
        for node in ("ingest", "query", "worker-drain", "worker-import")
        for anywhere in ("internet", "postgres-server", "redis-server")
    },
}


def test_policies_allow_exactly_the_connections_of_the_diagram(overlay: str) -> None:
    names = {(peer.name, "names", 53) for peer in peers(overlay) if peer.namespace == "tracker"}
    # Anybody outside may connect to the gateway; that is its purpose.
    people = {(outside, "gateway", 8000) for outside in OUTSIDE}
    assert edges(overlay, PORTS) == WITHIN | STORES[overlay] | names | people


@pytest.mark.parametrize("thief", ["stranger", "internet", "gateway", "prometheus"])
def test_only_the_services_reach_the_stores(thief: str) -> None:
    """A pod of another namespace gets nowhere by wearing our labels."""
    assert not [edge for edge in edges("single", (5432, 6379)) if edge[0] == thief]
