"""A stand-in for Anthropic's Messages API on loopback, for the real Claude Code: it answers by a script.

A turn is the content of one answer, made by `say` and `use`; or a `Failure`, an HTTP error. The conversation takes the next turn with each request,
and so does each subagent, which is known by its prompt. After the last turn, and for requests without tools (titles, summaries), the answer is "Done.".
"""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from uuid import uuid4

# Every answer's usage, unless a test says otherwise. So the tokens of a session are these times its answers.
USAGE: Mapping[str, Any] = {
    "input_tokens": 13,
    "output_tokens": 8,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 21,
    "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 0},
}
Block = dict[str, Any]
THINKING_SECONDS = 0.05


@dataclass(frozen=True)
class Failure:
    """An answer that is an error. Claude Code tries again."""

    status: int = 529


Turn = Sequence[Block] | Failure
_LAST: Turn = ({"type": "text", "text": "Done."},)


def say(text: str) -> Block:
    """A text block."""
    return {"type": "text", "text": text}


def say_slowly(text: str, seconds: float) -> Block:
    """A text block that is streamed word by word, for so long."""
    return {"type": "text", "text": text, "seconds": seconds}


def think(text: str) -> Block:
    """A block of thinking, which takes THINKING_SECONDS."""
    return {"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}


def use(tool: str, **parameters: Any) -> Block:
    """A tool call. It gets its id when it is sent."""
    return {"type": "tool_use", "name": tool, "input": parameters}


def use_agent(description: str, prompt: str, *, in_background: bool = False) -> Block:
    """A call of a subagent that Claude waits for. Newer versions let agents work in the background unless they are told otherwise."""
    return use("Agent", description=description, prompt=prompt, subagent_type="general-purpose", run_in_background=in_background)


@dataclass
class MessagesApi:
    """The running server. `script` sets what it answers from now on."""

    url: str = ""
    # Answers so far that had tools to offer: those that a transcript has.
    answers: int = 0
    # Seconds before each answer.
    delay: float = 0.0
    # Each answer's headers, besides its own: the limits, for one.
    headers: Mapping[str, str] = field(default_factory=dict)
    # The usage that each answer says of itself.
    usage: Mapping[str, Any] = field(default_factory=lambda: USAGE)
    # Ids are unique over all servers, as those of the real API are.
    _run: str = field(default_factory=lambda: uuid4().hex[:10])
    _numbers: Iterator[int] = field(default_factory=count)
    _turns: list[Turn] = field(default_factory=list)
    _agents: dict[str, list[Turn]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self, turns: Sequence[Turn], agents: Mapping[str, Sequence[Turn]] | None = None) -> None:
        """Sets the turns of the conversation, and those of subagents by their prompts."""
        with self._lock:
            self._turns = list(turns)
            self._agents = {prompt: list(agent) for prompt, agent in (agents or {}).items()}

    def next_turn(self, request: dict[str, Any]) -> Turn:
        """The answer to a request."""
        if not request.get("tools"):
            return _LAST
        first = json.dumps(request["messages"][:1])
        with self._lock:
            self.answers += 1
            turns = next((agent for prompt, agent in self._agents.items() if json.dumps(prompt)[1:-1] in first), self._turns)
            return turns.pop(0) if turns else _LAST

    def message(self, turn: Sequence[Block], model: str) -> dict[str, Any]:
        """The turn as a whole message, with ids."""
        number = next(self._numbers)
        blocks = [
            block | {"id": f"toolu_{self._run}{number:05}x{place}"} if block["type"] == "tool_use" else block
            for place, block in enumerate(turn)
        ]
        stop_reason = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        return {
            "id": f"msg_{self._run}{number:05}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": blocks,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": self.usage,
        }


@contextmanager
def messages_api() -> Iterator[MessagesApi]:
    """A server on a free port of loopback."""
    api = MessagesApi()
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: MessagesApi

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer({"data": []})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "/v1/messages" not in self.path:
            return self._answer({})
        if "count_tokens" in self.path:
            return self._answer({"input_tokens": 100})
        request = json.loads(body)
        turn = self.api.next_turn(request)
        time.sleep(self.api.delay)
        if isinstance(turn, Failure):
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded, as the script says"}}
            return self._answer(error, turn.status)
        message = self.api.message(turn, request["model"])
        # A person who presses Esc in an answer closes the connection.
        with suppress(BrokenPipeError, ConnectionResetError):
            if request.get("stream"):
                self._stream(message)
            else:
                self._answer(message)
        return None

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        content = b"" if self.command == "HEAD" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self._end_headers()
        self.wfile.write(content)

    def _end_headers(self) -> None:
        for name, value in self.api.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, message: dict[str, Any]) -> None:
        """The message as server-sent events, block by block."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id", f"req_{message['id'].removeprefix('msg_')}")
        self.send_header("connection", "close")
        self._end_headers()
        self._event("message_start", message=message | {"content": [], "stop_reason": None})
        for index, block in enumerate(message["content"]):
            deltas: list[Block] = []
            pause = 0.0
            match block["type"]:
                case "text":
                    words = re.split(r"(?<= )", block["text"]) if block.get("seconds") else [block["text"]]
                    pause = block.pop("seconds", 0.0) / len(words)
                    empty, deltas = block | {"text": ""}, [{"type": "text_delta", "text": word} for word in words]
                case "thinking":
                    empty = block | {"thinking": "", "signature": ""}
                    signed = {"type": "signature_delta", "signature": block["signature"]}
                    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}, signed]
                case _:
                    empty, deltas = block | {"input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
            self._event("content_block_start", index=index, content_block=empty)
            for delta in deltas:
                self._event("content_block_delta", index=index, delta=delta)
                time.sleep(pause)
            if block["type"] == "thinking":
                time.sleep(THINKING_SECONDS)
            self._event("content_block_stop", index=index)
        stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        self._event("message_delta", delta=stop, usage={"output_tokens": self.api.usage["output_tokens"]})
        self._event("message_stop")
        self.close_connection = True

    def _event(self, kind: str, **fields: Any) -> None:
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())
