"""`tracker keys` and `tracker audit`, against the running stack."""

import json

from tests.flow.conftest import Run, Stack


def test_a_key_is_created_used_listed_and_revoked(tracker: Run, stack: Stack) -> None:
    made = tracker("keys", "create", "--name", "[b]Ann[/b]", "--scope", "ingest", "--scope", "metrics", "--user", "ann")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert key.startswith("cct_")
    assert key not in made.stderr
    key_id = key.split("_")[1]

    refused = tracker("keys", "list", "--token", key)
    assert refused.returncode == 1
    assert "scope admin" in refused.stderr
    assert stack.http.post("/api/events", json=[], headers={"Authorization": f"Bearer {key}"}).status_code == 200

    listed = tracker("keys", "list", COLUMNS="200")
    assert listed.returncode == 0
    assert "[b]Ann[/b]" in listed.stdout
    assert "user ann" in listed.stdout
    [item] = [item for item in json.loads(tracker("keys", "list", "--json").stdout) if item["id"] == key_id]
    assert item["scopes"] == ["ingest", "metrics"]

    assert tracker("keys", "revoke", key_id).returncode == 0
    assert tracker("keys", "revoke", "000000000000").returncode == 1
    acts = [act["act"] for act in json.loads(tracker("audit", "--json").stdout) if act["subject"] == key_id]
    assert acts == ["key.revoke", "key.create"]
    assert key_id in tracker("audit", COLUMNS="200").stdout


def test_an_invalid_key_is_refused_with_the_remedy(tracker: Run) -> None:
    refused = tracker("jobs", TRACKER_TOKEN="cct_wrong")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "tracker keys create" in refused.stderr


def test_a_key_without_scopes_is_wrong_usage(tracker: Run) -> None:
    assert tracker("keys", "create", "--name", "x").returncode == 2
