"""Search in everything: its parameters and its answer."""

from typing import Annotated, Literal

from pydantic import Field

from services.query.parameters.fields import (
    Absent,
    Dated,
    Filtered,
    OptionalBranch,
    OptionalRole,
    OptionalSession,
    Text,
)

MAX_QUERY_CHARS = 2_000

Kind = Literal["message", "tool_call", "command", "input", "result", "file", "session", "timeline_entry"]
_KINDS = (
    "`input`, `result`: in that part of a tool call; `command`: in what Bash was given; `file`: paths; `session`: titles, notes, tags; "
    "`timeline_entry`: summaries of compactions, commands of Claude Code."
)


class DocumentSearch(Dated, Filtered):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=MAX_QUERY_CHARS,
            description='Words that must all match (the last one also as a prefix), `"a phrase"`, `-not`, `or`; and filters: `project:shop` '
            "(name, end of the path or id), `user:`, `tool:`, `file:`, `branch:`, `role:`, `kind:`, `machine:`, `session:`, `agent:`, `is:error`, "
            '`is:starred`, `before:`, `after:` (a date, `7d`, `yesterday`). A value with spaces is quoted: `project:"my shop"`. '
            "More than 32 words are a pasted text, of which the words alone count. A filter goes before the parameter of its name. "
            "With `mode=literal` and `mode=regex` it is taken as it stands.",
            examples=["retry upload project:shop is:error"],
        ),
    ] = None
    mode: Literal["words", "literal", "regex"] = Field(
        "words",
        description="`literal`: texts that have `q` in them, anywhere. `regex`: a regular expression as RE2 has them, without "
        "back references and looks around, of at most 256 characters; `\\y` is `\\b`. Two such searches run at a time.",
    )
    case: bool = Field(False, description="With `mode=literal` and `mode=regex`: upper and lower case are different.")
    sort: Literal["best", "newest"] = Field("best", description="`best`: by score among the newest 500 matches, then newest first.")
    group_by: Annotated[
        Literal["session"] | None,
        Absent(),
        Field(description="`session`: sessions with their best matches."),
    ] = None
    context: bool = Field(False, description="Also what was said before and after each match.")
    include_content: bool = Field(False, description="Also the whole text of each match. A page holds at most 8 MiB of text.")
    correct: bool = Field(True, description="In `ranked`: take a near word instead of one that no session has.")
    kind: Annotated[Kind | None, Absent(), Field(description=f"Only this kind. {_KINDS}")] = None
    session_id: OptionalSession = None
    tool_name: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool, in any case.", examples=["Bash"])
    ] = None
    role: OptionalRole = None
    branch: OptionalBranch = None
    is_error: Annotated[bool | None, Absent(), Field(description="Only tool calls that failed; or only what did not.")] = None
    is_starred: Annotated[bool | None, Absent(), Field(description="Only sessions with a star; or only those without.")] = None
    limit: int = Field(50, ge=1, le=200, description="Most items on a page.")
