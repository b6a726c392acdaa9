"""Kinds of records that nothing reads, as they are shown: by version of Claude Code, the newest first."""

from starlette.testclient import TestClient

from tests.kept_connection import Connection


def test_without_anything_unread_no_version_is_listed(client: TestClient) -> None:
    assert client.get("/api/formats").json() == {"versions": []}


def test_what_is_unread_is_listed_by_version(client: TestClient, connection: Connection) -> None:
    names = [
        ("2.1.99", "record", "hologram", 3),
        ("2.1.400", "record", "hologram", 12),
        ("2.1.400", "field", "assistant.weather", 1),
        ("(unknown)", "hook_field", "Stop.mood", 2),
        ("(other)", "record", "(other)", 9),
    ]
    connection.cursor().executemany("INSERT INTO unread_formats (version, kind, name, count) VALUES (%s, %s, %s, %s)", names)

    versions = client.get("/api/formats").json()["versions"]

    assert [each["version"] for each in versions][:2] == ["2.1.400", "2.1.99"]
    assert {each["version"] for each in versions[2:]} == {"(unknown)", "(other)"}
    assert [(each["kind"], each["name"], each["count"]) for each in versions[0]["unread"]] == [
        ("field", "assistant.weather", 1),
        ("record", "hologram", 12),
    ]
    assert versions[0]["unread"][0]["first_seen_at"] == versions[0]["unread"][0]["last_seen_at"]


def test_it_takes_no_parameters(client: TestClient) -> None:
    assert client.get("/api/formats?version=2").status_code == 400
