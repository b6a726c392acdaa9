"""The archive that a key which is bound to a user exports: nothing of others is in it, of rows, transcripts, projects, machines and names."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID

import psycopg

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from tests.integration.keys.conftest import Api
from tests.integration.keys.rights.people import ANNS, NOON, OWN, SECRET, SHARED, hide, settle
from tests.stored_transcripts import add_file

# Others' things: of bob what he keeps and what he shares, of carl, of zed; and the parts of projects, in which bob alone worked.
OF_OTHERS = (SECRET, SHARED, "carl", "zed", "bob")


def resume_elsewhere(connection: psycopg.Connection[Any]) -> None:
    """Ann's session was seen on a machine of bob's, which reported his files; and a key of bob's brought a file of that session's name."""
    report = {"os": "Linux", "expiring": [{"session_id": f"{SECRET}-1", "file": f"{SECRET}.jsonl", "project_path": f"/{SECRET}"}]}
    connection.execute(
        "INSERT INTO machines (machine_id, name, user_name, report, first_seen_at, last_heard_at) VALUES ('desk', 'desk', 'bob', %s, %s, %s)",
        (json.dumps(report), NOON, NOON),
    )
    connection.execute("INSERT INTO session_machines (session_id, machine_id) VALUES (%s, 'desk')", (ANNS,))
    file_id = add_file(
        connection, None, ANNS, f'{{"said":"{SECRET}"}}\n'.encode(), archived=0, machine_id="desk", file_name=f"{SECRET}-again.jsonl"
    )
    connection.execute("UPDATE transcript_files SET bound_user = 'bob' WHERE id = %s", (file_id,))
    connection.execute("UPDATE transcript_files SET parsed_offset = stored_offset")


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def exported(api: Api, worker: Resources, key: str | None, **selection: Any) -> dict[str, bytes]:
    answer = api.post(key, "/api/exports", selection)
    assert answer.status_code == 202, answer.text
    export_id = answer.json()["export_id"]
    run_shard.run(worker, UUID(export_id), 0)
    archive = api.get(key, f"/api/exports/{export_id}/archive")
    assert archive.status_code == 200, archive.text
    return members(archive.content)


def test_an_export_of_a_bound_key_has_nothing_of_others(api: Api, admin: str, worker: Resources) -> None:
    with psycopg.connect(api.database_url, autocommit=True, options="-c timezone=UTC") as connection:
        people = settle(connection)
        hide(connection, people, people.alpha, "alpha")
        hide(connection, people, people.beta, "beta")
        resume_elsewhere(connection)

    of_ann = exported(api, worker, api.key("read", user="ann"), user="ann")

    found = [(name, word) for name, content in of_ann.items() for word in OF_OTHERS if word.encode() in content or word in name]
    assert found == []
    # All that is hers is in it, transcripts too; and an admin's has all, so the question can fail.
    assert {f"{OWN}-machine", f"{OWN} title", f"{OWN} note", "desk"} <= {
        word
        for word in (f"{OWN}-machine", f"{OWN} title", f"{OWN} note", "desk")
        if any(word.encode() in content for content in of_ann.values())
    }
    assert any(f'{{"said":"{OWN}"}}'.encode() in content for content in of_ann.values())
    everything = exported(api, worker, admin)
    assert {word for word in OF_OTHERS if any(word.encode() in content for content in everything.values())} == set(OF_OTHERS)
