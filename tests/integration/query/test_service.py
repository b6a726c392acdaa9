"""The query service: health, readiness, metrics, description, outages, refused parameters and unknown addresses."""

import re
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from starlette.testclient import TestClient

from services.query import database
from services.query.app import create_app
from services.query.http.dashboard_files import ASSETS, PAGE, PAGE_HEADERS
from services.query.search_index.reader import SearchIndex
from services.query.settings import Settings
from shared.journal.canary import SEEN_KEY
from shared.journal.failed_looks import FAILED_LOOKS_KEY
from shared.journal.streams import PAYLOAD_FIELD, accounting_key, stream_key
from tests.conftest import LOCAL
from tests.integration.caught_up import catch_up
from tests.integration.query import seed, world
from tests.kept_connection import Connection

NOWHERE = "postgresql://tracker@/tracker?host=/nonexistent"
NO_REDIS = "unix:///nonexistent.sock"
READS = [
    "/api/projects", "/api/projects/1", "/api/projects/1/stats", "/api/stats", "/api/sessions", "/api/sessions/x", "/api/conversations",
    "/api/conversations/search?q=x", "/api/activities", "/api/tool-calls/stats", "/api/tool-calls/session/x", "/api/import/jobs",
    "/api/import/jobs/018f3b1e-0000-7000-8000-000000000001",
    "/api/import/jobs/018f3b1e-0000-7000-8000-000000000001/events", "/api/usage", "/api/usage?group_by=model",
]  # fmt: skip


@pytest.fixture
def client(new_client: TestClient) -> TestClient:
    """Whether it is ready depends on how long ago it was started."""
    return new_client


@pytest.mark.parametrize("path", READS)
def test_a_read_without_the_database_is_a_503_soon(redis_url: str, path: str) -> None:
    with TestClient(create_app(Settings(database_url=NOWHERE, redis_url=redis_url)), LOCAL) as client:
        began = time.monotonic()
        answer = client.get(path)
        assert time.monotonic() - began < 10  # it does not hang; how fast it is, is not for a test
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "nonexistent" not in answer.text


def test_a_query_past_the_statement_timeout_is_a_503_that_advises_to_narrow_it(
    query_settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a table that somebody holds, when a read waits longer than a statement may, then it is told to ask for less."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 200)
    with TestClient(create_app(query_settings), LOCAL) as client, connection.transaction():
        connection.execute("LOCK TABLE messages")
        answer = client.get("/api/conversations")
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert "narrow" in answer.json()["message"]


def test_the_query_service_cannot_write(client: TestClient) -> None:
    with client.app.state.database.connection() as connection, pytest.raises(Exception, match="read-only"):  # type: ignore[attr-defined]
        connection.execute("DELETE FROM messages")


def test_the_service_is_alive_without_database_and_redis() -> None:
    with TestClient(create_app(Settings(database_url=NOWHERE, redis_url=NO_REDIS)), LOCAL) as client:
        assert client.get("/healthz").json() == {"status": "alive"}


def test_the_service_is_ready_with_database_and_journal(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "journal_entries": 0, "journal_oldest_seconds": 0.0}


@pytest.mark.parametrize(
    ("away", "code", "reasons"),
    [
        ({"database_url": NOWHERE}, "DATABASE_UNAVAILABLE", {"database"}),
        ({"redis_url": NO_REDIS}, "QUEUE_UNAVAILABLE", {"journal"}),
        ({"database_url": NOWHERE, "redis_url": NO_REDIS}, "DATABASE_UNAVAILABLE", {"database", "journal"}),
    ],
)
def test_the_service_is_not_ready_without_database_or_journal_and_states_why(
    query_settings: Settings, away: dict[str, str], code: str, reasons: set[str]
) -> None:
    with TestClient(create_app(query_settings.model_copy(update=away)), LOCAL) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"], set(answer.json()["details"])) == (503, code, reasons)
    assert "nonexistent" not in answer.text


def test_the_service_is_not_ready_while_the_journal_lags(client: TestClient, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.xadd(stream_key(0), {PAYLOAD_FIELD: b"{}"}, id="1700000000000-0")
    answer = client.get("/readyz")
    # The queue has room, and writes are taken: that is no full backlog.
    assert (answer.status_code, answer.json()["code"]) == (503, "JOURNAL_BEHIND")
    assert "one event waits and none is lost" in answer.json()["details"]["lag"]


def test_metrics_report_journal_lag_and_ledger(client: TestClient, connection: Connection, redis_url: str) -> None:
    connection.execute("INSERT INTO ledger VALUES (0, 7, 2, 1), (1, 3, 0, 0)")
    with Redis.from_url(redis_url) as redis:
        redis.xadd(stream_key(0), {PAYLOAD_FIELD: b"{}"})
    text = client.get("/metrics").text
    for line in ("tracker_journal_entries 1.0", "tracker_events_persisted 10.0", "tracker_events_duplicate 2.0", "tracker_events_dead 1.0"):
        assert line in text.splitlines()


def test_metrics_report_sizes_connections_memory_and_jobs(client: TestClient, connection: Connection, redis_url: str) -> None:
    # Given an import that failed, and an event that was received at a known time
    connection.execute("INSERT INTO import_jobs (id, status, files) VALUES (gen_random_uuid(), 'failed', '[]')")
    connection.execute("INSERT INTO ledger VALUES (0, 1, 0, 0, to_timestamp(1764100000))")

    # When it is scraped
    values = samples(client)

    # Then sizes, connections and memory are those that the servers tell, and what is failed is counted beside the statuses that none has
    told = connection.execute("SELECT pg_database_size(current_database()), current_setting('max_connections')::int").fetchone()
    assert told is not None
    assert abs(values["tracker_database_bytes"] - told[0]) < 1_000_000
    assert values["tracker_database_max_connections"] == told[1]
    assert 2 <= values["tracker_database_connections"] <= told[1]
    with Redis.from_url(redis_url) as redis:
        assert 0 < values["tracker_redis_used_bytes"] < 2 * redis.info("memory")["used_memory"]
        assert values["tracker_redis_max_bytes"] == redis.info("memory")["maxmemory"]
    assert values['tracker_import_jobs{status="failed"}'] == 1
    assert values['tracker_import_jobs{status="queued"}'] == 0
    assert values["tracker_last_received_timestamp_seconds"] == 1764100000


def test_metrics_tell_how_long_jobs_stand_still_and_how_often_looks_failed(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    # Given two erasures, one of which has not got on for an hour, and a look of beat that failed
    sql = "INSERT INTO jobs (kind, id, names, moved_at) SELECT 'erasure', gen_random_uuid(), '{s}', now() - make_interval(mins => m)"
    connection.execute(f"{sql} FROM unnest('{{0,60}}'::int[]) AS m".encode())
    with Redis.from_url(redis_url) as redis:
        redis.hincrby(FAILED_LOOKS_KEY, "stored", 3)

    values = samples(client)

    assert values['tracker_jobs_standing_seconds{kind="erasure"}'] >= 3600
    assert values['tracker_failed_looks{look="stored"}'] == 3

    # When the erasures have ended, then their kind stands no more
    connection.execute("UPDATE jobs SET status = 'succeeded'")
    assert 'tracker_jobs_standing_seconds{kind="erasure"}' not in samples(client)


@pytest.mark.parametrize(
    ("hours", "report", "silent"),
    [
        (71, '{"spool_files": 3}', 0),
        (73, "{}", 1),
        (14 * 24 - 1, "{}", 1),
        (14 * 24 + 1, "{}", 0),
        (14 * 24 + 1, '{"spool_files": 1}', 1),
        (9_000, '{"files_unsent": 2}', 1),
        (73, '{"spool_files": 3, "is_for_jobs": true}', 0),
    ],
)
def test_metrics_count_machines_that_went_silent(client: TestClient, connection: Connection, hours: int, report: str, silent: int) -> None:
    """One that nobody has used for two weeks is not missed, unless it has something to send. A weekend is no silence, nor is a machine of CI jobs missed."""
    sql = "INSERT INTO machines (machine_id, name, last_heard_at, report) VALUES ('m-1', 'laptop', now() - make_interval(hours => %s), %s)"
    connection.execute(sql, (hours, report))
    assert samples(client)["tracker_machines_silent"] == silent
    assert client.get("/api/machines").json()["items"][0]["is_silent"] == (hours > 72)


def test_metrics_flag_sources_that_cannot_be_read(query_settings: Settings, client: TestClient) -> None:
    assert {samples(client)[f'tracker_state_readable{{source="{source}"}}'] for source in ("journal", "database")} == {1}
    with TestClient(create_app(query_settings.model_copy(update={"redis_url": NO_REDIS})), LOCAL) as without_redis:
        found = samples(without_redis)
    assert found['tracker_state_readable{source="journal"}'] == 0
    assert found['tracker_state_readable{source="database"}'] == 1


def samples(client: TestClient) -> dict[str, float]:
    """The values of /metrics, by name and labels."""
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_account_is_reported_and_drift_is_detected(client: TestClient, connection: Connection, redis_url: str) -> None:
    # Given a journal that took ten events, of which Postgres has seven, and of a journal before it three
    with Redis.from_url(redis_url) as redis:
        redis.hset(accounting_key(stream_key(0)), mapping={"epoch": "now", "accepted": 10, "settled": 6})
        redis.xadd(stream_key(0), {PAYLOAD_FIELD: b"{}"})
    connection.execute("INSERT INTO accounts VALUES ('now', 0, 3, 2, 1), ('now', 1, 1, 0, 0), ('before', 0, 3, 0, 0)")

    # When it is asked for, then one is persisted that the journal still has, which is no drift
    told = {
        "accepted": 10,
        "persisted": 4,
        "duplicate": 2,
        "dead": 1,
        "left_out": 0,
        "pending": 4,
        "drift": 0,
        "alarms": 0,
        "former_epochs": 1,
    }
    found = client.get("/api/accounting").json()
    assert found.pop("canary_age_seconds") >= 0
    assert found.pop("search_pending") >= 0
    assert found.pop("search_oldest_seconds") >= 0
    assert found.pop("search_waiting_sessions") >= 0
    assert (found.pop("damaged_transcripts"), found.pop("unpriced_models")) == ([], [])
    assert found == told
    lines = client.get("/metrics").text.splitlines()
    assert {'tracker_accounting_events{state="accepted"} 10.0', 'tracker_accounting_events{state="pending"} 4.0'} <= set(lines)
    assert "tracker_accounting_drift 0.0" in lines

    # And when Postgres has lost two
    connection.execute("UPDATE accounts SET persisted = 1 WHERE epoch = 'now' AND slot = 0")
    assert client.get("/api/accounting").json()["drift"] == 1
    assert "tracker_accounting_drift 1.0" in client.get("/metrics").text.splitlines()


def test_the_account_is_503_while_a_server_is_down(query_settings: Settings) -> None:
    for away, code in (({"database_url": NOWHERE}, "DATABASE_UNAVAILABLE"), ({"redis_url": NO_REDIS}, "QUEUE_UNAVAILABLE")):
        with TestClient(create_app(query_settings.model_copy(update=away)), LOCAL) as client:
            answer = client.get("/api/accounting")
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert client.get("/metrics").status_code == 200


def test_the_service_is_not_ready_when_the_canary_does_not_return(query_settings: Settings, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.hset(SEEN_KEY, mapping={"sent_at": time.time() - 3600, "round_trip_seconds": 0.25})
    # Given a service that has just begun: it is ready before it could know
    with TestClient(create_app(query_settings), LOCAL) as client:
        assert client.get("/readyz").status_code == 200
        assert "tracker_canary_round_trip_seconds 0.25" in client.get("/metrics").text.splitlines()
    # When it has waited for longer than it may, then it is not; unless there is no canary
    impatient = query_settings.model_copy(update={"canary_max_age_seconds": 1e-9})
    with TestClient(create_app(impatient), LOCAL) as client:
        refusal = client.get("/readyz")
        assert (refusal.status_code, refusal.json()["code"], set(refusal.json()["details"])) == (503, "PIPELINE_STUCK", {"canary"})
    with TestClient(create_app(impatient.model_copy(update={"canary_seconds": 0})), LOCAL) as client:
        assert client.get("/readyz").status_code == 200


def test_head_answers_like_get_without_a_body(client: TestClient, connection: Connection, subtests: pytest.Subtests) -> None:
    world.build(connection, sessions=1)
    for path in [*READS, "/healthz", "/readyz", "/metrics", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/", "/nowhere"]:
        with subtests.test(path):
            get, head = client.get(path), client.head(path)
            assert head.status_code == get.status_code
            assert head.content == b""
            assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ["/api/sessions", "/api/projects/1", "/healthz"])
def test_other_methods_are_a_405_with_the_error_body(client: TestClient, path: str) -> None:
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]


def test_an_unknown_path_is_a_404_with_the_error_body(client: TestClient) -> None:
    assert client.get("/api/nothing").json()["code"] == "NOT_FOUND"


def test_the_reference_page_and_its_files_come_from_this_server(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text
    for path in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        answer = client.get(f"/{path}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] in {"text/css", "application/javascript"}


@pytest.mark.parametrize("name", ["nothing.js", "swagger-ui.lock", "..%2fsettings.py", "%2e%2e/app.py"])
def test_other_files_are_not_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/docs/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_seeded_rows_agree_with_the_schema(connection: Connection) -> None:
    """The tests' own data: sums of the rollups are the rows'."""
    world.build(connection)
    row = connection.execute(
        "SELECT (SELECT sum(tool_calls) FROM activity_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 15), (SELECT count(*) FROM tool_calls)"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1]


def test_metrics_tell_how_long_captured_transcripts_and_hooks_wait(client: TestClient, connection: Connection) -> None:
    assert (samples(client)["tracker_capture_oldest_seconds"], samples(client)["tracker_capture_files_set_aside"]) == (0, 0)

    # Given a file that is read to 10 and stored to 30, which waits for the archive, and one that is set aside
    file = """
        INSERT INTO transcript_files (session_id, file_name, parsed_offset, stored_offset, read_again_at, read_attempts)
        VALUES (%s, 'f.jsonl', 10, 30, '2099-01-01', %s) RETURNING id"""
    connection.execute(file.encode(), ("set aside", 5))
    [(file_id,)] = connection.execute(file.encode(), ("s", 0)).fetchall()
    for start, minutes in ((0, 60), (10, 5), (20, 1)):
        connection.execute(
            "INSERT INTO transcript_ranges (file_id, start_offset, end_offset, content, raw_bytes, received_at)"
            " VALUES (%s, %s, %s, '', 0, now() - make_interval(mins => %s))",
            (file_id, start, start + 10, minutes),
        )

    # Then the next range of the first one is the oldest that waits
    values = samples(client)
    assert 300 <= values["tracker_capture_oldest_seconds"] < 330
    assert values["tracker_capture_files_set_aside"] == 1

    # And a hook may wait longer
    connection.execute(
        "INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload)"
        " VALUES (gen_random_uuid(), 's', now(), now() - interval '10 minutes', '{}')"
    )
    assert 600 <= samples(client)["tracker_capture_oldest_seconds"] < 630


def test_metrics_tell_how_far_the_search_index_is_behind(client: TestClient, connection: Connection) -> None:
    names = ("tracker_search_pending_documents", "tracker_search_oldest_seconds", "tracker_search_waiting_sessions")
    catch_up(client)
    assert [samples(client)[name] for name in names] == [0, 0, 0]

    # Given a writer that cannot come to what changed five minutes ago
    index: SearchIndex = client.app.state.search_index  # type: ignore[attr-defined]
    index.writer, writer = None, index.writer
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    connection.execute("UPDATE search_changes SET noted_at = now() - interval '5 minutes'")
    index.look()

    pending, seconds, sessions = (samples(client)[name] for name in names)
    index.writer = writer
    assert (pending, sessions) == (1, 1)
    assert 300 <= seconds < 330


def test_a_too_long_text_is_reported_in_characters(client: TestClient) -> None:
    answer = client.get("/api/conversations", params={"session_id": "x" * 201})
    assert answer.json()["message"] == "session_id: must have at most 200 characters, this has 201"
    assert client.get("/api/conversations?session_id=").json()["message"] == "session_id: must have at least 1 character"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/api/tool-calls/session/s?Limit=1",
            "Limit: is not a parameter of this path; it takes limit, cursor, format, include_result",
        ),
        ("/api/sessions?project_id=1&project_id=2", "project_id: is given more than once; give it once"),
        ("/api/usage?user=ann&group_by=day&user=bob", "user: is given more than once; give it once"),
    ],
)
def test_a_parameter_without_effect_is_refused(client: TestClient, path: str, message: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_a_wrong_value_is_answered_with_the_allowed_ones(client: TestClient) -> None:
    assert client.get("/api/sessions?status=closed").json()["message"] == "status: Input should be 'open' or 'ended'"


WINDOW = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def keyed(query_settings: Settings) -> Iterator[TestClient]:
    """The same behind keys, of which this client has none. Its start finds no database, so it need not have an admin key."""
    settings = query_settings.model_copy(update={"access": "keys", "database_url": "postgresql://127.0.0.1:1/none"})
    with TestClient(create_app(settings), LOCAL) as client:
        yield client


@pytest.mark.parametrize("path", ["/nope", "/nope/xyz", "/session/abc", "/Overview"])
def test_window_gets_the_dashboard_at_any_address(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=WINDOW)

    assert (answer.status_code, answer.text) == (404, PAGE.read_text())
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Security-Policy"] == PAGE_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/nope/xyz", {"Accept": "*/*"}), ("/nope/xyz", {"Accept": "application/json"}), ("/api/nope", WINDOW), ("/assets/nope.js", WINDOW)],
)
def test_others_and_paths_of_the_api_get_its_error(client: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("encoding", ["gzip, br", "identity"])
def test_scripts_of_the_dashboard_are_sent_packed_to_who_takes_it(client: TestClient, encoding: str) -> None:
    answers = [client.get(f"/assets/{path.name.removesuffix('.gz')}", headers={"Accept-Encoding": encoding}) for path in ASSETS.iterdir()]

    packed = [answer for answer in answers if answer.headers.get("Content-Encoding") == "gzip"]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert (len(packed) > 3) is (encoding != "identity")
    # The client has unpacked them.
    assert any("function" in answer.text for answer in answers)


def test_window_without_a_login_gets_the_dashboard_too(keyed: TestClient) -> None:
    assert keyed.get("/nope/xyz", headers=WINDOW).text == PAGE.read_text()
    assert keyed.get("/nope/xyz").status_code != 200
    assert keyed.get("/api/sessions", headers=WINDOW).status_code == 401
