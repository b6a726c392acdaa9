"""The kept part of a tool call's result: from a block of a transcript, or from a hook's response."""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from services.worker.persist.derived_values.cut_results import result_of
from services.worker.persist.records import KeptResults, Result
from shared.claude_formats.tool_results import NOTHING, ResultText, first_byte, media_of, parse_result, storable, without_escape_codes
from shared.events.messages import ToolStatus

_DATA_URI: Final = re.compile(r"data:([\w.+/-]+);base64,")


def result_of_error(text: str, status: ToolStatus, kept: KeptResults) -> Result | None:
    """The result of a call of which only an error's text is known."""
    return result_of(ResultText(without_escape_codes(text), []), kept) if text and kept.keeps(status) else None


def result_of_response(response: Raw, status: ToolStatus, kept: KeptResults) -> Result | None:
    """The result of a hook's `tool_response`, as `given_by` it."""
    given = given_by(response) if kept.keeps(status) else None
    return None if given is None else result_of(given, kept)


def given_by(response: Raw) -> ResultText | None:
    """The text that Claude was told where the response is a text or blocks, else the tool's own structure as text."""
    return _parse_structure(response) if first_byte(response) == b"{" else parse_result(response)


class _File(Struct):
    content: Raw = NOTHING
    base64: Raw = NOTHING
    type: str | None = None


class _Response(Struct):
    type: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    file: Raw = NOTHING
    content: Raw = NOTHING


_response = msgspec.json.Decoder(_Response)
_file = msgspec.json.Decoder(_File)


def _parse_structure(response: Raw) -> ResultText | None:
    try:
        known: Any = _response.decode(response)
        file = _file.decode(known.file) if first_byte(known.file) == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return parse_result(response)
    if known.stdout is not None or known.stderr is not None:
        return _shell_result(known.stdout or "", known.stderr or "")
    if file is not None and first_byte(file.base64) == b'"':
        return ResultText("", [media_of(file.type or known.type, file.base64)])
    if file is not None and first_byte(file.content) == b'"':
        return parse_result(file.content)
    # Blocks, as of a subagent. An edit's `content` is the new file, beside what changed.
    return parse_result(known.content if first_byte(known.content) == b"[" else response)


def _shell_result(stdout: str, stderr: str) -> ResultText:
    # A command may print an image, which Claude then sees as one.
    image = _DATA_URI.match(stdout)
    if image is not None:
        return ResultText(storable(without_escape_codes(stderr)), [media_of(image[1], f'"{stdout[image.end() :].rstrip()}"'.encode())])
    text = "\n".join(part for part in (stdout, stderr) if part)
    return ResultText(storable(without_escape_codes(text)), [])
