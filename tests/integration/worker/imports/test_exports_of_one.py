"""An export of one person or one project has what its numbers need, also of sessions that retention has dropped, and keeps out elsewhere what was
dropped or erased here."""

import json
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import write_range_tombstone, write_tombstones
from services.worker.resources import Resources
from shared.events.messages import Conversation, Event, SessionStart
from shared.sql_files import SqlFile
from tests.conftest import LOCAL
from tests.emptied import Emptier
from tests.example_counts import examples
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.exported_world import NOW, a_tracker_that_has_dropped_some, bring, session
from tests.integration.worker.imports.exporting import exported, imported, rewritten, undone
from tests.integration.worker.maintenance.projects_world import decide, move_all
from tests.integration.worker.maintenance.random_sessions import BEGIN, DAYS, NAMESPACE, PROJECTS, sessions
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import store
from tests.integration.worker.statements import execute, select

RANGES = ("", f"&{DAYS}", f"&{DAYS}&interval=hour")
SALT = b"another tracker's own 32 bytes !"


def answers(worker: Resources, *, user: str | None = None, project: str | None = None) -> dict[str, Any]:
    """All numbers of a user or a project, each by where it stands in which answer."""
    query = Settings(database_url=worker.settings.database_url, redis_url=worker.settings.redis_url, log_level="CRITICAL")
    asked = f"user={user}" if project is None else f"project_id={project_id(worker, project)}"
    routes = {f"stats{range_}": f"/api/stats?{asked}{range_}" for range_ in RANGES}
    routes |= {f"usage by {by}": f"/api/usage?{asked}&group_by={by}" for by in ("day", "model", "user")}
    routes |= {what: f"/api/tool-calls/{what}?{asked}" for what in ("stats", "errors")}
    found: dict[str, Any] = {}
    with TestClient(create_app(query), LOCAL) as client:
        for name, route in routes.items():
            answer = client.get(route)
            assert answer.status_code == 200, (route, answer.text)
            found |= leaves(name, answer.json())
    return found


def leaves(place: str, body: Any) -> dict[str, Any]:
    """Without ids, which another tracker gives anew, and price lists, which are those of all stored calls, of whomever."""
    if isinstance(body, list):
        if place.endswith(" top_files"):
            # One that was changed as often in two projects stands twice, in any order.
            body = sorted(body, key=lambda file: (-file["touches"], file["file_path"], file["lines_added"], str(file["last_touched"])))
        body = dict(enumerate(body))
    if not isinstance(body, dict):
        return {place: body}
    inner = [leaves(f"{place} {name}", value) for name, value in body.items() if name not in ("id", "project_id", "price_versions")]
    return {name: value for each in inner for name, value in each.items()}


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: (one.get(name), other.get(name)) for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def project_id(worker: Resources, path: str) -> int:
    return int(select(worker, "SELECT id FROM projects WHERE path = %(path)s", {"path": path})[0][0])


def manifest_of(archive: Path) -> dict[str, Any]:
    with zipfile.ZipFile(archive) as opened:
        found: dict[str, Any] = json.loads(opened.read("manifest.json"))
    return found


def tombstones_of(archive: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(archive) as opened:
        return [json.loads(line) for line in opened.read("rows/tombstones.ndjson").splitlines()]


def sessions_here(worker: Resources) -> list[str]:
    return [session_id for (session_id,) in select(worker, "SELECT session_id FROM sessions WHERE counted ORDER BY 1")]


@pytest.mark.parametrize("whose", ["user", "project"])
def test_numbers_of_a_person_or_project_are_the_same_elsewhere(
    worker: Resources, emptier: Emptier, tmp_path_factory: pytest.TempPathFactory, whose: str
) -> None:
    @settings(max_examples=examples(6), suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
    @given(dropped=sessions(), kept=sessions(), later=st.integers(0, 3_000))
    def same(dropped: list[list[Event]], kept: list[list[Event]], later: int) -> None:
        # Given sessions of several people in two projects, some of which retention has dropped
        emptier()
        store(worker, [start(f"of {path}", path, "ann") for path in PROJECTS])
        for events in dropped:
            store(worker, events)
        set_rule(worker, "sessions", 30)
        drop(worker)
        for events in kept:
            store(worker, [moved(event, later) for event in events])
        assert select(worker, "SELECT count(*) FROM base_sessions")[0][0] > 0
        of_whom: Any = {"user": "ann"} if whose == "user" else {"project": PROJECTS[0]}
        before = answers(worker, **of_whom)

        # When they are exported, and imported into a tracker that has nothing
        selection = of_whom if whose == "user" else {"project_id": project_id(worker, PROJECTS[0])}
        archive = exported(worker, tmp_path_factory.mktemp("one") / "one.zip", **selection)
        emptier()
        ended = imported(worker, archive)

        # Then all numbers of the person or project are the same, and rows, base and cells agree
        assert (ended["status"], ended["errors"], ended["skipped_records"]) == ("succeeded", [], {})
        assert differing(answers(worker, **of_whom), before) == {}
        assert differences(worker) == {}

    same()


def start(session_id: str, path: str, user: str) -> SessionStart:
    return SessionStart(project_path=path, user=user, start_time=BEGIN, session_id=session_id, id=uuid5(NAMESPACE, f"start {session_id}"))


def moved(event: Event, minutes: int) -> Event:
    """The same event in a session of its own, later."""
    name = "start_time" if isinstance(event, SessionStart) else "timestamp"
    at = {name: getattr(event, name) + timedelta(minutes=minutes)}
    return replace(event, session_id=f"kept {event.session_id}", id=uuid5(NAMESPACE, f"kept {event.id}"), **at)


def test_a_project_moves_with_what_its_parts_counted(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a project and a part of it, both with dropped sessions
    a_tracker_that_has_dropped_some(worker)
    before = answers(worker, project="/w/shop")
    archive = exported(worker, tmp_path / "shop.zip", project_id=project_id(worker, "/w/shop"))

    emptier()
    ended = imported(worker, archive)

    # Then the numbers are the same, and the part can be taken out
    assert (ended["errors"], ended["skipped_records"]) == ([], {})
    assert answers(worker, project="/w/shop") == before
    assert differences(worker) == {}
    decide(worker, "/w/shop-fix", None)
    move_all(worker)
    assert differences(worker) == {}
    assert select(worker, "SELECT count(DISTINCT project_id) FROM base_sessions")[0][0] == 2


def test_people_move_one_after_the_other(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given exports of two people, both with dropped sessions in one project
    for user in ("ann", "bob"):
        store(worker, [*said(user), start(f"{user}-too", f"/of/{user}", user)])
    set_rule(worker, "sessions", 30)
    drop(worker)
    before = {user: answers(worker, user=user) for user in ("ann", "bob")}
    archives = [exported(worker, tmp_path / f"{user}.zip", user=user) for user in ("ann", "bob")]

    # When one is imported after the other into a tracker that has nothing, and the first once more
    emptier()
    ended = [imported(worker, archive) for archive in (*archives, archives[0])]

    # Then each brings its numbers, and the same ones are left out
    assert [[error["code"] for error in job["errors"]] for job in ended] == [[], [], ["BASE_LEFT_OUT"]]
    assert {user: answers(worker, user=user) for user in ("ann", "bob")} == before
    assert differences(worker) == {}

    # And each import can be taken back
    for job in reversed(ended):
        undone(worker, job["number"])
    assert select(worker, "SELECT count(*) FROM base_sessions")[0][0] == 0
    assert select(worker, "SELECT count(*) FROM tombstones")[0][0] == 0
    assert differences(worker) == {}


def said(user: str) -> list[Event]:
    at = BEGIN + timedelta(minutes=1)
    words = Conversation(session_id=f"{user}-one", content="ask", role="user", timestamp=at, id=uuid5(NAMESPACE, f"said {user}"))
    return [start(f"{user}-one", "/in/common", user), words]


def test_what_cannot_be_told_apart_is_named(worker: Resources, tmp_path: Path) -> None:
    # Given dropped sessions of two people who touched files in one project
    set_rule(worker, "sessions", 30)
    store(worker, said("ann") + said("bob"))
    execute(worker, "INSERT INTO files (file_key, file_path) VALUES (md5('/f')::uuid, '/f')")
    drop(worker)
    execute(
        worker,
        "INSERT INTO base_file_rollups (project_id, bucket_start, file_key, touches, lines_added, lines_removed)"
        " SELECT id, now(), md5('/f')::uuid, 1, 1, 0 FROM projects WHERE path = '/in/common'",
    )

    of_ann = manifest_of(exported(worker, tmp_path / "ann.zip", user="ann"))
    of_all = manifest_of(exported(worker, tmp_path / "all.zip"))

    assert list(of_ann["not_told_apart"]) == ["names", "tombstones", "base_file_rollups"]
    assert (of_ann["counts"].get("base_file_rollups", 0), of_ann["counts"]["base_sessions"]) == (0, 1)
    assert list(of_all["not_told_apart"]) == ["names"]
    assert (of_all["counts"]["base_file_rollups"], of_all["counts"]["base_sessions"]) == (1, 2)


def a_tracker_that_has_lost_two(worker: Resources, folder: Path) -> tuple[Path, Path]:
    """Carl's three sessions, of which one is dropped and one is erased. Gives exports of everything from before, and of carl from afterwards."""
    bring(worker, folder, {f"file-{number}.jsonl": session(number) for number in range(3)}, user="carl")
    bring(worker, folder, {"file-8.jsonl": session(8)}, user="dora")
    before = exported(worker, folder / "before.zip")
    with worker.transaction() as connection:
        # That of somebody else too: carl's export says nothing of it.
        write_tombstones(connection, "session", ["file-1", "file-8"], reason="erased")
    execute(worker, "UPDATE sessions SET last_event_at = now() WHERE session_id = 'file-2'")
    set_rule(worker, "sessions", 30, user="carl")
    drop(worker)
    assert sessions_here(worker) == ["file-2", "file-8"]
    return before, exported(worker, folder / "carl.zip", user="carl")


def as_of_another(archive: Path, target: Path) -> Path:
    """The export as a tracker with another salt writes it: for it every name has another hash."""

    def change(members: dict[str, bytes], _: dict[str, Any]) -> None:
        changed = []
        for line in members["rows/tombstones.ndjson"].splitlines():
            row = json.loads(line)
            if row["kind"] == "session":
                [name] = [f"file-{n}" for n in range(9) if hashed(bytes.fromhex(row["salt"]), f"file-{n}") == row["key"]]
                row |= {"salt": SALT.hex(), "key": hashed(SALT, name)}
            changed.append(json.dumps(row).encode() + b"\n")
        members["rows/tombstones.ndjson"] = b"".join(changed)

    return rewritten(archive, target, change)


def hashed(salt: bytes, session_id: str) -> str:
    return sha256(salt + f"session:{session_id}".encode()).hexdigest()


def test_what_was_dropped_or_erased_stays_out_elsewhere(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export of a person of whom a session was dropped and another erased, from a tracker with a salt of its own
    before, carls = a_tracker_that_has_lost_two(worker, tmp_path)
    assert sorted(row["reason"] for row in tombstones_of(carls)) == ["erased", "expired"]
    emptier()
    imported(worker, as_of_another(carls, tmp_path / "another.zip"))

    # When an export from before, and the transcripts, are imported
    again = imported(worker, before)
    bring(worker, tmp_path, {f"file-{number}.jsonl": session(number) for number in range(3)}, user="carl")

    # Then both sessions stay out, and that of somebody else comes in
    assert again["skipped_records"]["erased or expired"] > 0
    assert sessions_here(worker) == ["file-2", "file-8"]
    assert select(worker, "SELECT DISTINCT session_id FROM transcript_files ORDER BY 1") == [("file-2",), ("file-8",)]

    # And an export from there keeps them out of a third tracker
    third = exported(worker, tmp_path / "third.zip", user="carl")
    emptier()
    imported(worker, third)
    imported(worker, before)
    assert sessions_here(worker) == ["file-2", "file-8"]

    # And one of them comes when it is allowed
    allow = SqlFile("services.ingest.postgres.admin", "retention.sql").allow
    assert select(worker, allow, {"session_id": "file-0"}) == [(True, False, True)]
    bring(worker, tmp_path, {"file-0.jsonl": session(0)}, user="carl")
    assert sessions_here(worker) == ["file-0", "file-2", "file-8"]


def test_a_session_that_is_here_stays_open(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a tracker that has a session which another has dropped
    _, carls = a_tracker_that_has_lost_two(worker, tmp_path)
    emptier()
    bring(worker, tmp_path, {"file-0.jsonl": session(0)}, user="carl")

    # When the other's export is imported
    ended = imported(worker, as_of_another(carls, tmp_path / "another.zip"))

    # Then the session goes on, and the job says so. The erased one is kept out
    assert ended["skipped_records"]["tombstones of sessions that are here"] == 1
    assert send_word(worker, "file-0", 99) == 0
    bring(worker, tmp_path, {"file-1.jsonl": session(1)}, user="carl")
    assert sessions_here(worker) == ["file-0", "file-2"]


def send_word(worker: Resources, session_id: str, minutes: int) -> int:
    """How many words were left out."""
    at = NOW + timedelta(minutes=minutes)
    word = Conversation(session_id=session_id, content="goes on", role="user", timestamp=at, id=uuid4())
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, [ReceivedEvent(word, at, "r", "1-0")], idle_gap=worker.idle_gap)
    return len(outcome.left_out)


def test_an_erased_range_stays_out_and_its_transcript_comes(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a session of which two hours were erased, and an export of its person
    bring(worker, tmp_path, {"file-1.jsonl": session(1)}, user="carl")
    with worker.transaction() as connection:
        write_range_tombstone(connection, "file-1", NOW + timedelta(hours=20), NOW + timedelta(hours=22), uuid4())
    archive = exported(worker, tmp_path / "carl.zip", user="carl")
    emptier()

    ended = imported(worker, archive)

    # Then the transcript is here, and nothing of the range comes
    assert (ended["errors"], ended["skipped_records"], ended["files_done"]) == ([], {}, 1)
    assert [send_word(worker, "file-1", hours * 60) for hours in (19, 21, 23)] == [0, 1, 0]


def test_a_bound_key_brings_no_tombstone(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    """given an export with tombstones, when a key imports it that is bound to a user, then it keeps nobody out."""
    _, carls = a_tracker_that_has_lost_two(worker, tmp_path)
    emptier()

    ended = imported(worker, carls, user="carl")

    assert ended["skipped_records"]["tombstones: they need a key with the scope admin"] >= 2
    assert select(worker, "SELECT count(*) FROM tombstones")[0][0] == 0


def test_a_tombstone_without_its_names_is_an_error_of_its_line(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    _, carls = a_tracker_that_has_lost_two(worker, tmp_path)

    def change(members: dict[str, bytes], _: dict[str, Any]) -> None:
        members["rows/tombstones.ndjson"] = (
            b'{"kind": "range", "reason": "erased", "created_at": "2026-05-01T12:00:00Z", "session_id": "x"}\n'
        )

    emptier()
    ended = imported(worker, rewritten(carls, tmp_path / "odd.zip", change))

    assert [error["code"] for error in ended["errors"]] == ["INVALID_ROW"]
    assert select(worker, "SELECT count(*) FROM tombstones") == [(0,)]
