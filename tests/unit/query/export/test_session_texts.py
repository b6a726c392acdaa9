"""A session as Markdown and a digest: no stored text changes what is around it, runs, or is lost."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from services.query.answers.lists import Media, ToolResult
from services.query.answers.timeline import EntryItem, EntryKind, MessageItem, SubagentSummary, TimelineChange, TimelineItem, ToolCallItem
from services.query.export.digest import MOST_CHARACTERS, as_digest
from services.query.export.markdown import as_markdown
from services.query.export.markdown_text import code, contained, fenced
from services.query.export.phrases import ExportedSession, Options, Tools
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Step, walk
from services.query.queries.timeline.bodies import Place

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SESSION = ExportedSession(
    session_id="s-1", title="Retry uploads", title_source="prompt", own_title=False, is_starred=False, tags=[], note=None, visibility=None,
    texts_dropped_at=None, texts_dropped_before=None,
    parent_session_id=None, project_id=1,
    project_name="shop", project_path="/home/ann/shop", user="ann", start_time=NOON, end_time=None, duration_minutes=30.0, active_minutes=12.0,
    status="open", end_reason=None, state="working", state_source="hook", state_since=None, agents=[], messages_count=2, user_messages=1,
    commands=0, files_modified_count=1, lines_added=3, lines_removed=1,
    tool_calls_count=1, tool_errors_count=0,
    input_tokens=1, output_tokens=2, cache_creation_tokens=3, cache_read_tokens=4, api_calls=1, unpriced_calls=0, model="claude-opus",
    models=["claude-opus"], git_branch="main", client_version=None, cost_usd=1.5, client_cost_usd=None, cache_saved_usd=None, source=None, machines=[],
)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
markdown_texts = st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "\n",
            "\n\n",
            "<script>",
            "</details>",
            "<!--",
            "<!A>",
            "`",
            "``",
            "> ",
            "- ",
            "# ",
            "    ",
            "text ",
            "\\",
            "](",
            "|",
            "\n|-|-|\n",
            "!",
            "[",
            "![a](https://evil.example/b)",
            "![a][r]",
            "\n\n[r]: https://evil.example/c\n\n",
        ]
    )
).map("".join)


def place(item_id: str) -> Place:
    return Place(item_id, NOON, agent_id=None, offset=0, turn=1, cost_usd_so_far=None, tokens_so_far=0)


def message(content: str, role: Literal["user", "assistant"] = "assistant") -> MessageItem:
    return MessageItem(*place("m"), kind="message", role=role, content=content, model="m", source=None)


def entry(kind: EntryKind, content: str, item_id: str = "e") -> EntryItem:
    return EntryItem(*place(item_id), kind=kind, content=content, details=None, source=None)


def call(
    name: str = "Bash",
    parameters: Any = None,
    result: str | ToolResult | None = None,
    *,
    result_status: Literal["success", "error"] = "success",
    error_class: str | None = None,
    changes: Sequence[TimelineChange] = (),
    subagent: SubagentSummary | None = None,
) -> ToolCallItem:
    return ToolCallItem(
        *place("c"),
        kind="tool_call",
        tool_name=name,
        parameters=None if parameters is None else msgspec.Raw(msgspec.json.encode(parameters)),
        result_status=result_status,
        error_class=error_class,
        execution_time_ms=1200,
        duration_source="reported",
        wait_ms=None,
        decision=None,
        is_sandboxed=None,
        result=ToolResult(result, 0, None, []) if isinstance(result, str) else result,
        changes=list(changes),
        subagent=subagent,
        source=None,
    )


def change(path: str, patch: str | None = None) -> TimelineChange:
    lines = {"lines_added": 1, "lines_removed": 1, "patch_left_out_lines": 0}
    return TimelineChange(
        id="f", file_path=path, action="modified", is_estimated=False, patch=patch, tool_call_id="c", source=None, **lines
    )


def options(tools: Tools = "full") -> Options:
    return Options(tools, ZoneInfo("UTC"))


def thread(items: list[TimelineItem], others: dict[str, list[TimelineItem]] | None = None) -> Iterator[Step]:
    def read(agent_id: str | None) -> Iterator[list[TimelineItem]]:
        yield list(items if agent_id is None else (others or {})[agent_id])

    return walk(read)


def markdown(*items: TimelineItem, tools: Tools = "full") -> str:
    return "".join(as_markdown(SESSION, thread(list(items)), options(tools)))


EVIL = [
    "<script>alert(1)</script>", "</details></main></body>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "<javascript:alert(1)>",
    "![x](http://elsewhere.example/pixel.png)", "<!-- ", "```\n</code></pre><script>1</script>", "&lt;script&gt;", "\"><b onclick='x'>",
]  # fmt: skip


@pytest.mark.parametrize("text", EVIL)
def test_no_stored_text_becomes_a_tag_or_an_image(text: str) -> None:
    patched = change(text, f"@@ -1 +1 @@\n-{text}\n+{text}")
    evil_call = call(text, {"command": text, "other": text}, text, changes=[patched], error_class=text)
    items: list[TimelineItem] = [message(text), message(text, "user"), evil_call, call("Bash", {"command": text}, text)]
    entries = [entry("notice", text, item_id=text), entry("thinking", text, item_id=text)]
    session = replace(SESSION, title=text, note=text, user=text, git_branch=text)
    shown = "".join(as_markdown(session, thread([*items, *entries]), options()))

    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(shown)

    found = {each.type for token in tokens for each in (token, *(token.children or ()))}
    assert not found & {"html_block", "html_inline", "image"}


@given(st.one_of(texts, markdown_texts))
def test_any_text_of_others_stays_inside_its_place_in_markdown(text: str) -> None:
    """given any Markdown, when it is followed by a heading and a paragraph, then these are what they are, and no tag is read in it."""
    whole = f"{contained(plain(text))}\n\n## End of it\n\nlast words\n"
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(whole)
    assert [token.tag for token in tokens if token.level == 0][-4:] == ["h2", "h2", "p", "p"]
    assert tokens[-2].content == "last words"
    # Neither a tag nor an image, which a viewer would fetch.
    assert not [
        each for token in tokens for each in (token, *(token.children or ())) if each.type in ("html_block", "html_inline", "image")
    ]


@pytest.mark.parametrize(
    "text", ["`a <b> | <c>`", "- x ``<a>\n  <b>` `` y", "```\n<a>\n```", "    <a>", "| `<a>` | b |\n|-|-|\n| `<c>` | d |"]
)
def test_code_in_the_markdown_of_others_stays_as_it_is(text: str) -> None:
    assert contained(text).replace("\n  \\<b>", "\n  <b>") == text


@given(st.text(st.sampled_from("`~ab\n \\"), max_size=60))
def test_a_fence_and_a_code_span_hold_any_text(text: str) -> None:
    [token] = MarkdownIt("commonmark").parse(fenced(text))
    assert token.type == "fence"
    assert token.content.rstrip("\n") == text.rstrip("\n")
    line = one_line(text, 100)
    if line:
        inline = MarkdownIt("commonmark").parse(f"x {code(line)} y")[1]
        assert [child.content for child in inline.children or [] if child.type == "code_inline"] == [line]


def test_codes_for_terminals_are_removed_and_other_control_characters_are_shown() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x9b1m\x1b(B") == "red x"
    assert plain("a\x00b\x08c\x7fd\u202ee\r\nf") == "a\u2400b\u2408c\u2421d\ufffde\nf"
    text = markdown(message("\x1b[2Jgone\x1b"), call(result="\x1b]52;c;AAAA\x07"))
    assert "gone␛" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_markdown_has_prompts_texts_and_a_line_for_each_call() -> None:
    text = markdown(
        message("Run <b>it</b>", "user"),
        message("I run it."),
        call("Bash", {"command": "make test"}, "42 passed"),
        call(
            "Edit",
            {"file_path": "/a.py"},
            "ok",
            changes=[change("/a.py", "@@ -1 +1 @@\n-a\n+b")],
            result_status="error",
            error_class="exit_code",
        ),
        message("Done."),
        tools="lines",
    )
    assert "## You  Fri 20 Nov 2026 12:00\n\n> Run \\<b>it\\</b>\n" in text
    assert "- ✓ **Bash** `make test` · 1.2 s\n- ✗ **Edit** `/a.py` · exit code · 1.2 s · +1 −1\n\nDone.\n" in text
    assert "42 passed" not in text
    assert "```" not in text


def test_markdown_with_tools_has_output_and_diffs_in_fences_that_hold() -> None:
    text = markdown(call("Bash", {"command": "cat x.md"}, "```\ncode\n```"), call(changes=[change("/a.md", "@@ -1 +1 @@\n-```\n+````")]))
    assert "````text\n```\ncode\n```\n````\n" in text
    assert "`````diff\n@@ -1 +1 @@\n-```\n+````\n`````\n" in text


def test_what_was_left_out_of_a_result_is_said_where_it_was() -> None:
    text = markdown(call(result=ToolResult("beginend", 1234, 5, [Media("image/png", 5)])))
    assert "begin\n… 1,234 characters left out …\nend" in text
    assert "image/png, 5 bytes" in text


def test_a_subagent_stands_below_its_call_and_is_shown_once() -> None:
    subagent = SubagentSummary("a", 2, 0, None, 0, NOON, NOON, "look")
    task = call("Task", {"description": "look"}, subagent=subagent)
    steps = thread([task, task, message("end")], {"a": [message("inner"), call("Task", None, subagent=subagent)]})
    text = "".join(as_markdown(SESSION, steps, options("lines")))
    assert text.count("> inner") == 1
    assert text.index("**Task**") < text.index("> inner") < text.index("\nend\n")


def test_a_digest_tells_what_was_asked_what_came_of_it_and_which_checks_ran() -> None:
    items: list[TimelineItem] = [
        message("Fix the retry, @bob, see #12", "user"),
        call("Bash", {"command": "make test"}, "SECRET OUTPUT", result_status="error", error_class="exit_code"),
        call("Edit", {}, None, changes=[change("/home/ann/shop/src/a.py", "@@ SECRET PATCH")]),
        call("Bash", {"command": "make test"}, "SECRET OUTPUT"),
        call("Bash", {"command": "ls"}, "SECRET OUTPUT"),
        message("It retries now."),
    ]
    text = as_digest(SESSION, thread(items), ZoneInfo("UTC"))
    assert "1. Fix the retry, @\u200bbob, see \\#\u200b12\n" in text
    assert "> It retries now." in text
    assert "- `src/a.py` modified, +1 −1\n" in text
    assert "- `make test` ✓ passed after 1 failure\n" in text
    assert "Cost: $1.50" in text
    assert "SECRET" not in text
    assert "`ls`" not in text


@pytest.mark.parametrize(
    "image",
    [
        "![stolen](https://evil.example/x.png?d=1)",
        "![stolen][there]\n\n[there]: https://evil.example/x.png",
        "a\n\n| ![stolen](https://evil.example/x.png) |\n|-|\n",
        "\\\\![stolen](https://evil.example/x.png)",
        "[![stolen](https://evil.example/x.png)](https://evil.example)",
        "``![stolen](https://evil.example/x.png)`",
        '<img src="https://evil.example/x.png">',
    ],
)
def test_an_export_makes_no_reader_fetch_an_image(image: str) -> None:
    steps = thread([message(image, "user"), message(image), message(image, "user"), message(image)])
    session = replace(SESSION, note=image, title=image)
    for text in (as_digest(session, steps, ZoneInfo("UTC")), markdown(*[message(image, "user"), message(image)])):
        shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        assert "<img" not in shown
        assert "stolen" in shown or "&lt;img" in shown


def test_a_digest_fits_a_pull_request_and_has_no_secret() -> None:
    token = "ghp_" + "a1B2" * 9
    items: list[TimelineItem] = [
        each for n in range(300) for each in (message(f"<{n}> " * 2000, "user"), message("`" * 1000 + f"# {n} *\n" * 3000))
    ]
    items += [call("Bash", {"command": f"make test{n} " + "*" * 500}, result_status="error") for n in range(300)]
    items += [call(changes=[change(f"/{n}/" + "x" * 3000)]) for n in range(300)]
    text = as_digest(SESSION, thread([message(f"use {token}", "user"), *items]), ZoneInfo("UTC"))
    assert len(text) <= MOST_CHARACTERS
    assert token not in text


@pytest.mark.parametrize("piece", ["[", "![", "*a ", "`", "<", "> ", "- ", "_x_ ", "](", "&", "| a ", "~~"])
def test_hostile_markdown_does_not_take_the_parser_long(piece: str) -> None:
    text = piece * (50_000 // len(piece))
    assert contained(text + "<b>```")
