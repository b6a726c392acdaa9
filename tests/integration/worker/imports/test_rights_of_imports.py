"""Every kind of row of an export, brought by every kind of key: what docs/reference/import-rights.md says is stored, and all else is counted and named."""

import json
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from services.ingest.app import create_app
from services.ingest.settings import Settings
from services.worker.importers.formats.export_manifest import beside_sessions, row_tables_in_order
from services.worker.importers.job import run_shard
from services.worker.importers.job.exported.rights import PRICES, required
from services.worker.resources import Resources
from shared.auth.keys import Grant
from shared.auth.scopes import ADMIN, INGEST, Required
from shared.events.messages import SessionStart
from tests.emptied import Emptier
from tests.integration.worker.imports.exported_world import NOW, a_tracker_that_has_dropped_some, a_tracker_with_everything, send
from tests.integration.worker.imports.exporting import add_import, exported, imported, job_row, rewritten
from tests.integration.worker.statements import execute, select

DOCUMENT = Path(__file__).parents[4] / "docs" / "reference" / "import-rights.md"
SHOP = "/home/ann/shop"


class Key(NamedTuple):
    """How an import is started, and who may do it by the API."""

    bound: dict[str, Any]
    grant: Grant | None


def grant(*scopes: Any, user: str | None = None, project_ids: tuple[int, ...] | None = None) -> Grant:
    return Grant("k", frozenset(scopes), user=user, project_ids=project_ids, users=None if user is None else (user,))


KEYS = {
    "open": Key({"is_open": True}, None),
    "admin": Key({}, grant("admin")),
    "ingest": Key({"scopes": ["ingest"]}, grant("ingest")),
    "ingest and read": Key({"scopes": ["ingest", "read"]}, grant("ingest", "read")),
    "ingest of a user": Key({"user": "ann"}, grant("ingest", user="ann")),
    "ingest of projects": Key({"projects": [SHOP]}, grant("ingest", project_ids=(1,))),
}


def documented() -> dict[str, dict[str, str]]:
    """{kind: {key: all | own | –}}."""
    lines = [line.strip("|").split("|") for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip().strip("`") for cell in line] for line in lines]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


# Tables that go with sessions by the catalogue alone.
OTHERS = {*beside_sessions()} - documented().keys()
KINDS = {*row_tables_in_order(), PRICES} - {"sessions"} - OTHERS
# The route by which a client does the same.
ROUTES = {
    **dict.fromkeys(("session_facts", "timeline_entries", "api_calls", "transcript_files"), ("POST", "/api/import/claude-data")),
    "session_events": ("POST", "/api/sessions/start"),
    "messages": ("POST", "/api/conversations"),
    "tool_calls": ("POST", "/api/tool-calls"),
    "activities": ("POST", "/api/activities"),
    "machines": ("PUT", "/api/machines/{machine_id}"),
    "session_machines": ("PUT", "/api/machines/{machine_id}"),
    "project_places": ("PUT", "/api/machines/{machine_id}/repositories"),
    "saved_views": ("POST", "/api/views"),
    "users": ("PATCH", "/api/users/{name:path}"),
    "projects": ("PATCH", "/api/projects/{project_id}"),
    "project_rules": ("POST", "/api/project-rules"),
    "session_marks": ("PATCH", "/api/sessions/{session_id:path}"),
    "dropped_texts": ("POST", "/api/retention/runs"),
    "tombstones": ("POST", "/api/erasures"),
    **dict.fromkeys((kind for kind in KINDS if kind.startswith("base_")), ("POST", "/api/retention/runs")),
    PRICES: ("PUT", "/api/prices"),
}
# Rows of a kind that records alone do not make.
STORED = {
    "users": "SELECT FROM users WHERE alias_of IS NOT NULL",
    "projects": "SELECT FROM projects WHERE visibility = 'shared'",
    "dropped_texts": "SELECT FROM dropped_texts WHERE session_id = 'gone'",
    "session_facts": "SELECT FROM session_facts WHERE session_id = 'wire'",
    "session_events": "SELECT FROM session_events WHERE session_id = 'wire' AND kind = 'end'",
    "messages": "SELECT FROM messages WHERE session_id = 'wire'",
    "transcript_files": "SELECT FROM transcript_files WHERE session_id = 'wire'",
    "timeline_entries": "SELECT FROM timeline_entries WHERE session_id = 'wire'",
    PRICES: "SELECT FROM api_calls WHERE cost_nano_usd = 12345",
}


def test_every_kind_of_row_that_is_read_has_a_stated_right() -> None:
    """given a new kind of row, when nobody has said who may bring it, then this fails."""
    assert documented().keys() == KINDS
    assert ROUTES.keys() == KINDS
    assert all(row.keys() == KEYS.keys() for row in documented().values())


def test_only_an_admins_key_brings_what_has_no_stated_right() -> None:
    assert {required(kind) for kind in (*OTHERS, "of_tomorrow")} == {Required(ADMIN)}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_import_may_what_its_key_may_not_by_the_api(kind: str) -> None:
    app = create_app(Settings(database_url="postgresql://nobody@localhost/none", redis_url="redis://localhost", access="keys"))
    by_api: Required | None = app.state.required(*ROUTES[kind])

    assert by_api is not None
    for name, key in KEYS.items():
        if key.grant is not None:
            may = required(kind).lacked_by(key.grant) is None
            assert may == (documented()[kind][name] != "–"), name
            assert not may or by_api.lacked_by(key.grant) is None, name


@pytest.mark.parametrize("scope", ["read", "numbers", "metrics"])
def test_a_key_without_ingest_starts_no_import(scope: Any) -> None:
    app = create_app(Settings(database_url="postgresql://nobody@localhost/none", redis_url="redis://localhost", access="keys"))

    assert app.state.required("POST", "/api/import/claude-data").lacked_by(grant(scope)) == "scope"
    assert Required(INGEST).lacked_by(grant(scope)) == "scope"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the archive is kept: it is the same for all."""
    return tmp_path_factory.mktemp("kept") / "all.zip"


@pytest.fixture
def archive(worker: Resources, emptier: Emptier, tmp_path: Path, kept: Path) -> Path:
    """An export with every kind of row, also of the session `wire`, and the price of a call that no list has."""
    if kept.exists():
        return kept
    a_tracker_that_has_dropped_some(worker)
    a_tracker_with_everything(worker, tmp_path)
    execute(worker, "INSERT INTO project_rules (pattern, project_id) SELECT '/other/*', id FROM projects WHERE path = %s", (SHOP,))
    execute(worker, "INSERT INTO project_places (told_by, path, inside, is_main) VALUES ('m-1', '/home/ann/shop', '', true)")
    execute(worker, "UPDATE api_calls SET cost_nano_usd = 12345 WHERE session_id = 'wire'")

    def add(members: dict[str, bytes], _: dict[str, Any]) -> None:
        members["rows/dropped_texts.ndjson"] += b'{"session_id":"gone","before":"2026-05-01T12:00:00+00:00"}\n'
        error = {
            "project_path": SHOP,
            "user": "ann",
            "bucket_start": "2026-05-01T00:00:00Z",
            "tool_name": "Bash",
            "error_class": "x",
            "calls": 1,
        }
        members["rows/base_error_rollups.ndjson"] += json.dumps(error).encode() + b"\n"
        entry = {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "kind": "thinking", "content": "hm"}
        members["rows/timeline_entries.ndjson"] += json.dumps(entry | {"occurred_at": NOW.isoformat()}).encode() + b"\n"
        for table in ("session_facts", "transcript_files"):
            [line, *others] = members[f"rows/{table}.ndjson"].splitlines(keepends=True)
            of_ann = json.loads(line) | {"session_id": "wire", "project_path": SHOP, "user": "ann"}
            members[f"rows/{table}.ndjson"] = b"".join([json.dumps(of_ann).encode() + b"\n", *others])

    rewritten(exported(worker, tmp_path / "export.zip"), kept, add)
    emptier()
    return kept


@pytest.mark.parametrize("name", KEYS)
def test_a_key_brings_what_it_may_and_the_rest_is_counted_and_named(worker: Resources, archive: Path, name: str) -> None:
    # Given a tracker that knows the shop, if the key is bound to it
    key = KEYS[name]
    if "projects" in key.bound:
        send(worker, [SessionStart(project_path=SHOP, start_time=NOW, session_id="there", user="ann", id=uuid4())])

    # When the key brings everything
    ended = imported(worker, archive, **key.bound)

    # Then each kind is stored, or left out and named
    stored = {kind for kind in KINDS if count(worker, STORED.get(kind, f"SELECT FROM {kind}")) > 0}
    allowed = {kind for kind, row in documented().items() if row[name] != "–"}
    assert ended["status"] == "succeeded"
    assert stored == allowed
    assert {reason.partition(":")[0] for reason in ended["skipped_records"] if ": they need" in reason} - OTHERS == KINDS - allowed
    assert all(count > 0 for count in ended["skipped_records"].values())


def test_a_key_that_was_revoked_brings_what_ingest_may(worker: Resources, archive: Path) -> None:
    """given an admin's key that is revoked behind the upload, when the import runs, then its records come, and its marks do not."""
    job_id = add_import(worker, archive)
    execute(worker, "UPDATE api_keys SET revoked_at = now()")

    run_shard.run(worker, job_id, 0)

    ended = job_row(worker, job_id)
    assert ended["status"] == "succeeded"
    assert count(worker, "SELECT FROM messages WHERE session_id = 'wire'") == 2
    assert count(worker, "SELECT FROM session_marks") == count(worker, "SELECT FROM users WHERE alias_of IS NOT NULL") == 0
    assert ended["skipped_records"]["session_marks: they need a key with the scope admin"] == 1


def count(worker: Resources, rows: str) -> int:
    [(found,)] = select(worker, f"SELECT count(*) FROM ({rows}) AS rows")
    return int(found)
