"""A transcript, the log and the server may suffer anything, in any order: in the end the server has every whole line, once."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from client.capture.shipper import SCAN_REQUEST, Shipper
from tests.unit.client.capture.capture_server import CaptureServer, capture_server

SESSION = "11111111-2222-4333-8444-555555555555"
LINE = b'{"type":"user","cwd":"/home/ann/shop","n":%d,"text":"%b"}\n'

line = st.builds(
    lambda number, text: LINE % (number, text), st.integers(0, 9), st.sampled_from([b"", b"x" * 300, b"password=hunter2!x", b"x" * 9000])
)
operation = st.one_of(
    st.tuples(st.just("grows"), st.lists(line, min_size=1, max_size=4)),
    st.tuples(st.just("grows by half a line"), line),
    st.tuples(st.just("is cut"), st.floats(0, 1)),
    st.tuples(st.just("is written anew"), st.lists(line, max_size=4)),
    st.tuples(st.just("is copied"), st.none()),
    st.tuples(st.just("is gone for a while"), st.none()),
    st.tuples(st.just("is sent"), st.none()),
    st.tuples(st.just("the shipper dies"), st.none()),
    st.tuples(st.just("the log is cut"), st.floats(0, 1)),
    st.tuples(st.just("the server fails"), st.none()),
    st.tuples(st.just("an answer is lost"), st.none()),
)


class Machine:
    """A home with one transcript, and a shipper that dies and comes back."""

    def __init__(self, home: Path, server: CaptureServer) -> None:
        self.home, self.server = home, server
        self.folder = home / "capture"
        self.file = home / f".claude/projects/-home-ann-shop/{SESSION}.jsonl"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(LINE % (0, b"first"))
        self.folder.mkdir()
        self.shipper = self.started()

    def started(self) -> Shipper:
        return Shipper(self.folder, {"TRACKER_CAPTURE_DIR": str(self.folder), "TRACKER_URL": self.server.url}, self.home)

    def restart(self) -> None:
        self.shipper.connection.close()
        self.shipper = self.started()

    def send(self) -> None:
        (self.folder / SCAN_REQUEST).touch()
        self.shipper.pause.end()
        for _ in range(20):
            self.shipper.tick()
            if not self.shipper.watched.backlog:
                return

    def does(self, what: str, value: Any) -> None:
        if what in ("grows", "grows by half a line", "is cut", "is written anew", "is copied", "is gone for a while"):
            self.changes(what, value, self.file.read_bytes())
        elif what in ("is sent", "the shipper dies", "the log is cut"):
            self.ships(what, value)
        else:
            self.server.failure = (503, {}) if what == "the server fails" else None
            self.server.loses_answers = what == "an answer is lost"
            self.send()
            self.server.failure, self.server.loses_answers = None, False

    def changes(self, what: str, value: Any, content: bytes) -> None:
        match what:
            case "grows":
                self.file.write_bytes(content + (b"" if content.endswith(b"\n") or not content else b"\n") + b"".join(value))
            case "grows by half a line":
                self.file.write_bytes(content + value[: len(value) // 2])
            case "is cut":
                self.file.write_bytes(content[: round(len(content) * value)])
            case "is written anew":
                self.file.write_bytes(LINE % (len(content) % 10, b"anew") + b"".join(value))
            case "is copied":
                copy = self.file.with_suffix(".copy")
                copy.write_bytes(content)
                copy.replace(self.file)
            case "is gone for a while":
                self.file.unlink()
                self.send()
                self.file.write_bytes(content)

    def ships(self, what: str, value: Any) -> None:
        log = self.folder / "sent.jsonl"
        if what == "is sent":
            self.send()
        else:
            if what == "the log is cut":
                # Without the log nobody can tell that a file was written anew in the meantime.
                self.changes("grows", [LINE % (2, b"known")], self.file.read_bytes())
                self.send()
                log.write_bytes(log.read_bytes()[: round(log.stat().st_size * value)])
            self.restart()
            if what == "the log is cut":
                self.send()


@settings(max_examples=60)
@given(st.lists(operation, max_size=12))
@example([("is written anew", []), ("an answer is lost", None), ("is cut", 0.0)])
def test_the_server_has_every_whole_line_in_the_end(operations: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as temporary, capture_server() as server:
        machine = Machine(Path(temporary).resolve(), server)
        try:
            for what, value in operations:
                machine.does(what, value)
            machine.does("grows", [LINE % (1, b"last")])
            machine.send()
        finally:
            machine.shipper.connection.close()

        content, kept = machine.file.read_bytes(), server.content(SESSION)
        expected = [each for each in content.split(b"\n") if b"hunter2" not in each]
        assert [each for each in kept.split(b"\n") if b"redacted" not in each] == expected
        assert kept.count(b"\n") == content.count(b"\n")
        assert b"hunter2" not in kept
