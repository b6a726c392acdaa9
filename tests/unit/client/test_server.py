"""How the client reads answers from a tracker or a proxy, over real sockets and from a scripted server."""

from collections.abc import Iterator

import pytest

from client.errors import Refused, TryLater, Unreachable
from client.http import server as server_module
from client.http.address import InvalidKey, InvalidUrl
from client.http.server import Server
from tests.unit.client.scripted_server import Scripted, after_the_body, answer, hang_up

TRY_LATER = answer(503, {"error": True, "message": "Wait.", "code": "BACKLOG_FULL", "details": {}}, Retry_After="0")
TOO_LARGE = answer(413, {"error": True, "message": "Too much.", "code": "PAYLOAD_TOO_LARGE", "details": {"max_bytes": 7}})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PAUSES_SECONDS", (0.0, 0.0))


def client(scripted: Scripted, token: str | None = None, path: str = "") -> tuple[Server, list[str]]:
    said: list[str] = []
    return Server(scripted.url + path, token, said.append), said


def test_a_request_sends_token_and_path_prefix_and_returns_the_json() -> None:
    with Scripted(answer(200, {"a": 1})) as scripted:
        assert client(scripted, "t0k", "/tracker/")[0].ask("GET", "/api/x?y=1") == {"a": 1}
    [(method, path, headers)] = scripted.seen
    assert (method, path, headers["authorization"]) == ("GET", "/tracker/api/x?y=1", "Bearer t0k")


def test_a_line_end_around_the_key_is_dropped_and_a_key_that_is_none_is_not_shown() -> None:
    with Scripted(answer(200, {})) as scripted:
        client(scripted, "t0k\n")[0].ask("GET", "/")
    assert scripted.seen[0][2]["authorization"] == "Bearer t0k"
    for token in ("t0k\r\nX: y", "t0k t0k", "t0k\u00e9"):
        with pytest.raises(InvalidKey) as caught:
            Server("http://127.0.0.1:1", token, str)
        assert "t0k" not in str(caught.value)


def test_a_refusal_carries_the_servers_message_and_details() -> None:
    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused, match=r"^Too much\.$") as caught:
        client(scripted)[0].ask("POST", "/", {})
    assert (caught.value.status, caught.value.details, caught.value.exit_code) == (413, {"max_bytes": 7}, 1)


def test_an_answer_that_is_not_json_is_reported_as_not_a_tracker() -> None:
    with Scripted(answer(200, b"<html>")) as scripted, pytest.raises(Refused, match="not an answer of a tracker"):
        client(scripted)[0].ask("GET", "/")


def test_a_503_is_retried_a_limited_number_of_times() -> None:
    with Scripted(TRY_LATER, TRY_LATER, answer(200, {})) as scripted:
        server, said = client(scripted)
        assert server.ask("POST", "/", {}) == {}
        assert said == ["Wait.", "Wait."]
    with Scripted(TRY_LATER) as scripted, pytest.raises(TryLater):
        client(scripted)[0].ask("POST", "/", {})
    assert len(scripted.seen) == 3


def test_a_patient_server_waits_longer_for_one_that_is_busy_and_no_longer_for_one_that_is_away() -> None:
    with Scripted(*[TRY_LATER] * 9, answer(200, {})) as scripted:
        server, said = client(scripted)
        server.is_patient = True
        assert server.ask("POST", "/", {}) == {}
        assert said == ["Wait."] * 9
    with Scripted(hang_up) as scripted:
        server, _ = client(scripted)
        server.is_patient = True
        with pytest.raises(Unreachable):
            server.upload("/", {}, lambda: iter([b"x"]))
    assert len(scripted.seen) == 3


def test_an_interrupted_upload_restarts_from_its_first_byte() -> None:
    begun: list[int] = []

    def body() -> Iterator[bytes]:
        begun.append(1)
        yield from [b"chunk"] * 3

    with Scripted(after_the_body(hang_up), after_the_body(answer(202, {"job_id": "j"}))) as scripted:
        server, said = client(scripted)
        assert server.upload("/", {"Idempotency-Key": "k"}, body) == {"job_id": "j"}
    assert (len(begun), len(said)) == (2, 1)
    assert [headers["idempotency-key"] for _, _, headers in scripted.seen] == ["k", "k"]


def test_an_early_refusal_stops_the_upload() -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65536

    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused) as caught:
        client(scripted)[0].upload("/", {}, body)
    assert caught.value.details == {"max_bytes": 7}


def test_an_unreachable_server_error_names_the_url_and_the_remedy() -> None:
    with Scripted(TRY_LATER) as scripted:
        url = scripted.url
    with pytest.raises(Unreachable, match=rf"There is no tracker at {url} .*make up.*--url") as caught:
        Server(url, None, lambda _: None).ask("GET", "/")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "", "http://host:99999"])
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl):
        Server(url, None, lambda _: None)


def test_a_url_without_scheme_is_accepted() -> None:
    with Scripted(answer(200, {})) as scripted:
        assert Server(scripted.url.removeprefix("http://"), None, lambda _: None).ask("GET", "/") == {}
