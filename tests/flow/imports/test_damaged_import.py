"""F22: a transcript damaged in every usual way is imported except its bad lines, which are reported by number."""

from uuid import uuid4

from tests.flow.conftest import Stack
from tests.unit.worker.importers.transcript.rows_of_a_session import jsonl, prompt


def test_valid_lines_are_stored_and_bad_lines_are_reported_by_number(stack: Stack) -> None:
    # Given a file with a BOM, CRLF, a line that is no JSON, a field that is there twice, a line of something else, and no end
    session = uuid4().hex
    lines = [
        jsonl(prompt(n, f"{session}-{n}", f"line {n}", sessionId=session, cwd=f"/damaged/{session}")).rstrip(b"\n") for n in range(1, 7)
    ]
    lines[1] = b'{"type": "user", "message": '
    lines[2] = lines[2].replace(b'"content": "line 3"', b'"content": "first", "content": "line 3"')
    lines[3] = b"[1, 2, 3]"
    content = b"\xef\xbb\xbf" + b"\r\n".join(lines)[:-30]

    # When it is imported
    answer = stack.http.post("/api/import/claude-data", files={"file": ("s.jsonl", content)}, headers={"Prefer": "wait=30"}).json()

    # Then three messages are there, the last of two equal keys counts, and each error has its line and a word for what it is
    assert (answer["status"], answer["conversations_imported"], answer["errors_total"]) == ("succeeded", 3, 3)
    assert sorted((error["line"], error["code"]) for error in answer["errors"]) == [
        (2, "INVALID_JSON"),
        (4, "NOT_AN_OBJECT"),
        (6, "TRUNCATED"),
    ]
    stored = stack.http.get("/api/conversations", params={"session_id": session}).json()["items"]
    assert sorted(message["content"] for message in stored) == ["line 1", "line 3", "line 5"]
