"""No secret of an event reaches Redis, Postgres or an answer, unless redaction is off. It blocks no other request."""

from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.events.messages import Conversation
from shared.redaction.redact import redact_text
from tests.integration.ingest.conftest import Service

SECRET = "glpat-aB3dE6gH9jK2mN5pQ8sT"
MOST_CHARACTERS = 1024**2
# It is hundreds; one or two, where the loop stands still.
ANSWERS_MEANWHILE = 20


def everything(service: Service) -> str:
    keys = [(key, service.redis.type(key)) for key in service.redis.keys("*")]
    streams = [service.redis.xrange(key) for key, kind in keys if kind == b"stream"]
    texts = [service.redis.get(key) for key, kind in keys if kind == b"string"]
    texts += [service.redis.hgetall(key) for key, kind in keys if kind == b"hash"]
    return f"{keys} {streams} {texts} {service.select('SELECT * FROM projects')}"


def test_no_secret_is_stored_anywhere(service: Service) -> None:
    service.start("s-1", user=f"ann {SECRET}", git_branch=SECRET, project_path=f"/home/me/{SECRET}")
    service.post("/api/conversations", {"session_id": "s-1", "role": "user", "content": f"use {SECRET}"}, Idempotency_Key="k-1")
    service.post(
        "/api/tool-calls",
        {"session_id": "s-1", "tool_name": "Bash", "result_status": "success", "parameters": {"a": [{"password": "plain"}]}},
    )
    for result in (f"printed {SECRET}", {"text": f"printed {SECRET}", "media": [{"type": SECRET}]}):
        assert service.post("/api/tool-calls", {"tool_name": "Bash", "result_status": "success", "result": result}).status_code == 201
    service.post("/api/events", [{"type": "activity", "session_id": "s-1", "file_path": f"/x/{SECRET}", "action": "created"}])

    kept = everything(service)

    assert SECRET not in kept
    assert "plain" not in kept
    assert kept.count("[redacted:gitlab_token:") >= 5


def test_names_that_come_beside_a_body_are_redacted(service: Service) -> None:
    """given a secret as a user or file name in the query of a hook or a range, or in the name or user of a key, then it is stored nowhere."""
    lines = {"content": b'{"n": 1}\n', "headers": {"Content-Type": "application/x-ndjson"}}
    hook = {"session_id": "s-1", "hook_event_name": "Stop"}

    assert service.http.post(f"/api/hooks?user={SECRET}", json=hook).status_code == 204
    first = service.http.put(f"/api/transcripts/s-1?file=agents/{SECRET}.jsonl&offset=0&user={SECRET}", **lines)
    again = service.http.put(f"/api/transcripts/s-1?file=agents/{SECRET}.jsonl&offset=0&user={SECRET}", **lines)
    made = service.post("/api/keys", {"name": f"key of {SECRET}", "user": SECRET, "scopes": ["ingest"]})

    # The file is the same one when it is sent again.
    assert (first.json()["status"], again.json()["status"]) == ("accepted", "duplicate")
    [ranges] = [envelope.ranges for envelope in service.envelopes() if envelope.ranges]
    assert ranges[0].file_name == f"agents/{redact_text(SECRET)}.jsonl"
    assert made.json()["name"] == f"key of {redact_text(SECRET)}"
    assert SECRET not in everything(service)
    assert SECRET not in str(service.select("SELECT name, user_name FROM api_keys")) + str(service.select("SELECT * FROM audit_log"))


def test_a_user_is_not_renamed_to_a_secret(service: Service) -> None:
    service.execute("INSERT INTO users (name) VALUES ('ann')")

    answer = service.http.patch("/api/users/ann", json={"name": SECRET})

    assert answer.json()["name"] == redact_text(SECRET)
    assert SECRET not in str(service.select("SELECT * FROM users")) + str(service.select("SELECT * FROM audit_log"))


def test_error_messages_do_not_quote_the_input(service: Service) -> None:
    service.start("s-1")
    wrong = {"type": "conversation", "session_id": "s-1", "role": SECRET, "content": "x"}
    for answer in (service.post("/api/conversations", wrong), service.post("/api/events", [wrong, wrong | {"type": SECRET}])):
        assert SECRET not in answer.text


def test_texts_are_kept_unchanged_with_redaction_off(settings: Settings, service: Service) -> None:
    with TestClient(create_app(settings.model_copy(update={"redact": False})), base_url=str(service.http.base_url)) as http:
        service.start("s-1")
        http.post("/api/conversations", json={"session_id": "s-1", "role": "user", "content": SECRET})
    assert [event.content for event in service.journal() if isinstance(event, Conversation)] == [SECRET]


def test_sixteen_megabytes_of_secrets_do_not_block_other_requests(service: Service) -> None:
    # Given a batch as large as one may be, with nothing but secrets in it
    service.start("s-1")
    contents = [(f"password=abcd12{number:02} " * 70_000)[:MOST_CHARACTERS] for number in range(15)]
    batch = [{"type": "conversation", "session_id": "s-1", "role": "user", "content": content} for content in contents]

    # When others ask while it is accepted
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(accepted, service, batch)
        answers = 0
        while not sending.done():
            assert service.http.get("/healthz").status_code == 200
            answers += 1

    # Then they are answered, and it is kept as any other
    assert sending.result() == len(contents)
    assert answers > ANSWERS_MEANWHILE
    kept = [event.content for event in service.journal() if isinstance(event, Conversation)]
    assert set(kept) == {redact_text(content)[:MOST_CHARACTERS] for content in contents}


def accepted(service: Service, batch: list[dict[str, str]]) -> int:
    """How many. A busy disk may take longer than ingest waits for it; then a client sends the same again."""
    while (answer := service.post("/api/events", batch, Idempotency_Key="k")).status_code == 503:
        pass
    assert answer.status_code == 200, answer.text
    count: int = answer.json()["accepted"]
    return count


def test_a_large_event_is_redacted_like_a_small_one(service: Service) -> None:
    service.start("s-1")
    large, small = "x" * 100_000 + f" {SECRET}", f"x {SECRET}"
    for content in (large, small):
        service.post("/api/conversations", {"session_id": "s-1", "role": "user", "content": content})
    service.post("/api/events", [{"type": "conversation", "session_id": "s-1", "role": "user", "content": large}])

    kept = [event.content for event in service.journal() if isinstance(event, Conversation)]

    assert kept == [redact_text(content) for content in (large, small, large)]
