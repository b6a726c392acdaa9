"""The results of tool calls: the text that Claude was told, sizes of images, and what is kept of a long text."""

import base64
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.redacted_file import RedactedFile
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.derived_values.cut_results import ALL, enough_of, result_of
from services.worker.persist.records import KeptResults, Media, Result, ToolUse
from shared.claude_formats.tool_results import ResultText, parse_result, storable, without_escape_codes
from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import redact_structs
from tests.example_counts import a_third
from tests.redaction_corpus import Case, secret_cases
from tests.redaction_corpus.__main__ import is_found
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, of, read_rows, result, use

AT = datetime(2026, 3, 1, tzinfo=UTC)
PNG = base64.b64encode(bytes(100)).decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}}
INNER = {"type": "content", "content": [{"type": "text", "text": "in it"}, IMAGE]}


def given_back(content: Any, **fields: Any) -> Result | None:
    [call] = of(read_rows(answer(0, "a1", "m", use("toolu_1")), result(1, "u1", "toolu_1", content, **fields)), ToolUse)
    found: Result | None = call.result
    return found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("ok", Result(text="ok")),
        ("", Result(text="")),
        (None, None),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], Result(text="one\ntwo")),
        ([IMAGE, {"type": "text", "text": "a picture"}, DOCUMENT], Result(text="a picture", media=[Media("image/png", 100), Media("application/pdf", 100)])),
        ([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}], Result(text="words")),
        ([{"type": "document", "source": INNER}], Result(text="in it", media=[Media("image/png", 100)])),
        ([{"type": "tool_reference", "tool_name": "WebFetch"}], Result(text='{"type":"tool_reference","tool_name":"WebFetch"}')),
        ([{"type": "text", "text": 7}, None, "x"], Result(text='{"type":"text","text":7}\nnull\nx')),
        ({"odd": ["größer"]}, Result(text='{"odd":["größer"]}')),
        ("a\0b", Result(text="a\ufffdb")),
        ("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b(Bend\x1b", Result(text="red link end")),
        ("\x1b]never ends\nkept", Result(text="never ends\nkept")),
    ],
)  # fmt: skip
def test_a_result_is_the_text_that_claude_was_told(content: Any, expected: Result | None) -> None:
    assert given_back(content) == expected


def test_half_a_surrogate_pair_and_bytes_that_are_no_utf8_are_replaced() -> None:
    content = jsonl(answer(0, "a1", "m", use("toolu_1")), result(1, "u1", "toolu_1", "HERE"))

    for written, kept in ((b"a\\ud800b", "a?b"), (b"a\xffb", "a\ufffdb")):
        records = list(read_transcript(io.BytesIO(content.replace(b"HERE", written)), user=None, idle_gap=IDLE_GAP))
        assert of(records, ToolUse)[0].result.text == kept


def test_a_call_without_a_result_has_none() -> None:
    [call] = of(read_rows(answer(0, "a1", "m", use("toolu_1"))), ToolUse)
    assert (call.status, call.result) == ("pending", None)


@given(text=st.text(min_size=0, max_size=300), characters=st.integers(4, 200))
def test_what_is_kept_is_the_beginning_and_the_end(text: str, characters: int) -> None:
    kept = result_of(ResultText(text, []), KeptResults(characters))

    if len(text) <= characters:
        assert (kept.text, kept.left_out, kept.cut_at) == (text, 0, None)
    else:
        assert kept.cut_at == characters * 3 // 4
        assert len(kept.text) == characters
        assert kept.left_out == len(text) - characters
        assert text[: kept.cut_at] + text[kept.cut_at : kept.cut_at + kept.left_out] + kept.text[kept.cut_at :] == text


@given(before=st.integers(0, 60), behind=st.integers(0, 60), words=st.integers(1, 4))
def test_no_secret_is_cut_and_redacting_again_changes_nothing(before: int, behind: int, words: int) -> None:
    """given secrets anywhere in a text, redacted before it is cut, then no half of one is left, and the place of the cut stays."""
    secret = "glpat-aB3dE6gH9jK2mN5pQ8sT"
    text = redact_text("x" * before + f" {secret} " * words + "y" * behind)

    kept = result_of(ResultText(text, []), KeptResults(60))
    again = msgspec.convert(msgspec.to_builtins(kept), Result)
    redact_structs([again], {})

    assert again == kept
    assert not any(secret[n : n + 5] in kept.text for n in range(len(secret) - 5))
    assert kept.text.count("[redacted:") == kept.text.count("]")


def test_of_successful_calls_nothing_is_kept_if_only_errors_are_wanted() -> None:
    content = jsonl(
        answer(0, "a1", "m", use("toolu_1"), use("toolu_2")),
        result(1, "u1", "toolu_1", "fine"),
        result(2, "u2", "toolu_2", "Exit code 1", is_error=True),
    )

    for kept, texts in ((ALL, ["fine", "Exit code 1"]), (KeptResults(only_errors=True), [None, "Exit code 1"])):
        records = list(read_transcript(io.BytesIO(content), user=None, idle_gap=IDLE_GAP, kept_results=kept))
        assert [call.result and call.result.text for call in of(records, ToolUse)] == texts


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_content_has_a_text(content: Any) -> None:
    found = parse_result(json.dumps(content).encode())

    assert (found is None) == (content is None)
    if found is not None:
        found.text.encode()
        assert "\0" not in found.text


def test_no_part_of_a_known_secret_is_kept_wherever_the_text_is_cut() -> None:
    """given each secret of the corpus behind texts of any length, then what is kept are parts of the redacted whole, from transcripts and hooks."""
    found = {case.text: kept for case in secret_cases() if is_found(case) and (kept := list(kept_otherwise(case)))}

    assert found == {}


def kept_otherwise(case: Case) -> Iterator[str]:
    """The parts that are kept of the secret's results and not of the redacted whole."""
    for before in a_third(range(0, len(case.text), 3)):
        text = "-\n" * before + case.text + "\n-" * len(case.text)
        lines = redact_lines(jsonl(answer(0, "a1", "m", use("toolu_1")), result(1, "u1", "toolu_1", text)), {})
        payload = json.dumps(
            {"session_id": "s", "hook_event_name": "PostToolUse", "tool_use_id": "toolu_1", "tool_name": "X", "tool_response": text}
        )
        hook = redact_lines(payload.encode(), {})
        limits = KeptResults(len(case.text) * 2)
        whole = redact_text(text)
        for records in (
            list(read_transcript(io.BytesIO(lines), user=None, idle_gap=IDLE_GAP, kept_results=limits)),
            list(read_hook(hook, AT, user=None, kept_results=limits)),
        ):
            redact_structs(records, {})
            [call] = of(records, ToolUse)
            kept = call.result.text
            head = kept[: call.result.cut_at]
            are_parts = whole.startswith(head) and whole.endswith(kept[len(head) :])
            if not are_parts or any(secret in kept for secret in case.secrets):
                yield kept


# Characters that must not be broken where a long text is decoded in pieces: escapes, surrogate pairs, characters of several bytes, codes of terminals.
BREAKABLE = st.lists(
    st.sampled_from(
        ["\\", '"', "\n", "\0", "\ud83d", "\U0001f600", "é", "語", "\x1b", "\x1b[", "31", "m", "\x1b]8;;", "\x07", "\x1b\\", "\x9b"]
    )
    | st.characters(),
    max_size=40,
).map("".join)


@settings(max_examples=50)
@given(BREAKABLE, st.integers(-60, 10), st.booleans(), st.booleans(), st.integers(4, 3000))
def test_a_long_text_is_the_same_in_pieces(middle: str, before: int, ascii_only: bool, in_blocks: bool, characters: int) -> None:
    """given a text that is longer than a piece, with anything where a piece may end, then nothing of it is lost or changed."""
    text = "x" * (256 * 1024 + before) + middle + "y" * 300_000
    content = [{"type": "text", "text": text}, {"type": "text", "text": "z"}] if in_blocks else text
    written = json.dumps(content, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    read = json.loads(json.dumps(text))
    has_half_a_pair = any("\ud800" <= each <= "\udfff" for each in read)
    expected = without_escape_codes(storable(read)) + ("\nz" if in_blocks else "")
    kept = KeptResults(characters)

    whole = parse_result(written)
    cut = parse_result(written, enough_of(kept))

    assert whole is not None
    assert cut is not None
    # Half a pair as bytes is no UTF-8; among blocks their JSON is shown, as no reader of transcripts gives it.
    if not has_half_a_pair or (ascii_only and not in_blocks):
        assert whole.text == expected
    assert len(cut.text) + cut.left_out == len(whole.text)
    assert result_of(cut, kept) == result_of(whole, kept)


@pytest.mark.parametrize(
    "content", ["Exit code 2\n" + "a line\n" * 100_000 + "No such file or directory", "[Request interrupted by user" + "." * 300_000]
)
def test_a_long_failure_is_told_by_its_beginning_and_its_end(content: str) -> None:
    def failed(text: str) -> ToolUse:
        [call] = of(read_rows(answer(0, "a1", "m", use("toolu_1")), result(1, "u1", "toolu_1", text, is_error=True)), ToolUse)
        return call

    short = content[:100] + content[-100:]
    assert (failed(content).status, failed(content).error_class) == (failed(short).status, failed(short).error_class)


@pytest.mark.parametrize("is_error", [False, True])
def test_memory_is_that_of_a_few_copies_of_the_longest_line(is_error: bool) -> None:
    """given results with an emoji, so that each of their characters takes four bytes as a text."""
    text = "a line of output\n" * 250_000 + "\U0001f600"
    rows = []
    for n in range(4):
        rows += [answer(2 * n, f"a{n}", f"m{n}", use(f"toolu_{n}")), result(2 * n + 1, f"u{n}", f"toolu_{n}", text, is_error=is_error)]
    file = cast(IO[bytes], RedactedFile(io.BytesIO(jsonl(*rows)), {}))
    longest = len(json.dumps(text))

    tracemalloc.start()
    found = sum(1 for record in read_transcript(file, user=None, idle_gap=IDLE_GAP) if isinstance(record, ToolUse))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == 4
    assert peak < 4 * longest
