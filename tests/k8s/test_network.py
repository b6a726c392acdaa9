"""Network policies allow exactly the connections of the diagram."""

import pytest

from tests.k8s.network import edges, peers

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
